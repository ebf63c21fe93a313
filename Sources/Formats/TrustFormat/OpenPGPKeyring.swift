public import Diagnostics

/// OpenPGP keys of those who sign images, as `gpg --export` writes them, armored or binary. Only their outside is
/// looked at here: the verifier parses them, in a process of its own, whenever a signature is to be checked.
public struct OpenPGPKeyring: Sendable {
    struct File: Hashable, Sendable {
        /// The file, or the member of the policy it stands in.
        var name: String
        var content: [UInt8]
    }

    private(set) var files: [File] = []

    public init() {}

    /// - Throws: `image.key-invalid` for what cannot be a public key.
    public mutating func add(_ content: [UInt8], from name: String) throws(Failure) {
        func refusal(_ cause: String, limit: String? = nil) -> Failure {
            Failure(
                "image.key-invalid", doing: "read the OpenPGP key", on: name, cause: cause,
                remedy: "write it with 'gpg --export --armor FINGERPRINT'", field: "key", limit: limit)
        }
        guard content.count <= TrustLimits.keyringBytes else {
            throw refusal("it has \(content.count) bytes", limit: "keyring bytes \(TrustLimits.keyringBytes)")
        }
        guard let first = content.first else { throw refusal("it is empty") }
        let label = Array("-----BEGIN PGP ".utf8)
        guard first >= 0x80 || content.starts(with: label) else {
            throw refusal("it is neither an armored nor a binary OpenPGP key")
        }
        // Packet 5 or 7, whichever way its header is written, RFC 4880 4.2.
        let tag = first & 0x40 == 0 ? first >> 2 & 0x0f : first & 0x3f
        let isSecret =
            first >= 0x80 ? tag == 5 || tag == 7 : content.dropFirst(label.count).starts(with: "PRIVATE".utf8)
        guard !isSecret else {
            throw refusal("it holds a private key, which has no business on a host that verifies")
        }
        files.append(File(name: name, content: content))
    }
}
