import Diagnostics
import LinuxKernel

/// The open file of a journal.
final class JournalFile {
    private var file: OwnedDescriptor?
    private let directory: OwnedDescriptor
    private var lock: FileLock?
    /// Where the next record goes.
    private(set) var end: UInt64 = 0
    private(set) var tornBytes = 0
    private(set) var isDamaged = false
    /// Something else has the journal's name.
    private(set) var isForeign = false

    init(directory: OwnedDescriptor, lock: FileLock, bytesMax: Int) throws(KernelError) {
        self.directory = directory
        self.lock = lock
        try AtomicFile.sweep(directory)
        if try !directory.exists(FileJournal.name) {
            try AtomicFile.replace(FileJournal.name, in: directory, with: JournalFormat.title)
        }
        let file = try directory.open(FileJournal.name, [.readWrite, .noFollow])
        self.file = file
        let bytes = try file.readAll(limit: FileJournal.fileBytesMax)
        guard bytes.starts(with: JournalFormat.title) else {
            isForeign = true
            return
        }
        let contents = JournalFormat.read(bytes, bytesMax: bytesMax)
        end = UInt64(contents.end)
        isDamaged = contents.isDamaged
        tornBytes = bytes.count - contents.end
        if tornBytes > 0 && !isDamaged {
            try file.truncate(to: Int64(contents.end))
            try file.synchronize()
        }
    }

    func readAll() throws(KernelError) -> [UInt8] {
        guard let file else { return [] }
        try file.seek(to: 0)
        return try file.readAll(limit: FileJournal.fileBytesMax)
    }

    func write(_ bytes: [UInt8], at offset: Int64) throws(KernelError) {
        guard let file else { return }
        try file.seek(to: offset)
        try file.write(bytes)
        try file.synchronize()
    }

    func replace(with bytes: [UInt8]) throws(KernelError) {
        try AtomicFile.replace(FileJournal.name, in: directory, with: bytes)
        file = try directory.open(FileJournal.name, [.readWrite, .noFollow])
    }

    func release() {
        file = nil
        lock = nil
    }
}

/// The journal's thread: takes everything that waits, writes it, makes it durable once, answers everybody.
final class JournalWriter: @unchecked Sendable {
    // @unchecked: after `init` only the journal's own thread touches anything but `state`.
    private let state: Monitor<FileJournal.State>
    private let opened: JournalFile
    private let bytesMax: Int
    private var end: UInt64
    /// Why nothing is appended or read: a write has failed, and no replacement has succeeded since.
    private var broken: Failure?

    init(file: JournalFile, state: Monitor<FileJournal.State>, bytesMax: Int) {
        self.state = state
        self.bytesMax = bytesMax
        opened = file
        end = file.end
    }

    func run() {
        while let batch = next() {
            var rest = batch[...]
            while let first = rest.first {
                switch first.order {
                case .append:
                    let count = rest.prefix { if case .append = $0.order { true } else { false } }.count
                    append(Array(rest.prefix(count)))
                    rest = rest.dropFirst(count)
                case .replace(let records):
                    first.reply.resume(returning: replaced(with: records))
                    rest = rest.dropFirst()
                case .read:
                    first.reply.resume(returning: read())
                    rest = rest.dropFirst()
                }
            }
        }
        // The descriptor and the lock go before anybody hears of the end.
        let state = state
        opened.release()
        state.withLock { $0.hasEnded = true }
    }

    private func next() -> [FileJournal.Waiting]? {
        state.waitFor { state -> [FileJournal.Waiting]?? in
            if !state.waiting.isEmpty {
                defer {
                    state.waiting = []
                    state.waitingBytes = 0
                }
                return .some(state.waiting)
            }
            return state.isClosing ? .some(nil) : nil
        }
    }

    private func append(_ batch: [FileJournal.Waiting]) {
        if broken == nil {
            var bytes: [UInt8] = []
            for waiting in batch {
                guard case .append(let content) = waiting.order else { continue }
                bytes += JournalFormat.encode(content, durable: end)
            }
            do throws(KernelError) {
                try opened.write(bytes, at: Int64(end))
                moved(to: end + UInt64(bytes.count))
            } catch {
                // What reached the disk is unknown, and a second fsync would report success for lost pages.
                broken = Self.failure(error)
            }
        }
        let answer: FileJournal.Answer = broken.map { .failure($0) } ?? .success([])
        for waiting in batch { waiting.reply.resume(returning: answer) }
    }

    /// Also after a failure: a new file owes nothing to the pages of the old one, whatever became of those.
    private func replaced(with records: [[UInt8]]) -> FileJournal.Answer {
        var bytes = JournalFormat.title
        for record in records { bytes += JournalFormat.encode(record, durable: UInt64(bytes.count)) }
        do throws(KernelError) {
            try opened.replace(with: bytes)
        } catch {
            broken = Self.failure(error)
            return .failure(Self.failure(error))
        }
        broken = nil
        moved(to: UInt64(bytes.count))
        return .success([])
    }

    private func read() -> FileJournal.Answer {
        if let broken { return .failure(broken) }
        do throws(KernelError) {
            let contents = JournalFormat.read(try opened.readAll(), bytesMax: bytesMax)
            guard UInt64(contents.end) == end else {
                return .failure(
                    Failure(
                        "journal.damaged", doing: "read the journal",
                        cause: "\(end) bytes were written and \(contents.end) can be read", remedy: "check its disk"))
            }
            return .success(contents.records)
        } catch {
            return .failure(error.failure("journal.open", doing: "read the journal", remedy: "check its disk"))
        }
    }

    private func moved(to end: UInt64) {
        self.end = end
        state.withLock { $0.fileBytes = end }
    }

    private static func failure(_ error: KernelError) -> Failure {
        error.failure(
            "journal.write", doing: "write to the journal",
            remedy: "\(error.errno == Errno.noSpace ? "free space on" : "check") its disk")
    }
}
