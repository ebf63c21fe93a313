import Diagnostics
import DurableStorage
import LinuxKernel
import Synchronization

/// The two directories, of containers' state and of their files, that one agent has to itself while it runs.
///
/// An agent removes the containers it finds there and does not know. The journal's lock keeps apart only those that
/// share a work directory: two with one each, and all else as usual, would remove each other's.
final class AgentHold: Sendable {
    private let locks: Mutex<[FileLock]>

    private init(_ locks: [FileLock]) { self.locks = Mutex(locks) }

    /// Waits `patience` seconds for an agent that is just ending. Blocks: not for Swift's own threads.
    ///
    /// - Throws: `agent.in-use` when another agent has one of them: nothing of its was touched then.
    static func take(state: String, store: String, patience: Double = 10) throws(Failure) -> AgentHold {
        // Modes as those directories are made with when containers are.
        let first = try lock(state, mode: 0o711, patience)
        return AgentHold([first, try lock(store, mode: 0o700, patience)])
    }

    private static func lock(_ path: String, mode: UInt32, _ patience: Double) throws(Failure) -> FileLock {
        let lock: FileLock?
        do throws(KernelError) {
            lock = try DirectoryLock.take(path, mode: mode, purpose: "running an agent", patience: patience)
        } catch {
            throw error.failure("state.unwritable", doing: "take for this agent alone", on: path)
        }
        if let lock { return lock }
        throw Failure(
            "agent.in-use", doing: "start the agent", on: path, cause: "another agent has its containers there",
            remedy: "stop that one, or give this one --state and --store of its own")
    }

    /// The agent has ended; one that begins anew, in this process or another, may take them. Not left to the end of
    /// this object: somebody may still have it in hand when the next one begins.
    func letGo() { locks.withLock { $0 = [] } }
}
