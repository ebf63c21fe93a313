import HostileArchives
import LinuxKernel
import OCIFormat
import Testing

/// An image signed as `cosign sign --key` does it, by OpenSSL: through the command line from the layout to the start.
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

    /// OpenSSL's signature of `payload` in base64, by a key of its own whose public half becomes `key.pub`.
    private func signature(of payload: [UInt8]) throws -> String {
        try write("payload", payload)
        let script = """
            cd '\(host.scratch)' && umask 077 && openssl ecparam -name prime256v1 -genkey -noout -out key.pem &&
            openssl pkey -in key.pem -pubout -out key.pub && openssl dgst -sha256 -sign key.pem payload | base64 -w0
            """
        let outcome = try host.runThrough("/bin/sh", ["-c", script])
        try #require(outcome.status == 0 && !outcome.output.isEmpty, "\(outcome)")
        return outcome.output
    }

    /// A layout of an image with cosign's signature beside it, under the tag where cosign keeps it.
    private func makeLayout(signedAs name: String = "registry.example/team/box") throws {
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
        let mark = #","annotations":{"dev.cosignproject.cosign/signature":"\#(try signature(of: payload))"}"#
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
}
