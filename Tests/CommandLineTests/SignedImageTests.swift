import HostileArchives
import LinuxKernel
import OCIFormat
import Testing

/// An image signed as `cosign sign --key` does it, by OpenSSL, and as skopeo does it, by GnuPG: through the command
/// line from the layout to the start.
@Suite("A signed image on the command line", .serialized)
struct SignedImageTests {
    private let host: TestProgram
    private static let name = "registry.example/team/box:1"

    init() throws { host = try TestProgram() }

    private func path(_ name: String) -> String { host.scratch + "/" + name }

    private func write(_ name: String, _ content: [UInt8]) throws {
        try OwnedDescriptor.open(RawPath(path(name)), [.writeOnly, .create, .truncate], mode: 0o600).write(content)
    }

    private func run(_ words: String..., status: Int32, said: String = "") throws {
        let outcome = try host.run(words)
        #expect(outcome.status == status, "\(words): \(outcome)")
        #expect(said.isEmpty || (outcome.output + outcome.error).contains(said), "\(words): \(outcome)")
    }

    private static func descriptor(_ type: String, _ content: [UInt8], more: String = "") -> String {
        #"{"mediaType":"\#(type)","digest":"\#(Digest(of: content))","size":\#(content.count)\#(more)}"#
    }

    private static func manifest(_ configuration: [UInt8], _ layer: String) -> [UInt8] {
        let config = descriptor("application/vnd.oci.image.config.v1+json", configuration)
        return Array(
            (#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":\#(config),"#
                + #""layers":[\#(layer)]}"#).utf8)
    }

    private func shell(_ script: String) throws -> String {
        let outcome = try host.runThrough("/bin/sh", ["-euc", "cd '\(host.scratch)'; umask 077; \(script)"])
        try #require(outcome.status == 0, "\(outcome)")
        return outcome.output
    }

    private static let hashed = "openssl dgst -sha256 -sign key.pem payload"
    private static let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:max"
    private static let curve = "openssl ecparam -genkey -noout -out key.pem -name"

    /// OpenSSL's signature of `payload` in base64, by a key of its own whose public half becomes `key.pub`.
    private func signature(
        of payload: [UInt8], key: String = curve + " prime256v1", made: String = hashed
    ) throws -> String {
        try write("payload", payload)
        let text = try shell("\(key); openssl pkey -in key.pem -pubout -out key.pub; \(made) | base64 -w0")
        try #require(!text.isEmpty)
        return text
    }

    /// A layout of an image with cosign's signature beside it, under the tag where cosign keeps it.
    private func makeLayout(
        signedAs name: String = "registry.example/team/box", key: String = curve + " prime256v1", made: String = hashed
    ) throws {
        var layer = TarBuilder()
        layer.add("bin/", .directory)
        let busybox = try OwnedDescriptor.open("/bin/busybox").readAll(limit: 8 << 20)
        layer.add("bin/busybox", mode: 0o755, content: busybox)
        let blob = layer.ended()
        let configuration = Array(
            (#"{"architecture":"\#(Platform.host.architecture)","os":"linux","config":{"Cmd":["/bin/busybox","true"]},"#
                + #""rootfs":{"type":"layers","diff_ids":["\#(Digest(of: blob))"]}}"#).utf8)
        let image = Self.manifest(
            configuration, Self.descriptor("application/vnd.oci.image.layer.v1.tar", blob))
        let payload = Array(
            (#"{"critical":{"identity":{"docker-reference":"\#(name)"},"image":{"docker-manifest-digest":"#
                + #""\#(Digest(of: image))"},"type":"cosign container image signature"},"optional":null}"#).utf8)
        let signature = try signature(of: payload, key: key, made: made)
        let mark = #","annotations":{"dev.cosignproject.cosign/signature":"\#(signature)"}"#
        let empty = Array("{}".utf8)
        let signed = Self.manifest(
            empty, Self.descriptor("application/vnd.dev.cosign.simplesigning.v1+json", payload, more: mark))
        var tar = TarBuilder()
        tar.add("oci-layout", text: #"{"imageLayoutVersion":"1.0.0"}"#)
        for content in [blob, configuration, image, payload, empty, signed] {
            tar.add("blobs/sha256/" + Digest(of: content).hex, content: content)
        }
        let entries = [(image, Self.name), (signed, "sha256-\(Digest(of: image).hex).sig")].map { content, tag in
            Self.descriptor(
                "application/vnd.oci.image.manifest.v1+json", content,
                more: #","annotations":{"org.opencontainers.image.ref.name":"\#(tag)"}"#)
        }
        tar.add("index.json", text: #"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#)
        try write("layout.tar", tar.ended())
    }

    private func writePolicy() throws {
        let text =
            #"{"default":[{"type":"reject"}],"transports":{"docker":{"registry.example/team":[{"type":"#
            + #""sigstoreSigned","keyPath":"\#(path("key.pub"))","signedIdentity":{"type":"matchRepository"}}]}}}"#
        try write("policy.json", Array(text.utf8))
    }

    @Test("it is imported, verified and started under a policy that asks for its key, and exported without signature")
    func trusted() throws {
        try makeLayout()
        try writePolicy()
        let policy = ["--image-policy", path("policy.json")]
        try run("image", "import", policy[0], policy[1], path("layout.tar"), status: 0)
        try run("image", "verify", policy[0], policy[1], Self.name, status: 0, said: "signed")
        try run(
            "image", "verify", Self.name, "--key", path("key.pub"), "--signed-as", "registry.example/team/box",
            status: 0)
        try run("run", policy[0], policy[1], "--rm", Self.name, status: 0)
        try run(
            "image", "export", "--format", "oci-archive", "--file", path("out.tar"), Self.name, status: 0,
            said: "Signatures are not exported (the image has 1)")
        // What was exported comes back unsigned, into a store that never saw the signature.
        let elsewhere = ["--store", path("other")]
        let refused = try host.run(["image", "import"] + elsewhere + policy + [path("out.tar")])
        #expect(refused.status != 0 && refused.error.contains("without a signature"), "\(refused)")
    }

    @Test("another key, another name and no policy file refuse, and say what to do")
    func refused() throws {
        try makeLayout(signedAs: "registry.example/team/other")
        try writePolicy()
        let policy = ["--image-policy", path("policy.json")]
        let named = try host.run(["image", "import"] + policy + [path("layout.tar")])
        #expect(named.status != 0 && named.error.contains("registry.example/team/other"), "\(named)")
        try makeLayout()
        try run("image", "import", path("layout.tar"), status: 0)
        // A key of somebody else's.
        _ = try signature(of: [1])
        for words in [["image", "verify"] + policy, ["run", "--rm"] + policy] {
            let stranger = try host.run(words + [Self.name])
            #expect(stranger.status != 0 && stranger.error.contains("key"), "\(stranger)")
        }
        let absent = try host.run(["image", "import", "--image-policy", path("nowhere.json"), path("layout.tar")])
        #expect(absent.status != 0 && absent.error.contains("nowhere.json"), "\(absent)")
    }

    @Test(
        "each kind of key that cosign reads verifies",
        arguments: [
            (curve + " secp384r1", hashed), (curve + " secp521r1", hashed),
            (curve + " secp521r1", "openssl dgst -sha512 -sign key.pem payload"),
            ("openssl genrsa -out key.pem 3072", hashed),
            ("openssl genrsa -out key.pem 2048", "openssl dgst -sha256 -sign key.pem \(pss) payload"),
            (
                "openssl genpkey -algorithm ed25519 -out key.pem",
                "openssl pkeyutl -sign -inkey key.pem -rawin -in payload"
            ),
        ])
    func kinds(_ key: String, _ made: String) throws {
        try makeLayout(key: key, made: made)
        try writePolicy()
        let policy = path("policy.json")
        try run("image", "import", "--image-policy", policy, path("layout.tar"), status: 0)
        try run("image", "verify", "--image-policy", policy, Self.name, status: 0, said: "signed")
        _ = try signature(of: [1], key: key, made: made)
        try run("image", "verify", "--image-policy", policy, Self.name, status: 125, said: "by a key the policy trusts")
    }

    // MARK: Simple signing

    /// The layout as a directory, without cosign's signature, and keys of GnuPG's: `ours.gpg` and `other.gpg`.
    private func makeUnsignedLayout() throws {
        try makeLayout()
        _ = try shell(
            """
            export GNUPGHOME=$PWD/home; mkdir home layout
            tar -xf layout.tar -C layout
            jq -c '.manifests |= .[:1]' layout/index.json > new.json; mv new.json layout/index.json
            for name in ours other; do
                mail="$name <$name@example>"
                gpg --batch --quiet --passphrase '' --quick-generate-key "$mail" rsa3072 sign never 2> log
                gpg --export --armor $name > $name.gpg
            done
            gpgconf --kill all
            """)
        let text =
            #"{"default":[{"type":"reject"}],"transports":{"docker":{"registry.example/team":[{"type":"signedBy","#
            + #""keyType":"GPGKeys","keyPath":"\#(path("ours.gpg"))"}]}}}"#
        try write("policy.json", Array(text.utf8))
    }

    /// What signs, with `$key` the fingerprint of a key, `$manifest` the image's manifest and `$hex` its digest.
    private func sign(_ script: String, by name: String = "ours") throws {
        _ = try shell(
            """
            export GNUPGHOME=$PWD/home
            key=$(gpg --batch --with-colons --list-keys \(name) | sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p')
            hex=$(jq -r '.manifests[0].digest' layout/index.json | cut -d : -f 2)
            manifest=layout/blobs/sha256/$hex
            \(script)
            gpgconf --kill all
            """)
    }

    @Test(
        "skopeo's signatures come along from a layout, a dir: place and a lookaside directory",
        arguments: ["layout", "place", "lookaside"])
    func simple(_ place: String) throws {
        try makeUnsignedLayout()
        let policy = ["--image-policy", path("policy.json")]
        let importing = ["image", "import"] + policy + ["--name", Self.name, path("layout")]
        let unsigned = try host.run(importing)
        #expect(unsigned.status != 0 && unsigned.error.contains("without a signature"), "\(unsigned)")
        switch place {
        case "layout": try sign("skopeo standalone-sign $manifest \(Self.name) $key --output layout/signature-1")
        case "place":
            let options = "-q --sign-by $key --sign-identity \(Self.name)"
            try sign("skopeo --insecure-policy copy \(options) oci:layout dir:place")
        default:
            try sign(
                """
                mkdir -p lookaside/team/box@sha256=$hex
                skopeo standalone-sign $manifest \(Self.name) $key --output lookaside/team/box@sha256=$hex/signature-1
                """)
        }
        let signed = try host.run(importing + (place == "layout" ? [] : ["--signatures", path(place)]))
        #expect(signed.status == 0, "\(signed)")
        try run("image", "verify", policy[0], policy[1], Self.name, status: 0, said: "openpgp:")
        try run("image", "verify", "--openpgp-key", path("ours.gpg"), Self.name, status: 0, said: Self.name)
        try run("image", "verify", "--openpgp-key", path("other.gpg"), Self.name, status: 125, said: "none of its 1")
        try run("run", policy[0], policy[1], "--rm", Self.name, status: 0)
    }

    @Test("another key, another name, another image and a damaged signature refuse, each with its sentence")
    func simpleRefused() throws {
        try makeUnsignedLayout()
        let importing = ["image", "import", "--image-policy", path("policy.json"), "--name", Self.name, path("layout")]
        func refusal(_ script: String, by name: String = "ours", says words: String) throws {
            try sign("rm -f layout/signature-*; \(script)", by: name)
            let outcome = try host.run(importing)
            #expect(outcome.status != 0 && outcome.error.contains(words), "\(script): \(outcome)")
        }
        let signs = "skopeo standalone-sign --output layout/signature-1"
        try refusal("\(signs) $manifest \(Self.name) $key", by: "other", says: "none of its 1 signatures")
        try refusal("\(signs) $manifest registry.example/team/box:2 $key", says: "team/box:2', not as")
        try refusal("\(signs) $manifest registry.example/team/other:1 $key", says: "team/other:1', not as")
        try refusal("jq -c '.x=1' $manifest > m; \(signs) m \(Self.name) $key", says: "of another image")
        try refusal("\(signs) $manifest \(Self.name) $key; printf x >> layout/signature-1", says: "something follows")
        try refusal("gpg --batch -q -u $key --sign -o layout/signature-1 layout/index.json", says: "cannot be read")
        try refusal("echo hello > layout/signature-1", says: "no form of signature")
        try refusal("ln -s index.json layout/signature-1", says: "never links")
        try refusal("\(signs) $manifest \(Self.name) $key; cd layout; mv signature-1 signature-2", says: "without")
    }
}
