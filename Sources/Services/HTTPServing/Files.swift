import ClusterAPI
public import Diagnostics

/// One entry of a listing.
public struct FileEntry: Hashable, Sendable {
    /// Virtual, from the root of what is served.
    public var path: String
    public var links: UInt64
    public var size: UInt64
    /// Seconds since 1970.
    public var modified: Double
    /// Type and permission bits as stat(2) has them.
    public var mode: UInt32
    public var user: String
    public var group: String

    public init(
        path: String, links: UInt64 = 1, size: UInt64, modified: Double, mode: UInt32, user: String = "root",
        group: String = "root"
    ) {
        self.path = path
        self.links = links
        self.size = size
        self.modified = modified
        self.mode = mode
        self.user = user
        self.group = group
    }
}

/// A piece of a file.
public struct FileSlice: Hashable, Sendable {
    public var bytes: [UInt8]
    /// Where it begins: beyond what was asked for when the beginning of a log has been dropped.
    public var offset: UInt64

    public init(_ bytes: [UInt8], at offset: UInt64) {
        self.bytes = bytes
        self.offset = offset
    }
}

/// Files under virtual paths. An implementation confines every path to the directory it stands for: a symbolic link or
/// `..` that leads outside is not found, whoever races to put it there. Blocking calls stay off the cooperative pool.
public protocol FileSource: Sendable {
    /// The entries of a directory, or the file itself; nil when there is nothing.
    func browse(_ path: String) async throws(Failure) -> [FileEntry]?
    /// The size of a file in bytes; nil when there is nothing or it is no regular file.
    func size(_ path: String) async throws(Failure) -> UInt64?
    /// Up to `length` bytes from `offset`, or from the first that is still there; fewer at the end; nil when there is
    /// nothing.
    func read(_ path: String, offset: UInt64, length: Int) async throws(Failure) -> FileSlice?
    /// Virtual paths and what they stand for, for `/files/debug`.
    func table() async -> [(virtual: String, real: String)]
}

/// `/files/browse`, `read`, `download`, `debug`.
public struct FileRoutes: Sendable {
    private let source: any FileSource

    /// Bytes of one `/files/read`: sixteen pages, as the protocol's console expects.
    public static let readBytesMax = 65_536
    static let downloadPieceBytes = 256 << 10

    public init(_ source: any FileSource) { self.source = source }

    public func routes(realm: Realm?) -> [Route] {
        [
            Route("/files/browse", realm: realm) { await self.guarded($0, self.browse) },
            Route("/files/read", realm: realm) { await self.guarded($0, self.read) },
            Route("/files/download", realm: realm) { await self.guarded($0, self.download) },
            Route("/files/debug", realm: realm) { request in
                let rows = await source.table().map { ($0.virtual, WireValue.string($0.real)) }
                return .json(.object(Dictionary(rows) { _, latest in latest }), for: request)
            },
        ]
    }

    private func guarded(
        _ request: Request, _ answer: (Request, String) async throws(Failure) -> Response
    ) async -> Response {
        guard let path = request.target["path"], !path.isEmpty else {
            return .text(.badRequest, "Expecting 'path=value' in query.")
        }
        guard !path.has("\0"), !path.cut(at: "/").contains("..") else { return FileRoutes.missing }
        do {
            return try await answer(request, path)
        } catch {
            return .refusal(error)
        }
    }

    private static let missing = Response.text(.notFound, "there is no such file")

    private func browse(_ request: Request, _ path: String) async throws(Failure) -> Response {
        guard let entries = try await source.browse(path) else { return FileRoutes.missing }
        let list = entries.sorted { $0.path < $1.path }.map { entry in
            WireValue.object([
                "path": .string(entry.path), "nlink": .number(entry.links), "size": .number(entry.size),
                "mtime": .number(entry.modified), "mode": .string(FileRoutes.permissions(entry.mode)),
                "uid": .string(entry.user), "gid": .string(entry.group),
            ])
        }
        return .json(.array(list), for: request)
    }

    /// `offset=-1` tells the size; `length=-1` or none reads as much as one answer holds.
    private func read(_ request: Request, _ path: String) async throws(Failure) -> Response {
        guard let offset = FileRoutes.number(request.target["offset"], unset: -1),
            let length = FileRoutes.number(request.target["length"], unset: -1)
        else { return .text(.badRequest, "offset and length are whole numbers from -1") }
        guard let size = try await source.size(path) else { return FileRoutes.missing }
        guard offset >= 0 else {
            return .json(.object(["data": "", "offset": .number(size)]), for: request)
        }
        let most = length < 0 ? FileRoutes.readBytesMax : min(Int(clamping: length), FileRoutes.readBytesMax)
        guard let slice = try await source.read(path, offset: UInt64(offset), length: most) else {
            return FileRoutes.missing
        }
        let text = String(decoding: slice.bytes, as: UTF8.self)
        // Where the text begins, so that whoever reads on knows from where.
        return .json(.object(["data": .string(text), "offset": .number(slice.offset)]), for: request)
    }

    private func download(_ request: Request, _ path: String) async throws(Failure) -> Response {
        guard let size = try await source.size(path) else { return FileRoutes.missing }
        let name = (path.cut(at: "/").last ?? "file").map { $0.isASCII && $0 != "\"" && $0 != "\\" ? $0 : "_" }
        let source = source
        // A log whose beginning has been dropped is what is left of it.
        let start = min(size, try await source.read(path, offset: 0, length: 1)?.offset ?? 0)
        let position = DownloadPosition(from: start, to: size)
        var response = Response(
            .ok,
            headers: [
                "Content-Type": "application/octet-stream",
                "Content-Disposition":
                    "attachment; filename=\"\(String(name.filter { $0 >= " " && $0 != "\u{7f}" }))\"",
            ])
        if start > 0 { response.headers.add(name: "Bulkhead-File-Offset", value: "\(start)") }
        response.body = .pieces(length: Int(size - start)) {
            // A file that grows meanwhile is sent as long as it was; one that shrinks cuts the answer off.
            guard let (offset, length) = await position.next(FileRoutes.downloadPieceBytes) else { return nil }
            guard let slice = try await source.read(path, offset: offset, length: length), slice.offset == offset,
                slice.bytes.count == length
            else {
                throw Failure("files.shrunk", doing: "send", on: path, cause: "it became shorter meanwhile")
            }
            return slice.bytes
        }
        return response
    }

    private static func number(_ text: String?, unset: Int64) -> Int64? {
        guard let text else { return unset }
        guard let number = Int64(text), number >= -1 else { return nil }
        return number
    }

    /// `-rw-r--r--`.
    static func permissions(_ mode: UInt32) -> String {
        let kind: Character =
            switch mode & 0o170000 {
            case 0o040000: "d"
            case 0o120000: "l"
            case 0o140000: "s"
            case 0o060000: "b"
            case 0o020000: "c"
            case 0o010000: "p"
            default: "-"
            }
        var text = String(kind)
        for (place, letter) in "rwxrwxrwx".enumerated() {
            let mask = UInt32(0o400) >> UInt32(place)
            text.append(mode & mask == 0 ? "-" : letter)
        }
        return text
    }
}

private actor DownloadPosition {
    private var offset: UInt64
    private let end: UInt64

    init(from offset: UInt64, to end: UInt64) {
        self.offset = offset
        self.end = end
    }

    func next(_ most: Int) -> (UInt64, Int)? {
        guard offset < end else { return nil }
        let length = Int(min(UInt64(most), end - offset))
        defer { offset += UInt64(length) }
        return (offset, length)
    }
}
