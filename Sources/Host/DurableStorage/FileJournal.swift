public import Determinism
public import Diagnostics
public import LinuxKernel

/// A journal in one file, written by a thread of its own that makes everything that waits durable with one fsync(2).
///
/// One process at a time: the directory's lock is held as long as the journal is open.
public final class FileJournal: Journal {
    public static let name: RawPath = "journal"
    private static let lockName: RawPath = "journal.lock"
    /// Records that may wait for the disk at once.
    public static let waitingMax = 8_192
    /// Bytes that may wait for the disk at once.
    public static let waitingBytesMax = 64 << 20
    /// The largest journal that is read back.
    public static let fileBytesMax = 1 << 30

    public let recordBytesMax: Int
    /// Bytes of an unfinished write that were cut off when the journal was opened.
    public let tornBytes: Int
    private let state: Monitor<State>

    enum Order {
        case append([UInt8])
        case replace([[UInt8]])
        case read
    }
    typealias Answer = Result<[[UInt8]], Failure>
    typealias Waiting = (order: Order, reply: CheckedContinuation<Answer, Never>)

    struct State {
        var waiting: [Waiting] = []
        var waitingBytes = 0
        var fileBytes: UInt64 = 0
        var isClosing = false
        var hasEnded = false
    }

    /// Opens or makes the journal in `directory`. Blocks: not for Swift's own threads.
    ///
    /// - Throws: `journal.in-use`, `journal.damaged`, `journal.foreign`, `journal.open`.
    public init(in directory: OwnedDescriptor, recordBytesMax: Int = 4 << 20) throws(Failure) {
        let opened: JournalFile
        do throws(KernelError) {
            guard let lock = try FileLock.tryAcquire(Self.lockName, in: directory, purpose: "keeping the journal")
            else { throw KernelError(call: "flock", errno: Errno.wouldBlock) }
            opened = try JournalFile(directory: directory, lock: lock, bytesMax: recordBytesMax)
        } catch {
            throw Self.openFailure(error, in: directory)
        }
        if opened.isForeign {
            throw Failure(
                "journal.foreign", doing: "open the journal", cause: "the file is not one of this version's journals",
                remedy: "use another directory, or move the file away")
        }
        if opened.isDamaged {
            throw Failure(
                "journal.damaged", doing: "open the journal",
                cause: "the record at byte \(opened.end), which was durable, cannot be read any more",
                remedy: "check the disk; restore the file, or move it away to begin anew without what it held")
        }
        self.recordBytesMax = recordBytesMax
        tornBytes = opened.tornBytes
        let state = Monitor(State(fileBytes: opened.end))
        self.state = state
        let writer = JournalWriter(file: opened, state: state, bytesMax: recordBytesMax)
        do throws(KernelError) { _ = try WorkerThread { writer.run() } } catch {
            throw error.failure("journal.open", doing: "start the journal's thread", retry: .later)
        }
    }

    deinit { state.withLock { $0.isClosing = true } }

    private static func openFailure(_ error: KernelError, in directory: OwnedDescriptor) -> Failure {
        guard error.errno == Errno.wouldBlock else {
            return error.failure(
                "journal.open", doing: "open the journal", remedy: "check the directory", retry: .later)
        }
        var holder = "another process"
        do throws(KernelError) {
            let owner = try FileLock.owner(lockName, in: directory)
            if !owner.isEmpty { holder = "process \(owner)" }
        } catch { holder = "another process, whose name cannot be read" }
        return Failure(
            "journal.in-use", doing: "open the journal", cause: "\(holder) has it open",
            remedy: "stop that one, or use another directory")
    }

    public func append(_ record: [UInt8]) async throws(Failure) {
        guard record.count <= recordBytesMax else {
            throw Failure.recordTooLarge(record.count, limit: recordBytesMax)
        }
        _ = try await perform(.append(record), bytes: record.count)
    }

    public func records() async throws(Failure) -> [[UInt8]] { try await perform(.read, bytes: 0) }

    public func replace(with records: [[UInt8]]) async throws(Failure) {
        for record in records where record.count > recordBytesMax {
            throw Failure.recordTooLarge(record.count, limit: recordBytesMax)
        }
        _ = try await perform(.replace(records), bytes: 0)
    }

    public func byteCount() async -> UInt64 { state.withLock { $0.fileBytes } }

    /// Carries out what waits, then lets go of the file and its lock. Blocks until then; nothing can be done after it.
    public func close() {
        state.withLock { $0.isClosing = true }
        _ = state.waitFor { $0.hasEnded ? true : nil }
    }

    private func perform(_ order: Order, bytes: Int) async throws(Failure) -> [[UInt8]] {
        let answer = await withCheckedContinuation { (reply: CheckedContinuation<Answer, Never>) in
            let refusal = state.withLock { state -> Failure? in
                if state.isClosing { return Self.closed }
                guard state.waiting.count < Self.waitingMax, state.waitingBytes + bytes <= Self.waitingBytesMax else {
                    return Self.overloaded
                }
                state.waiting.append((order, reply))
                state.waitingBytes += bytes
                return nil
            }
            if let refusal { reply.resume(returning: .failure(refusal)) }
        }
        return try answer.get()
    }

    private static let closed = Failure(
        "journal.write", doing: "write to the journal", cause: "it has been closed", remedy: "start again")
    private static let overloaded = Failure(
        "journal.overloaded", doing: "write to the journal", cause: "the disk does not keep up",
        remedy: "try again later", limit: "waiting records \(waitingMax)", retry: .later)
}
