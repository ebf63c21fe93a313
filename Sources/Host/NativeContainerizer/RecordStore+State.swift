import Containers
import Diagnostics
import LinuxKernel
import Synchronization

/// The part of a record that changes while a container starts, in files of its own, `held` and `started`: one short
/// line instead of the whole document again. Two files, because ext4 writes out at once what replaces another file.
///
/// Phases only go forward. A line counts where it is further than the document, so writing both needs no order.
extension RecordStore {
    /// Writes down that `record`, which was written before, has reached its phase, with its process and start.
    func advance(_ record: ContainerRecord) throws(Failure) {
        let id = record.request.id
        do throws(KernelError) {
            let folder = try OwnedDescriptor.open(RawPath(directory(id)), [.directory])
            try folder.open("phase.new", [.writeOnly, .create, .truncate], mode: 0o600)
                .write(ContainerProgress(record).line)
            try folder.rename("phase.new", to: RawPath(record.phase.rawValue))
        } catch {
            throw unwritable(error, id)
        }
    }

    /// `record` as far as it has come since.
    func current(_ record: ContainerRecord) throws(Failure) -> ContainerRecord {
        let id = record.request.id
        if record.phase == .ended { return record }
        return try progress(of: id)?.applied(to: record) ?? record
    }

    /// The process of a container that was released; nil for one that was not, without reading its record.
    func process(of id: ContainerID) throws(Failure) -> ContainerRecord.ProcessIdentity? {
        guard let progress = try progress(of: id), progress.phase == .started else { return nil }
        return progress.process
    }

    private func progress(of id: ContainerID) throws(Failure) -> ContainerProgress? {
        if let started = try progress(of: id, .started) { return started }
        return try progress(of: id, .held)
    }

    private func progress(
        of id: ContainerID, _ phase: ContainerRecord.Phase
    ) throws(Failure) -> ContainerProgress? {
        let text: String
        do throws(KernelError) { text = try TextFile.read("\(directory(id))/\(phase.rawValue)", limit: 256) } catch {
            if error.errno == Errno.noEntry || error.errno == Errno.notDirectory { return nil }
            throw error.failure("state.unreadable", doing: "read the state of container", on: id.text)
        }
        guard let progress = ContainerProgress(line: text) else {
            throw Failure(
                "state.damaged", doing: "read the state of container", on: id.text, cause: "it is not a line of ours",
                remedy: "remove it with: bulkhead rm --force \(id.text)")
        }
        return progress
    }

    func unwritable(_ error: KernelError, _ id: ContainerID) -> Failure {
        error.failure(
            "state.unwritable", doing: "write the record of container", on: id.text,
            remedy: "make room on the file system of \(places.volatile)", retry: .later)
    }
}

/// How far a container has come, as a line: phase, process id, its start time, boot id, start of the task.
struct ContainerProgress: Equatable {
    var phase: ContainerRecord.Phase
    var process: ContainerRecord.ProcessIdentity?
    var startedAt: Double?

    init(_ record: ContainerRecord) {
        phase = record.phase
        process = record.process
        startedAt = record.startedAt
    }

    var line: String {
        let identity = process.map { "\($0.id) \($0.startTime) \($0.bootID)" } ?? "- - -"
        return "\(phase.rawValue) \(identity) \(startedAt.map { "\($0)" } ?? "-")\n"
    }

    init?(line: String) {
        let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count == 5, line.ends(with: "\n"), let phase = ContainerRecord.Phase(rawValue: words[0]) else {
            return nil
        }
        self.phase = phase
        if words[1] != "-" {
            guard let id = Int32(words[1]), let start = UInt64(words[2]) else { return nil }
            process = ContainerRecord.ProcessIdentity(id: id, startTime: start, bootID: words[3])
        }
        if words[4] != "-" {
            guard let seconds = Double(words[4]) else { return nil }
            startedAt = seconds
        }
    }

    func applied(to record: ContainerRecord) -> ContainerRecord {
        guard phase.rank > record.phase.rank else { return record }
        var record = record
        record.phase = phase
        record.process = process
        record.startedAt = startedAt
        return record
    }
}

extension ContainerRecord.Phase {
    fileprivate var rank: Int {
        switch self {
        case .creating: 0
        case .held: 1
        case .started: 2
        case .ended: 3
        }
    }
}

/// Documents this process has read or written, with their bytes: a file that still holds the same is not decoded again.
final class KeptRecords: Sendable {
    private static let keptMax = 2_048
    private let documents = Mutex<[ContainerID: (bytes: [UInt8], record: ContainerRecord)]>([:])

    func record(_ id: ContainerID, bytes: [UInt8]) -> ContainerRecord? {
        documents.withLock { documents in
            guard let known = documents[id], known.bytes == bytes else { return nil }
            return known.record
        }
    }

    func keep(_ record: ContainerRecord, bytes: [UInt8]) {
        documents.withLock { documents in
            if documents.count >= Self.keptMax { documents.removeAll() }
            documents[record.request.id] = (bytes, record)
        }
    }

    func drop(_ id: ContainerID) { documents.withLock { _ = $0.removeValue(forKey: id) } }
}
