import AgentService
import AuditTrail
import Diagnostics
import LinuxKernel
import Waiting

/// The log of the store, which the runtime writes launches and execs to as well.
struct StoreTrail: AccountKeeper {
    private let ledger: AuditLedger

    init(log: AuditLog) { ledger = AuditLedger(log) }

    func append(_ event: String, _ details: [String: String], distinct: [String]) async throws(Failure) {
        let ledger = ledger
        try await ThreadPool.shared.run { () throws(Failure) in
            try ledger.append(event, details, distinct: distinct)
        }
    }

    /// Writes what was counted only, before the agent ends.
    func settle() async throws(Failure) {
        let ledger = ledger
        try await ThreadPool.shared.run { () throws(Failure) in try ledger.settle() }
    }
}
