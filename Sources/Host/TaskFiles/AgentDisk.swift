public import AgentCore
public import Diagnostics
public import DurableStorage
import LinuxKernel
import Waiting

/// What an agent has on its machine's disk: its journal, and its tasks' files. One process at a time has it.
public struct AgentDisk: Sendable {
    public let journal: FileJournal
    public let host: TaskHost

    /// Makes the work directory when it is not there, takes it for this process, and empties the fetch cache. Waits for
    /// the disk on a thread of our own.
    ///
    /// - Parameter unpacker: path of `bulkhead-unpack`.
    /// - Throws: `work-directory.unusable`, and `journal.in-use` when another agent works in it: nothing was touched
    ///   then. `journal.damaged`, `journal.foreign`, `journal.open`, `fetch.cache`.
    public static func open(
        _ workDirectory: String, unpacker: String, downloader: any Downloader, fetchRules: FetchRules = FetchRules()
    ) async throws(Failure) -> AgentDisk {
        try await ThreadPool.shared.run { () throws(Failure) in
            let work = try WorkDirectory(workDirectory)
            let journal = try FileJournal(in: try work.records())
            let host = try TaskHost(
                workDirectory: work, unpacker: unpacker, downloader: downloader, fetchRules: fetchRules)
            return AgentDisk(journal: journal, host: host)
        }
    }

    /// Writes what waits and gives the work directory back. After the agent has ended.
    public func close() async throws(Failure) {
        let journal = journal
        try await ThreadPool.shared.run { () throws(Failure) in journal.close() }
    }
}
