import Diagnostics
import DurableStorage
import LinuxKernel
import OCIFormat
import TrustFormat

/// `index.json`: which images there are. A value; changed under the store's lock and replaced whole.
struct StoreIndex: Equatable, Sendable {
    /// One image, by its manifest. Without references it is dangling: a newer image took its names.
    struct Record: Equatable, Sendable {
        var manifest: Digest
        /// The configuration's digest: what people know as the image's identifier.
        var configuration: Digest
        var chain: [Digest]
        var blobs: [Digest]
        var references: [ImageReference]
        var platform: Platform
        /// Bytes of the unpacked layers.
        var size: UInt64
        /// As the image says, RFC 3339.
        var created: String?
        /// Seconds since 1970.
        var imported: Int64
        /// Indexes that led to the manifest. Records of older programs have none, nor what follows.
        var indexes: [Digest] = []
        /// The blob with its signatures.
        var signatures: Digest?
        /// What the policy said of it at its last import.
        var verdict: TrustVerdict?

        /// Whether `name@digest` means this image.
        func isNamed(by digest: Digest) -> Bool { manifest == digest || indexes.contains(digest) }
    }

    var records: [Record] = []

    /// Bytes of an index that is read, and that is written by whoever makes it shorter. An import has less
    /// (`ImageLimits.storeIndexBytes`), so that what it leaves can be read and made shorter.
    static let bytesMax = 64 << 20

    /// Adds `record`; its names are taken from whatever had them.
    mutating func add(_ record: Record) {
        var record = record
        for index in records.indices {
            records[index].references.removeAll { record.references.contains($0) }
        }
        if let known = records.firstIndex(where: { $0.manifest == record.manifest }) {
            record.references = Array(Set(records[known].references + record.references)).sorted()
            record.imported = records[known].imported
            record.indexes = Array(Set(records[known].indexes + record.indexes)).sorted()
            record.signatures = record.signatures ?? records[known].signatures
            records[known] = record
        } else {
            records.append(record)
        }
    }
}

// MARK: - Its file

extension StoreIndex {
    init(readFrom root: StoreRoot) throws(Failure) {
        let content = try onStore("read the image index", root.path) { () throws(KernelError) in
            try AtomicFile.read(StoreRoot.indexName, in: root.top, limit: StoreIndex.bytesMax)
        }
        guard let content else { return }
        do throws(Failure) { try read(content) } catch {
            throw StoreFailure.damaged("index.json", error.cause ?? error.description)
        }
    }

    /// - Parameter limit: bytes it may have.
    /// - Throws: `image.store-index-full` for an index that is longer, or that could not be read again; the one that is
    ///   there then stays.
    func write(to root: StoreRoot, limit: Int = StoreIndex.bytesMax) throws(Failure) {
        let content = Array(json.text.utf8)
        guard content.count <= limit else {
            throw Self.full("it would have \(content.count) bytes", in: root, limit: "index bytes \(limit)")
        }
        // An index nobody can read makes the whole store unusable, so it is read before it takes the other's place.
        var copy = StoreIndex()
        do throws(Failure) { try copy.read(content) } catch {
            throw Self.full("it could not be read: \(error.cause ?? error.description)", in: root, limit: error.limit)
        }
        try onStore("write the image index", root.path) { () throws(KernelError) in
            try AtomicFile.replace(StoreRoot.indexName, in: root.top, with: content)
        }
    }

    private static func full(_ cause: String, in root: StoreRoot, limit: String?) -> Failure {
        Failure(
            "image.store-index-full", doing: "write the image index", on: root.path, cause: cause,
            remedy: "remove images with 'bulkhead image prune', or import those of an archive one at a time",
            limit: limit)
    }

    var json: JSONValue {
        let images: [JSONValue] = records.map { record in
            var members: [(String, JSONValue)] = [
                ("manifest", .string(record.manifest.description)),
                ("configuration", .string(record.configuration.description)),
                ("references", .array(record.references.map { .string($0.description) })),
                ("chain", .array(record.chain.map { .string($0.description) })),
                ("blobs", .array(record.blobs.map { .string($0.description) })),
                ("platform", .string(record.platform.description)),
                ("size", .number(record.size)),
                ("imported", .number(record.imported)),
            ]
            if let created = record.created { members.append(("created", .string(created))) }
            if !record.indexes.isEmpty {
                members.append(("indexes", .array(record.indexes.map { .string($0.description) })))
            }
            if let blob = record.signatures { members.append(("signatures", .string(blob.description))) }
            if let verdict = record.verdict { members.append(("verdict", verdict.json)) }
            return .object(.init(uniqueKeysWithValues: members))
        }
        return ["version": .number(1), "images": .array(images)]
    }

    private mutating func read(_ content: [UInt8]) throws(Failure) {
        let bounds = JSONBounds(bytes: UInt64(Self.bytesMax), depth: 8, values: 10_000_000)
        let object = try bounds.object(parsing: content, as: "index.json")
        guard try object.integer("version") == 1 else { throw object.missing("version") }
        for entry in try object.objects("images", entries: 1_000_000) ?? [] {
            records.append(try Record(entry))
        }
    }
}

extension StoreIndex.Record {
    init(_ object: JSONObject) throws(Failure) {
        manifest = try object.digest("manifest")
        configuration = try object.digest("configuration")
        chain = try object.digests("chain")
        blobs = try object.digests("blobs")
        references = []
        for text in try object.strings("references", entries: 100_000, bytes: 1_024) ?? [] {
            references.append(try ImageReference(parsing: text))
        }
        platform = try Platform(parsing: try object.string("platform", bytes: 128) ?? "")
        size = UInt64(clamping: try object.integer("size") ?? 0)
        imported = try object.integer("imported") ?? 0
        created = try object.string("created", bytes: 128)
        indexes = try object.digests("indexes")
        signatures = object.value("signatures") == nil ? nil : try object.digest("signatures")
        if let entry = try object.object("verdict") { verdict = try TrustVerdict(entry) }
    }
}

extension JSONObject {
    func digest(_ name: String) throws(Failure) -> Digest {
        guard let text = try string(name, bytes: 128) else { throw missing(name) }
        return try Digest(parsing: text, field: place(name))
    }

    func digests(_ name: String) throws(Failure) -> [Digest] {
        var digests: [Digest] = []
        for text in try strings(name, entries: 1_000_000, bytes: 128) ?? [] {
            digests.append(try Digest(parsing: text, field: place(name)))
        }
        return digests
    }
}
