import Diagnostics
import DurableStorage
import LinuxKernel

/// The key an agent signs its executors' tokens with. It is kept beside the agent's other records, since executors
/// outlive the agent; nobody but root reads it.
enum ExecutorKeyFile {
    private static let name: RawPath = "executor.key"
    private static let keyBytes = 32
    private static let lengthMax = 4_096

    /// The key below `workDirectory`, drawn when there is none. The caller has the work directory for itself.
    ///
    /// - Throws: `agent.executor-key`.
    static func key(in workDirectory: String) throws(Failure) -> [UInt8] {
        let path = workDirectory + "/meta"
        do throws(KernelError) {
            let directory = try OwnedDescriptor.open(RawPath(path), [.directory, .noFollow])
            if let kept = try AtomicFile.read(name, in: directory, limit: lengthMax), kept.count >= keyBytes {
                return kept
            }
            var key: [UInt8] = []
            while key.count < keyBytes {
                withUnsafeBytes(of: KernelRandom.number()) { key += Array($0) }
            }
            try AtomicFile.replace(name, in: directory, with: key, mode: 0o600)
            return key
        } catch {
            throw error.failure("agent.executor-key", doing: "keep the key of executors' tokens", on: path)
        }
    }
}
