import Crypto
public import Diagnostics
import JSONFormat

/// Checks bundles without anything but themselves and the host's public key.
public enum EvidenceVerification {
    /// What a sound bundle says of itself.
    public struct Sound: Sendable, Equatable {
        public var sequence: Int64
        public var time: Int64
        public var host: String
        public var files: [String]
        /// Of its manifest: what the next one has as `prev`.
        public var hash: String
        public var previous: String?
    }

    /// - Throws: `audit.evidence-damaged` when it is cut short or changed, `audit.evidence-unsigned` when the signature
    ///   is not this key's, `audit.evidence-changed` when a file is not the one that was signed.
    public static func check(_ archive: [UInt8], name: String, key: VerifyingKey) throws(Failure) -> Sound {
        func refuse(_ code: Failure.Code, _ cause: String) -> Failure {
            Failure(
                code, doing: "verify the evidence", on: name, cause: cause,
                remedy: "do not rely on it; take a copy from where it was made")
        }
        guard let parts = EvidenceArchive.read(archive), parts.count >= 2,
            parts[0].name == EvidenceBundle.manifestName, parts[1].name == EvidenceBundle.signatureName
        else { throw refuse("audit.evidence-damaged", "it is not a whole bundle") }
        let text = parts[0].content
        guard key.accepts(String(decoding: parts[1].content, as: UTF8.self), of: text) else {
            throw refuse("audit.evidence-unsigned", "the signature is not by the key \(key.text.prefix(16))…")
        }
        let manifest: AuditDocument
        do throws(JSONFault) { manifest = try AuditDocument.read(text) } catch {
            throw refuse("audit.evidence-damaged", "its manifest is no JSON: \(error.cause)")
        }
        guard manifest["schema"]?.text == EvidenceBundle.schemaName, Array(manifest.canonical.utf8) == text,
            let sequence = manifest["sequence"]?.integerValue, let time = manifest["time"]?.integerValue
        else { throw refuse("audit.evidence-damaged", "its manifest is not one of \(EvidenceBundle.schemaName)") }
        let listed = manifest["files"]?.elements ?? []
        let files = Array(parts[2...])
        guard listed.count == files.count else {
            throw refuse("audit.evidence-changed", "it has \(files.count) files, its manifest \(listed.count)")
        }
        var leaves: [[UInt8]] = []
        for (entry, file) in zip(listed, files) {
            let hash = Array(SHA256.hash(data: file.content))
            guard entry["name"]?.text == file.name, entry["sha256"]?.text == hexadecimal(hash),
                entry["size"]?.integerValue == Int64(file.content.count)
            else { throw refuse("audit.evidence-changed", "\(file.name) is not what was signed at its place") }
            leaves.append(MerkleTree.leaf(file.name, hash))
        }
        guard manifest["merkle"]?.text == hexadecimal(MerkleTree.root(leaves)) else {
            throw refuse("audit.evidence-changed", "the files do not make up its Merkle root")
        }
        return Sound(
            sequence: sequence, time: time, host: manifest["host"]?["name"]?.text ?? "", files: files.map(\.name),
            hash: hexadecimal(SHA256.hash(data: text)), previous: manifest["prev"]?.text)
    }

    /// That bundles follow each other without a gap, in the order given.
    /// - Throws: `audit.evidence-chain`.
    public static func checkChain(_ bundles: [Sound]) throws(Failure) {
        for (before, after) in zip(bundles, bundles.dropFirst()) {
            guard after.previous == before.hash, after.sequence == before.sequence + 1 else {
                throw Failure(
                    "audit.evidence-chain", doing: "verify the chain of evidence",
                    on: "bundle \(after.sequence)", cause: "it does not follow bundle \(before.sequence)",
                    remedy: "give all bundles of the host, oldest first")
            }
        }
        if let first = bundles.first, (first.sequence == 1) != (first.previous == nil) {
            throw Failure(
                "audit.evidence-chain", doing: "verify the chain of evidence", on: "bundle \(first.sequence)",
                cause: "its number and what it follows do not agree")
        }
    }
}
