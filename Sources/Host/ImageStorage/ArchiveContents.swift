import Diagnostics
import LinuxKernel
import OCIFormat
import TrustFormat

/// Where the documents and blobs of an import come from, once its source was made safe to look at.
protocol ImageContents {
    /// The images the source names, before anything of their layers is read. What the plans keep is in `documents`.
    func plans(
        for wanted: Platform, limits: ImageLimits, holding documents: HeldDocuments
    ) throws(Failure) -> [ImagePlan]

    /// The bytes of a document whose digest and size are `descriptor`'s, verified.
    func document(_ descriptor: Descriptor, limits: ImageLimits) throws(Failure) -> [UInt8]

    /// Puts the blob into the staging directory and answers its file. Once for each blob.
    func stage(_ descriptor: Descriptor) throws(Failure) -> StagedBlob
}

/// A blob's file in the staging directory.
struct StagedBlob {
    var file: RawPath
    /// Whether it has the digest it was asked for; otherwise only its size is verified.
    var isVerified: Bool
}

/// An image to be imported: documents read and verified, layers still blobs.
struct ImagePlan {
    var references: [ImageReference]
    var manifest: Manifest
    var manifestText: [UInt8]
    var config: ImageConfig
    var configText: [UInt8]
    /// Of the indexes it was chosen from, each read and verified.
    var indexes: [Digest] = []
    /// As they came.
    var signatures: [ImageSignature] = []

    /// The same image, met once more.
    mutating func merge(_ other: ImagePlan) {
        references += other.references
        indexes += other.indexes.filter { !indexes.contains($0) }
        signatures += other.signatures.filter { !signatures.contains($0) }
    }

    var signatureDocument: [UInt8]? {
        signatures.isEmpty ? nil : Array(SignatureDocument(signatures: signatures).text.utf8)
    }

    var manifestDigest: Digest { Digest(of: manifestText) }
    /// Of the image itself; its signatures are kept apart, for they are none of its content.
    var blobs: [Digest] { manifest.layers.map(\.digest) + [manifest.configuration.digest, manifestDigest] }
}

/// An outer archive after the unpacker took it apart: its members are numbered files in the staging directory, and
/// their names are only looked up here, never made into paths.
struct ArchiveContents {
    struct Member: Equatable {
        var file: RawPath
        var size: UInt64
        /// Of its bytes, whatever its name says; or what its name says, which whoever reads it has to compare.
        var digest: Digest
        /// Which of the two. A blob is hashed when it is unpacked and not before (Docs/Decisions/0156).
        var isDigested: Bool
    }

    let staging: Staging
    let unpacker: Unpacker
    private(set) var members: [ArchiveMember: Member] = [:]
    /// Links by their own name, with the target as the archive gives it.
    private var links: [ArchiveMember: String] = [:]
    private var stored = 0
    private let targetBytesMax: Int

    /// Reads the archive through the unpacker.
    static func ingest(
        _ source: OwnedDescriptor, named name: String, into staging: Staging, unpacker: Unpacker, limits: ImageLimits,
        onProgress: (UInt64) -> Void
    ) throws(Failure) -> ArchiveContents {
        var contents = ArchiveContents(staging: staging, unpacker: unpacker, targetBytesMax: limits.pathBytes)
        _ = try unpacker.run(
            ["ingest", "--max-bytes", "\(limits.expandedBytes)", "--max-members", "\(limits.archiveMembers)"],
            input: source, target: staging.directory, reading: name, onProgress: onProgress
        ) { line throws(Failure) in
            if let progress = try line.object("progress") {
                onProgress(UInt64(clamping: try progress.integer("bytes") ?? 0))
            } else {
                try contents.add(line)
            }
        }
        return contents
    }

    private init(staging: Staging, unpacker: Unpacker, targetBytesMax: Int) {
        self.staging = staging
        self.unpacker = unpacker
        self.targetBytesMax = targetBytesMax
    }

    /// Of the member's bytes, computed now if it has not been.
    private func digest(of member: Member, named name: String) throws(Failure) -> Digest {
        if member.isDigested { return member.digest }
        let input = try onStore("open a blob in", staging.root.path) { () throws(KernelError) in
            try staging.directory.open(member.file, [.readOnly, .noFollow])
        }
        return try unpacker.digest(of: input, named: name)
    }

