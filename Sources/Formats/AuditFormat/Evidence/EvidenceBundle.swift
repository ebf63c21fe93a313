import Crypto
public import Diagnostics

/// What an audit saw and what it said of it, signed, so that it can be shown to somebody who was not there: a tar
/// archive of a manifest, its signature, and the files the manifest lists.
///
/// The manifest is canonical JSON (RFC 8785) with the SHA-256 of each file, the root of their Merkle tree, and `prev`,
/// the SHA-256 of the manifest before it on this host. Signed with Ed25519 (RFC 8032).
public struct EvidenceBundle: Sendable {
    public static let schemaName = "bulkhead-evidence/1"
    static let manifestName = "manifest.json"
    static let signatureName = "manifest.sig"

    /// Names of at most 100 bytes, each once.
    public var files: [(name: String, content: [UInt8])]
    public var host: AuditReport.Host
    public var time: Int64
    /// Number of the bundle on its host, from 1.
    public var sequence: Int64
    /// Hash of the manifest before; nil for the first.
    public var previous: String?

    public init(
        files: [(name: String, content: [UInt8])], host: AuditReport.Host, time: Int64, sequence: Int64,
        previous: String?
    ) {
        self.files = files
        self.host = host
        self.time = time
        self.sequence = sequence
        self.previous = previous
    }

    private var manifest: AuditDocument {
        let hashes = files.map { Array(SHA256.hash(data: $0.content)) }
        let listed = zip(files, hashes).map { file, hash -> AuditDocument in
            [
                "name": .string(file.name), "sha256": .string(hexadecimal(hash)),
                "size": .integer(Int64(file.content.count)),
            ]
        }
        return [
            "schema": .string(Self.schemaName), "sequence": .integer(sequence), "time": .integer(time),
            "prev": previous.map(AuditDocument.string) ?? .null, "files": .array(listed),
            "merkle": .string(hexadecimal(MerkleTree.root(zip(files, hashes).map { MerkleTree.leaf($0.name, $1) }))),
            "host": [
                "name": .string(host.name), "kernel": .string(host.kernel), "boot": .string(host.bootID),
            ],
        ]
    }

    /// The archive, and the hash the next bundle of this host has as its `prev`.
    ///
    /// - Throws: `audit.unsigned` when the key cannot sign.
    public func sealed(with key: SigningKey) throws(Failure) -> (archive: [UInt8], hash: String) {
        let manifest = Array(manifest.canonical.utf8)
        let signature = Array(try key.signature(manifest).utf8)
        let parts =
            [
                EvidenceArchive.File(name: Self.manifestName, content: manifest),
                EvidenceArchive.File(name: Self.signatureName, content: signature),
            ] + files.map { EvidenceArchive.File(name: $0.name, content: $0.content) }
        return (EvidenceArchive.write(parts, time: time), hexadecimal(SHA256.hash(data: manifest)))
    }
}

/// The Merkle tree of RFC 6962, section 2.1: leaves and inner nodes are hashed with different first bytes, so that
/// neither can be taken for the other.
enum MerkleTree {
    static func leaf(_ name: String, _ hash: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(data: [0] + Array(name.utf8) + [0] + hash))
    }

    static func root(_ leaves: [[UInt8]]) -> [UInt8] {
        if leaves.isEmpty { return Array(SHA256.hash(data: [UInt8]())) }
        if leaves.count == 1 { return leaves[0] }
        var half = 1
        while half * 2 < leaves.count { half *= 2 }
        return Array(
            SHA256.hash(data: [1] + root(Array(leaves[..<half])) + root(Array(leaves[half...]))))
    }
}
