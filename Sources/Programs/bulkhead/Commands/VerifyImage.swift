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
            Asks the policy in force, or with --key only whether one of these keys signed it. Nothing but the store \
            is asked: signatures come with an image when it is imported from an OCI image layout. The exit status is \
            0 when the image is trusted.

            Examples:
              bulkhead image verify registry.example/team/app:1.2
              bulkhead image verify app --key cosign.pub --signed-as registry.example/team/app
              bulkhead image verify app --image-policy reject
            """)

    @Argument(help: "The image's name or id.")
    var image: String
    @Option(
        parsing: .unconditionalSingleValue,
        help: .init("A public key, PEM; the image must be signed by one of them.", valueName: "file"))
    var key: [String] = []
    @Option(
        parsing: .unconditional,
        help: .init("With --key: what its signer calls the image (usual: what it is called here).", valueName: "name"))
    var signedAs: String?
    @OptionGroup(title: "Trust") var policy: PolicyFlag
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        if let signedAs, key.isEmpty {
            throw Failure.flag("signed-as", signedAs, cause: "it belongs to --key", remedy: "give --key FILE too")
        }
        if let given = policy.imagePolicy, !key.isEmpty {
            throw Failure.flag(
                "image-policy", given, cause: "--key is a policy of its own", remedy: "leave one of them out")
        }
        let store = try global.imageStore(policy: policy.source)
        let stored = try store.resolve(image)
        let verdict =
            try key.isEmpty
            ? store.admit(stored)
            : store.admit(stored, by: TrustPolicy(keys: try PolicySource.keys(key), signedAs: try name()))
        let document = VerdictDocument(stored, verdict, signatures: try store.signatures(of: stored).count)
        try global.show(document) { document.text }
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
        lines += keys.map { "  key       sha256:\($0)" }
        lines.append("  signed    \(signedDigest ?? "")\(signedDigest == manifest ? "" : " (the index it is from)")")
        lines.append("  manifest  \(manifest)")
        lines.append("  as        \(Untrusted.shown(identity ?? ""))")
        lines.append("  policy    \(policy), \(scope)")
        return lines.joined(separator: "\n") + "\n"
    }
}
