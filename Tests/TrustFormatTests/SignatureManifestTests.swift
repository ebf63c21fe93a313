import Diagnostics
import OCIFormat
import Testing

@testable import TrustFormat

@Suite("Manifests beside images")
struct SignatureManifestTests {
    static let digest = "sha256:" + String(repeating: "b", count: 64)

    static func layer(_ annotation: String? = "AAAA", size: Int = 10, type: String = SignatureManifest.layerType)
        -> String
    {
        let notes = annotation.map { #","annotations":{"dev.cosignproject.cosign/signature":"\#($0)"}"# } ?? ""
        return #"{"mediaType":"\#(type)","digest":"\#(digest)","size":\#(size)\#(notes)}"#
    }

    static func manifest(_ layers: [String], more: String = "") -> String {
        #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#
            + #""config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"\#(digest)","size":2},"#
            + #""layers":[\#(layers.joined(separator: ","))]\#(more)}"#
    }

    static let image = layer(nil, type: "application/vnd.oci.image.layer.v1.tar+gzip")

    private func read(_ text: String) throws -> SignatureManifest? { try SignatureManifest(parsing: Array(text.utf8)) }

    @Test("the signatures of a .sig manifest are read")
    func signatures() throws {
        let found = try #require(try read(Self.manifest([Self.layer("AQID"), Self.layer("BAUG")])))
        #expect(found.layers.map(\.signature) == [[1, 2, 3], [4, 5, 6]])
        #expect(found.subject == nil)
    }

    @Test("a referrer says what it is about")
    func referrer() throws {
        let subject =
            #","artifactType":"application/vnd.dev.cosign.artifact.sig.v1+json","subject":"#
            + #"{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"\#(Self.digest)","size":7}"#
        #expect(try read(Self.manifest([Self.layer()], more: subject))?.subject == Digest(parsing: Self.digest))
    }

    @Test("an image is none, whatever else it has; other artifacts have no signatures")
    func kinds() throws {
        #expect(try read(Self.manifest([Self.image])) == nil)
        #expect(try read(Self.manifest([Self.image], more: #","artifactType":"x/y""#)) == nil)
        #expect(try read(Self.manifest([Self.layer(nil, type: "text/plain")])) == nil)
        let other = try read(Self.manifest([Self.layer(nil, type: "application/vnd.dsse.envelope.v1+json")]))
        #expect(other?.layers.isEmpty == true)
    }

    static let bad: [(String, Failure.Code)] = [
        (manifest([layer(nil)]), "image.signature-invalid"),
        (manifest([layer("A*==")]), "image.signature-invalid"),
        (manifest([layer("AAAA", size: 1 << 20)]), "image.descriptor-size"),
        (manifest([layer("AAAA", size: -1)]), "image.descriptor-size"),
        (manifest([layer(String(repeating: "A", count: 8_192))]), "image.document-text-too-long"),
        (manifest(Array(repeating: layer(), count: 65)), "image.signature-invalid"),
        (manifest([layer().replacing(digest, with: "sha256:../../etc/passwd")]), "image.digest-invalid"),
    ]

    @Test("damaged ones are refused", arguments: bad)
    func refused(_ text: String, _ code: Failure.Code) {
        let failure = #expect(throws: Failure.self) { try SignatureManifest(parsing: Array(text.utf8)) }
        #expect(failure?.code == code, "\(failure?.description ?? "")")
    }

    @Test(
        "names of what is beside images",
        arguments: [
            ("sha256-" + String(repeating: "a", count: 64) + ".sig", true),
            ("r.example/app:sha256-" + String(repeating: "a", count: 64) + ".att", true),
            ("sha256-" + String(repeating: "a", count: 64), true),
            ("sha256-" + String(repeating: "a", count: 63) + ".sig", false),
            ("sha256-" + String(repeating: "A", count: 64) + ".sig", false),
            ("sha256-" + String(repeating: "a", count: 64) + ".tar", false),
            ("latest", false), ("", false),
        ])
    func names(_ name: String, _ isBeside: Bool) { #expect(SignatureManifest.isArtifactName(name) == isBeside) }
}