    private mutating func add(_ line: JSONObject) throws(Failure) {
        if let link = try line.object("link") {
            guard let name = try link.string("name", bytes: 64 << 10), let member = ArchiveMember(name: name) else {
                return
            }
            links[member] = try link.string("target", bytes: targetBytesMax) ?? ""
            return
        }
        guard let entry = try line.object("member") else { return }
        guard let name = try entry.string("name", bytes: 64 << 10), let file = try entry.string("file", bytes: 32),
            file == "m\(stored)", let size = try entry.integer("size"), size >= 0
        else { throw entry.missing("file") }
        stored += 1
        let key = ArchiveMember(name: name)
        let found: Member
        if case .blob(let claimed) = key, entry.value("digest") == nil {
            found = Member(file: RawPath(file), size: UInt64(size), digest: claimed, isDigested: false)
        } else {
            let digest = try entry.digest("digest")
            found = Member(file: RawPath(file), size: UInt64(size), digest: digest, isDigested: true)
        }
        guard let member = key else {
            // A name that means nothing: its bytes are not kept for the rest of the import.
            return try onStore("remove an unused member from", staging.root.path) { () throws(KernelError) in
                try staging.directory.unlink(found.file)
            }
        }
        if let known = members[member] {
            guard known.size == found.size, try digest(of: known, named: name) == digest(of: found, named: name) else {
                throw Failure(
                    "image.archive-duplicate-member", doing: "read the archive", cause: "\(name) is in it twice",
                    remedy: "the archive is damaged or hostile; save the image again", field: name)
            }
            return try onStore("remove a repeated member from", staging.root.path) { () throws(KernelError) in
                try staging.directory.unlink(found.file)
            }
        }
        members[member] = found
    }

    /// The member of this name, links followed by their text and inside the archive only.
    func member(named name: String) throws(Failure) -> Member {
        var name = name
        for _ in 0..<8 {
            guard let key = ArchiveMember(name: name) else { break }
            if let member = members[key] { return member }
            guard let target = links[key], let next = ArchiveContents.resolve(target, from: name) else { break }
            name = next
        }
        throw Failure(
            "image.blob-missing", doing: "find the archive's member", on: name, cause: "it is not in the archive",
            remedy: "the archive is incomplete; save the image again", field: name)
    }

    /// A link's target as a name of the archive; nil when it leads out of it.
    static func resolve(_ target: String, from name: String) -> String? {
        guard !target.begins(with: "/") else { return nil }
        var parts = name.cut(at: "/").dropLast().map(String.init)
        for part in target.cut(at: "/") {
            switch part {
            case ".": continue
            case "..":
                guard parts.popLast() != nil else { return nil }
            default: parts.append(String(part))
            }
        }
        // A hard link's target is given from the root of the archive already.
        let joined = parts.joined(separator: "/")
        return ArchiveMember(name: joined) != nil ? joined : target
    }

    /// The member's bytes, when there are no more than a document may have.
    func bytes(of member: Member, named name: String, limits: ImageLimits) throws(Failure) -> [UInt8] {
        guard member.size <= limits.documentBytes else {
            throw Failure(
                "image.document-too-large", doing: "read \(name)", cause: "it has \(member.size) bytes", field: name,
                limit: "document bytes \(limits.documentBytes)")
        }
        return try onStore("read \(name)") { () throws(KernelError) in
            try staging.directory.open(member.file, [.readOnly, .noFollow]).readAll(limit: Int(limits.documentBytes))
        }
    }

    /// How the member is packed, by its first bytes.
    func compression(of member: Member) throws(Failure) -> Compression {
        Compression(magic: try FileHead.read(member.file, in: staging.directory))
    }
}

/// The first bytes of a blob.
enum FileHead {
    static func read(_ file: RawPath, in directory: OwnedDescriptor) throws(Failure) -> [UInt8] {
        try onStore("read the start of", file.description) { () throws(KernelError) in
            let file = try directory.open(file, [.readOnly, .noFollow])
            let head = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
            defer { head.deallocate() }
            return Array(head[..<(try file.read(into: head))])
        }
    }
}
