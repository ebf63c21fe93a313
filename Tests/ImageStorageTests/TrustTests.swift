import Crypto
import Diagnostics
import HostileArchives
import ImageStorage
import LinuxKernel
import OCIFormat
import Testing
import TrustFormat

/// A layout with an image and what is kept beside it, byte by byte.
struct SignedLayout {
    var recipe = ImageRecipe()
    var name = "r.example/app:1"
    /// Blobs beside the image, and the entries of index.json for them.
    private(set) var blobs: [[UInt8]] = []
    private(set) var entries: [String] = []
    /// The image is listed in an index of its own, which index.json names.
    var hasIndex = false

    let secret = P256.Signing.PrivateKey()
    var pem: String { secret.publicKey.pemRepresentation }

    var imageIndex: [UInt8] {
        Array(
            (#"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[{"#
                + #""mediaType":"\#(MediaType.ociManifest)","#
                + #""digest":"\#(recipe.manifestDigest)","size":\#(recipe.manifestText.count),"#
                + #""platform":{"os":"linux","architecture":"\#(recipe.architecture)"}}]}"#).utf8)
    }

    static func payload(of digest: OCIFormat.Digest, as identity: String) -> [UInt8] {
        Array(
            (#"{"critical":{"identity":{"docker-reference":"\#(identity)"},"#
                + #""image":{"docker-manifest-digest":"\#(digest)"},"#
                + #""type":"cosign container image signature"},"optional":null}"#).utf8)
    }

    enum Place { case tag, referrer, list }

    /// Adds a signature where cosign would: under the tag, or as a referrer.
    mutating func sign(
        _ digest: OCIFormat.Digest, as identity: String = "r.example/app", by key: P256.Signing.PrivateKey? = nil,
        at place: Place = .tag, about: OCIFormat.Digest? = nil
    ) throws {
        let payload = Self.payload(of: digest, as: identity)
        let signature = try (key ?? secret).signature(for: payload).derRepresentation
        let base64 = Base64.text(Array(signature))
        let subject =
            place == .tag
            ? ""
            : #","artifactType":"application/vnd.dev.cosign.artifact.sig.v1+json","subject":{"mediaType":"#
                + #""\#(MediaType.ociManifest)","digest":"\#(about ?? digest)","size":9}"#
        let config = Array("{}".utf8)
        let manifest = Array(
            (#"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","#
                + #""config":{"mediaType":"\#(MediaType.ociConfiguration)","#
                + #""digest":"\#(Digest(of: config))","size":2},"#
                + #""layers":[{"mediaType":"\#(SignatureManifest.layerType)","#
                + #""digest":"\#(Digest(of: payload))","size":\#(payload.count),"annotations":{"#
                + #""dev.cosignproject.cosign/signature":"\#(base64)"}}]\#(subject)}"#).utf8)
        blobs += [payload, config, manifest]
        let descriptor =
            #"{"mediaType":"\#(MediaType.ociManifest)","digest":"\#(Digest(of: manifest))","size":\#(manifest.count)"#
        switch place {
        case .tag: add(descriptor, tag: "sha256-\((about ?? digest).hex).sig")
        case .referrer: entries.append(descriptor + "}")
        case .list:
            let list = Array(
                #"{"schemaVersion":2,"mediaType":"\#(MediaType.ociIndex)","manifests":[\#(descriptor)}]}"#.utf8)
            blobs.append(list)
            add(
                #"{"mediaType":"\#(MediaType.ociIndex)","digest":"\#(Digest(of: list))","size":\#(list.count)"#,
                tag: "sha256-\((about ?? digest).hex)")
        }
    }

    private mutating func add(_ descriptor: String, tag: String) {
        entries.append(descriptor + #","annotations":{"org.opencontainers.image.ref.name":"\#(tag)"}}"#)
    }

    var archive: [UInt8] {
        let type = hasIndex ? MediaType.ociIndex : MediaType.ociManifest
        let text = hasIndex ? imageIndex : recipe.manifestText
        let own =
            #"{"mediaType":"\#(type)","digest":"\#(Digest(of: text))","size":\#(text.count),"#
            + #""annotations":{"org.opencontainers.image.ref.name":"\#(name)"}}"#
        let index = #"{"schemaVersion":2,"manifests":[\#(([own] + entries).joined(separator: ","))]}"#
        let more = (hasIndex ? [imageIndex] : []) + blobs
        return recipe.ociArchive(index: index) { tar in
            var seen: Set<OCIFormat.Digest> = []
            for blob in more where seen.insert(Digest(of: blob)).inserted {
                tar.add("blobs/sha256/\(Digest(of: blob).hex)", content: blob)
            }
        }
    }
}

/// As `base64 -w0` writes it.
enum Base64 {
    static func text(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = Array(bytes[start..<min(start + 3, bytes.count)])
            let padded = group + [UInt8](repeating: 0, count: 3 - group.count)
            let bits = padded.reduce(0) { $0 << 8 | Int($1) }
            for place in 0..<4 { text.append(place <= group.count ? alphabet[bits >> (18 - 6 * place) & 63] : "=") }
        }
        return text
    }
}

@Suite("Trusted images")
struct TrustTests {
    let sandbox: StoreSandbox

    init() throws { sandbox = try StoreSandbox() }

    private func policy(
        _ pem: String, identity: String = "matchRepository", mode: UInt32 = 0o600, name: String = "policy.json"
    ) throws -> PolicySource {
        let key = try sandbox.write("key.pub", Array(pem.utf8))
        let path = try sandbox.write(
            name,
            Array(
                (#"{"default":[{"type":"sigstoreSigned","keyPath":"\#(key)","#
                    + #""signedIdentity":{"type":"\#(identity)"}}]}"#).utf8))
        try OwnedDescriptor.open(RawPath(sandbox.path), [.directory]).open(RawPath(name)).changeMode(mode)
        return PolicySource(path)
    }

    private func store(_ policy: PolicySource) throws -> ImageStore {
        try ImageStore(root: sandbox.store.path, unpacker: try StoreSandbox.unpacker(), policy: policy)
    }

    private func importing(
        _ layout: SignedLayout, into store: ImageStore, digest: OCIFormat.Digest? = nil, name: String? = nil
    ) throws -> [ImageSummary] {
        let path = try sandbox.write("layout.tar", layout.archive)
        return try store.importImages(ImportRequest(source: .path(path), name: name, digest: digest))
    }

    private func refusal(_ body: () throws -> Void) -> Failure? {
        #expect(throws: Failure.self) { try body() }
    }

    @Test("a signature comes along wherever cosign keeps it", arguments: ["tag", "referrer", "list"])
    func signed(_ place: String) throws {
        var layout = SignedLayout()
        let digest = layout.recipe.manifestDigest
        try layout.sign(digest, at: place == "tag" ? .tag : place == "list" ? .list : .referrer)
        let store = try store(try policy(layout.pem))
        #expect(try importing(layout, into: store).count == 1)
        let image = try store.resolve("r.example/app:1")
        #expect(image.importVerdict?.isSigned == true && image.importVerdict?.signedDigest == digest)
        try store.lease(container: "c", image: image)
        // The store says the same after it was read again, and an import without signatures takes none away.
        var plain = SignedLayout()
        plain.recipe = layout.recipe
        _ = try importing(plain, into: sandbox.store)
        #expect(try store.admit(store.resolve("r.example/app:1")).isSigned)
        _ = try sandbox.store.prune(.dangling)
        #expect(try store.admit(store.resolve("r.example/app:1")).isSigned)
    }

    @Test("of two imports of one image at once it keeps the signatures of both, whichever ends last")
    func beside() throws {
        var first = SignedLayout()
        var second = SignedLayout()
        second.recipe = first.recipe
        try first.sign(first.recipe.manifestDigest)
        try second.sign(first.recipe.manifestDigest)
        let path = try sandbox.write("first.tar", first.archive)
        _ = try sandbox.store.importImages(ImportRequest(source: .path(path))) { progress in
            // The second begins and ends after the first has looked for signatures, and before it is published.
            guard progress.phase == .finishing else { return }
            #expect(throws: Never.self) { _ = try importing(second, into: sandbox.store) }
        }
        let image = try sandbox.store.resolve("r.example/app:1")
        #expect(try sandbox.store.signatures(of: image).count == 2)
        for pem in [first.pem, second.pem] { #expect(try store(try policy(pem)).admit(image).isSigned) }
        _ = try sandbox.store.prune(.dangling)
        #expect(try sandbox.store.signatures(of: image).count == 2)
    }

    @Test("a signed image that is removed before it is used is not found, and the store is not damaged")
    func removedMeanwhile() throws {
        var layout = SignedLayout()
        try layout.sign(layout.recipe.manifestDigest)
        let store = try store(try policy(layout.pem))
        _ = try importing(layout, into: store)
        let image = try store.resolve("r.example/app:1")
        _ = try store.remove("r.example/app:1")
        #expect(refusal { try store.lease(container: "c", image: image) }?.code == "image.not-found")
        #expect(refusal { _ = try store.signatures(of: image) }?.code == "image.not-found")
    }

    @Test("an index that is signed vouches for the image chosen from it, which is known by both digests")
    func index() throws {
        var layout = SignedLayout()
        layout.hasIndex = true
        let index = Digest(of: layout.imageIndex)
        try layout.sign(index)
        let store = try store(try policy(layout.pem))
        _ = try importing(layout, into: store, digest: index)
        let image = try store.resolve("r.example/app@\(index)")
        #expect(try store.admit(image).signedDigest == index && image.isPinned)
        #expect(try store.resolve("r.example/app@\(layout.recipe.manifestDigest)").isPinned)
        #expect(try store.resolve("\(index)").summary.manifest == layout.recipe.manifestDigest)
        #expect(try !store.resolve("r.example/app:1").isPinned)
    }

    @Test("unsigned, a stranger's, of another image, under another name: refused, and nothing is left")
    func refused() throws {
        let good = SignedLayout()
        var cases: [(SignedLayout, String)] = [(good, "without a signature")]
        var layout = good
        try layout.sign(layout.recipe.manifestDigest, by: P256.Signing.PrivateKey())
        cases.append((layout, "none of its 1 signatures"))
        layout = good
        try layout.sign(Digest(of: "x".utf8), about: layout.recipe.manifestDigest)
        cases.append((layout, "of another image"))
        layout = good
        try layout.sign(layout.recipe.manifestDigest, as: "r.example/other")
        cases.append((layout, "signed it as 'r.example/other'"))
        let before = try sandbox.contents()
        let store = try store(try policy(good.pem))
        for (layout, words) in cases {
            let failure = refusal { _ = try importing(layout, into: store) }
            #expect(
                failure?.code == "image.untrusted" && failure?.cause?.contains(words) == true,
                "\(String(describing: failure))")
            #expect(try sandbox.contents() == before)
        }
    }

    @Test("what came in under a permissive policy is not started under a strict one, and the other way round is")
    func launch() throws {
        let layout = SignedLayout()
        _ = try importing(layout, into: sandbox.store)
        let strict = try store(try policy(layout.pem))
        let image = try strict.resolve("r.example/app:1")
        #expect(refusal { try strict.lease(container: "c", image: image) }?.code == "image.untrusted")
        #expect(refusal { _ = try strict.admit(image) }?.code == "image.untrusted")
        #expect(refusal { try store(PolicySource("reject")).lease(container: "c", image: image) } != nil)
        #expect(try sandbox.store.leases().isEmpty)
        try sandbox.store.lease(container: "c", image: image)
        #expect(try sandbox.store.admit(image).policyName == "permissive")
        #expect(refusal { try strict.admitStranger("busybox") } != nil)
        try sandbox.store.admitStranger("busybox")
    }

    @Test("another digest than the one that was asked for is refused before a layer is unpacked")
    func pinned() throws {
        let layout = SignedLayout()
        let right = layout.recipe.manifestDigest
        let wrong = Digest(of: "wrong".utf8)
        let before = try sandbox.contents()
        #expect(
            refusal { _ = try importing(layout, into: sandbox.store, digest: wrong) }?.code == "image.digest-mismatch")
        let named = refusal { _ = try importing(layout, into: sandbox.store, name: "app:2@\(wrong)") }
        #expect(named?.code == "image.digest-mismatch" && named?.field == "name")
        let path = try sandbox.write("layout.tar", layout.archive)
        let chosen = refusal {
            _ = try sandbox.store.importImages(
                ImportRequest(source: .path(path), reference: "r.example/app:1@\(wrong)"))
        }
        #expect(chosen?.code == "image.digest-mismatch" && chosen?.field == "reference")
        #expect(try sandbox.contents() == before)
        #expect(try importing(layout, into: sandbox.store, digest: right, name: "app:2@\(right)").count == 1)
        #expect(try sandbox.store.resolve("app:2@\(right)").isPinned)
        #expect(refusal { _ = try sandbox.store.resolve("app:2@\(wrong)") }?.code == "image.not-found")
    }

    @Test("a damaged signature in a layout refuses the import: it is not taken for none")
    func damaged() throws {
        var layout = SignedLayout()
        try layout.sign(layout.recipe.manifestDigest)
        let text = String(decoding: layout.archive, as: UTF8.self)
        #expect(text.contains("dev.cosignproject.cosign/signature"))
        let bytes = Array(
            text.replacing("dev.cosignproject.cosign/signature", with: "dev.cosignproject.cosign/Signature").utf8)
        let path = try sandbox.write("damaged.tar", bytes)
        #expect(refusal { _ = try sandbox.store.importImages(ImportRequest(source: .path(path))) } != nil)
    }

    @Test("a policy or a key that others could write, or that cannot be read, refuses everything")
    func unsafe() throws {
        let layout = SignedLayout()
        let loose = try store(try policy(layout.pem, mode: 0o666))
        #expect(refusal { _ = try importing(layout, into: loose) }?.code == "image.policy-unsafe")
        let missing = try store(PolicySource(sandbox.path + "/none.json"))
        #expect(refusal { _ = try importing(layout, into: missing) }?.code == "image.policy-unreadable")
        let directory = try store(PolicySource(sandbox.path))
        #expect(refusal { _ = try importing(layout, into: directory) }?.code == "image.policy-unreadable")
        let source = try policy(layout.pem)
        try OwnedDescriptor.open(RawPath(sandbox.path), [.directory]).open("key.pub").changeMode(0o622)
        #expect(refusal { _ = try source.load() }?.code == "image.policy-unsafe")
    }

    @Test("records of programs that knew nothing of this read as unsigned")
    func older() throws {
        try sandbox.importArchive(ImageRecipe().dockerArchive(), name: "old")
        let path = sandbox.store.path + "/index.json"
        var text = try TextFile.read(path)
        let start = try #require(text.firstRange(of: #","verdict":{"#))
        let end = try #require(text[start.upperBound...].firstIndex(of: "}"))
        text.removeSubrange(start.lowerBound...end)
        try sandbox.write("store/index.json", Array(text.utf8))
        let image = try sandbox.reopened().resolve("old")
        #expect(image.importVerdict == nil && image.indexes.isEmpty)
        #expect(try !sandbox.store.admit(image).isSigned)
    }
}
