import Diagnostics
import LinuxKernel
import OCIFormat

/// Takes archives apart with the confined program that touches hostile bytes, `bulkhead-unpack`.
public struct ArchiveExtractor: Sendable {
    /// Path of the program.
    public let program: String
    /// Bytes an archive may become.
    public var expandedBytesMax: UInt64 = 32 << 30
    public var entriesMax: UInt64 = 1_000_000

    private static let resultBytesMax = 64 << 10

    public init(program: String) { self.program = program }

    /// How a file of this name is taken apart, by the endings the protocol knows.
    enum Form: Equatable {
        case archive
        /// One compressed file, which becomes the name without its ending.
        case single(name: String)

        init?(_ name: String) {
            let endings = [
                ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip", ".tzst", ".tar.zst",
            ]
            if endings.contains(where: { name.ends(with: $0) && name.utf8.count > $0.utf8.count }) {
                self = .archive
            } else if name.ends(with: ".gz"), name.utf8.count > 3 {
                self = .single(name: String(name.dropLast(3)))
            } else {
                return nil
            }
        }
    }

    /// Writes the files of `archive` below `directory`. Blocks; `started` is told the process, to be able to end it.
    /// Answers the bytes of the files.
    ///
    /// - Throws: what the program says is wrong with the archive; `fetch.unpacker`.
    @discardableResult
    func extract(
        _ archive: OwnedDescriptor, as form: Form, into directory: OwnedDescriptor, owner: (uid: UInt32, gid: UInt32),
        started: (ProcessHandle) -> Void = { _ in }
    ) throws(Failure) -> UInt64 {
        var arguments = [
            "extract", "--owner-uid", "\(owner.uid)", "--owner-gid", "\(owner.gid)",
            "--max-bytes", "\(expandedBytesMax)", "--max-entries", "\(entriesMax)",
        ]
        if case .single(let name) = form { arguments += ["--name", name] }
        let text: [UInt8]
        let end: ProcessEnd
        do throws(KernelError) {
            let (process, results) = try start(arguments, archive, directory)
            started(process)
            do throws(KernelError) { text = try results.readAll(limit: Self.resultBytesMax) } catch {
                // A worker whose words we cannot use must not go on writing.
                try process.killAndReap()
                throw error
            }
            end = try process.reap()
        } catch {
            throw error.failure("fetch.unpacker", doing: "run the unpacker", on: program, retry: .later)
        }
        return try Self.judge(text, end)
    }

    /// In a function of its own, so that the writing end is the child's alone when the results are read.
    private func start(
        _ arguments: [String], _ archive: OwnedDescriptor, _ directory: OwnedDescriptor
    ) throws(KernelError) -> (process: ProcessHandle, results: OwnedDescriptor) {
        let (read, write) = try OwnedDescriptor.pipe()
        return (
            try ToolProcess.start(program, arguments, descriptors: [archive, nil, nil, directory, write]), read
        )
    }

    private static func judge(_ text: [UInt8], _ end: ProcessEnd) throws(Failure) -> UInt64 {
        let bounds = JSONBounds(bytes: UInt64(resultBytesMax), depth: 8, values: 1_024)
        let line = text.split(separator: UInt8(ascii: "\n")).last.map { Array($0) } ?? []
        if !line.isEmpty {
            let object = try bounds.object(parsing: line, as: "the unpacker's results")
            if let failure = try object.object("failure") { throw try reported(failure) }
            if let done = try object.object("done"), end == .exited(0) {
                return UInt64(clamping: try done.integer("bytes") ?? 0)
            }
        }
        let how =
            switch end {
            case .signaled(let signal): "it was ended by signal \(signal)"
            case .exited(let status): "it ended with status \(status) and no result"
            }
        throw Failure(
            "fetch.unpacker", doing: "unpack the archive", cause: how,
            remedy: "the archive is damaged or hostile, or the host is out of memory")
    }

    private static func reported(_ object: JSONObject) throws(Failure) -> Failure {
        let bytes = 16 << 10
        return Failure(
            Failure.Code(rawValue: try object.string("code", bytes: 128) ?? "archive.invalid"),
            doing: try object.string("doing", bytes: bytes) ?? "unpack the archive",
            on: try object.string("subject", bytes: bytes), cause: try object.string("cause", bytes: bytes),
            remedy: try object.string("remedy", bytes: bytes), limit: try object.string("limit", bytes: bytes))
    }
}
