import AgentService
import AuditTrail
import Diagnostics
import LinuxKernel
import Waiting

/// The log of the store, which the runtime writes launches and execs to as well.
struct StoreTrail: AccountKeeper {
    var log: AuditLog

    func append(_ event: String, _ details: [String: String]) async throws(Failure) {
        let log = log
        try await ThreadPool.shared.run { () throws(Failure) in try log.append(event, details) }
    }
}
