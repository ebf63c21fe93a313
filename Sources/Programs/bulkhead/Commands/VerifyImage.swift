import ArgumentParser
import CommandOutput
import Diagnostics
import ImageStorage
import OCIFormat
import TrustFormat

struct VerifyImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Say whether an image is trusted, and by which key.",
        discussion: """
            Asks the policy in force, or with --key or --openpgp-key only whether one of these keys signed it: \
            --key for cosign's signatures, --openpgp-key for simple signing. Nothing but the store is asked: \
            signatures come with an image when it is imported. The exit status is 0 when the image is trusted.

            Examples:
              bulkhead image verify registry.example/team/app:1.2
              bulkhead image verify app --key cosign.pub --signed-as registry.example/team/app
              bulkhead image verify app --openpgp-key signer.gpg --signed-as registry.example/team/app
              bulkhead image verify app --image-policy reject
            """)

    @Argument(help: "The image's name or id.")
    var image: String
    @Option(
        parsing: .unconditionalSingleValue,
        help: .init("A public key, PEM; the image must be signed by one of them.", valueName: "file"))
    var key: [String] = []
    @Option(
        name: .customLong("openpgp-key"), parsing: .unconditionalSingleValue,
        help: .init("OpenPGP public keys; one of them must have signed the image.", valueName: "file"))
    var openPGPKey: [String] = []
    @Option(
        parsing: .unconditional,
        help: .init("With a key: what its signer calls the image (usual: what it is called here).", valueName: "name"))
    var signedAs: String?
    @OptionGroup(title: "Trust") var policy: PolicyFlag
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        try checkFlags()
        let store = try global.imageStore(policy: policy.source)
        let stored = try store.resolve(image)
        let verdict = try own().map { (policy: TrustPolicy) throws(Failure) in try store.admit(stored, by: policy) }
            ?? store.admit(stored)
        let document = VerdictDocument(stored, verdict, signatures: try store.signatures(of: stored).count)
        try global.show(document) { document.text }
    }

    private func checkFlags() throws(Failure) {
        let hasKey = !key.isEmpty || !openPGPKey.isEmpty
        if let signedAs, !hasKey {
            throw Failure.flag(
                "signed-as", signedAs, cause: "it belongs to --key and --openpgp-key", remedy: "give --key FILE too")
        }
        if let given = policy.imagePolicy, hasKey {
            throw Failure.flag(
                "image-policy", given, cause: "a key is a policy of its own", remedy: "leave one of them out")
        }
        if let first = openPGPKey.first, !key.isEmpty {
            throw Failure.flag(
                "openpgp-key", first, cause: "--key asks for another kind of signature",
                remedy: "ask for one, then for the other, or write a policy")
        }
    }

    /// The policy that the keys are.
    private func own() throws(Failure) -> TrustPolicy? {
        if !key.isEmpty { return TrustPolicy(keys: try PolicySource.keys(key), signedAs: try name()) }
        guard !openPGPKey.isEmpty else { return nil }
        return TrustPolicy(keyring: try PolicySource.keyring(openPGPKey), signedAs: try name())
    }

    private func name() throws(Failure) -> ImageReference? {
        try signedAs.map { (text: String) throws(Failure) in try ImageReference(parsing: text) }
    }
}

/// `image verify`.
struct VerdictDocument: Encodable {
    var image: String
    var manifest: String
    var signed: Bool
    var keys: [String]
    var signedDigest: String?
    var identity: String?
    var pinned: Bool
    var policy: String
    var policyDigest: String
    var scope: String
    var signatures: Int

    init(_ image: StoredImage, _ verdict: TrustVerdict, signatures: Int) {
        let name = image.asked ?? image.summary.references.first
        self.image = name?.familiar ?? image.summary.id.short
        manifest = image.summary.manifest.description
        signed = verdict.isSigned
        keys = verdict.keys
        signedDigest = verdict.signedDigest?.description
        identity = verdict.identity
        pinned = image.isPinned
        policy = verdict.policyName
        policyDigest = verdict.policy.description
        scope = verdict.scope
        self.signatures = signatures
    }

    var text: String {
        guard signed else {
            return "\(image): accepted, not verified: the policy \(policy) asks for nothing (\(scope)); "
                + "it came with \(signatures) signature\(signatures == 1 ? "" : "s")\n"
        }
        var lines = ["\(image): signed"]
        lines += keys.map { "  key       \($0.has(":") ? $0 : "sha256:\($0)")" }
        lines.append("  signed    \(signedDigest ?? "")\(signedDigest == manifest ? "" : " (the index it is from)")")
        lines.append("  manifest  \(manifest)")
        lines.append("  as        \(Untrusted.shown(identity ?? ""))")
        lines.append("  policy    \(policy), \(scope)")
        return lines.joined(separator: "\n") + "\n"
    }
}
