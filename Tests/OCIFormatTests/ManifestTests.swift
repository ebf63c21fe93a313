import Diagnostics
import OCIFormat
import Testing

@Suite("manifests and indexes")
struct ManifestTests {
    static let layer = "application/vnd.oci.image.layer.v1.tar+gzip"

    @Test("OCI and Docker manifests are read")
    func reads() throws {
        let oci = try Manifest(parsing: Array(Sample.manifest().utf8))
        #expect(oci.layers.count == 1)
        #expect(oci.compression(ofLayer: 0) == .gzip)
        #expect(oci.configuration.size == 10)
        let docker = Sample.manifest(
            config: Sample.descriptor("application/vnd.docker.container.image.v1+json"),
            layers: [Sample.descriptor("application/vnd.docker.image.rootfs.diff.tar.zstd")],
            extra: #","mediaType":"application/vnd.docker.distribution.manifest.v2+json""#)
        #expect(try Manifest(parsing: Array(docker.utf8)).compression(ofLayer: 0) == .zstd)
    }

    @Test("a manifest is written and read back")
    func writesBack() throws {
        let manifest = try Manifest(parsing: Array(Sample.manifest().utf8))
        #expect(try Manifest(parsing: Array(manifest.text.utf8)) == manifest)
        #expect(
            manifest.text.hasPrefix(
                #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":"#))
    }

    static let hostile: [HostileDocument] = [
        HostileDocument("an array", "[]", "image.document-type"),
        HostileDocument("no version", "{}", "image.schema-version", field: "schemaVersion"),
        HostileDocument("schema 1", #"{"schemaVersion":1,"fsLayers":[]}"#, "image.schema-1", field: "schemaVersion"),
        HostileDocument("version as text", #"{"schemaVersion":"2"}"#, "image.document-type", field: "schemaVersion"),
        HostileDocument(
            "manifest and index in one", Sample.manifest(extra: #","manifests":[]"#), "image.manifest-ambiguous",
            field: "manifests"),
        HostileDocument(
            "index type on a manifest", Sample.manifest(extra: #","mediaType":"\#(MediaType.ociIndex)""#),
            "image.manifest-ambiguous", field: "mediaType"),
        HostileDocument(
            "no config", #"{"schemaVersion":2,"layers":[]}"#, "image.document-member-missing", field: "config"),
        HostileDocument("no layers", Sample.manifest(layers: []), "image.no-layers", field: "layers"),
        HostileDocument(
            "501 layers", Sample.manifest(layers: Array(repeating: Sample.descriptor(layer), count: 501)),
            "image.too-many-layers", field: "layers"),
        HostileDocument(
            "foreign layer",
            Sample.manifest(layers: [Sample.descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")]),
            "image.layer-foreign", field: "layers[0].mediaType"),
        HostileDocument(
            "layer with urls", Sample.manifest(layers: [Sample.descriptor(layer, extra: #","urls":["http://x/"]"#)]),
            "image.layer-foreign", field: "layers[0].urls"),
        HostileDocument(
            "encrypted layer", Sample.manifest(layers: [Sample.descriptor("\(layer)+encrypted")]),
            "image.layer-encrypted", field: "layers[0].mediaType"),
        HostileDocument(
            "unknown layer", Sample.manifest(layers: [Sample.descriptor("application/x-tar")]), "image.media-type",
            field: "layers[0].mediaType"),
        HostileDocument(
            "a manifest as layer", Sample.manifest(layers: [Sample.descriptor(MediaType.ociManifest)]),
            "image.media-type",
            field: "layers[0].mediaType"),
        HostileDocument(
            "an artifact", Sample.manifest(config: Sample.descriptor("application/vnd.oci.empty.v1+json")),
            "image.media-type", field: "config.mediaType"),
        HostileDocument(
            "a layer as config", Sample.manifest(config: Sample.descriptor(layer)), "image.artifact",
            field: "config.mediaType"),
        HostileDocument(
            "negative size", Sample.manifest().replacing(":10}", with: ":-1}"), "image.descriptor-size",
            field: "config.size"),
        HostileDocument(
            "huge size",
            Sample.manifest(layers: [Sample.descriptor(layer).replacing(":10", with: ":9223372036854775807")]),
            "image.descriptor-size", field: "layers[0].size"),
        HostileDocument(
            "size beyond 64 bits", Sample.manifest().replacing(":10}", with: ":99999999999999999999}"),
            "image.document-type", field: "config.size"),
        HostileDocument(
            "fractional size", Sample.manifest().replacing(":10}", with: ":1.5}"), "image.document-type",
            field: "config.size"),
        HostileDocument(
            "huge config", Sample.manifest().replacing(#":10},"layers"#, with: #":8388608},"layers"#),
            "image.descriptor-size", field: "config.size"),
        HostileDocument(
            "digest as path", Sample.manifest().replacing(Sample.digest, with: "sha256:../../x"),
            "image.digest-invalid",
            field: "config.digest"),
    ]

    @Test("a manifest that cannot be believed is refused with its field", arguments: hostile)
    func refuses(document: HostileDocument) {
        let failure = #expect(throws: Failure.self) { _ = try Manifest(parsing: document.content) }
        #expect(failure?.code.rawValue == document.code)
        if let field = document.field { #expect(failure?.field == field) }
    }

    @Test("127 and 500 layers are accepted", arguments: [127, 500])
    func accepts(layers count: Int) throws {
        let text = Sample.manifest(layers: Array(repeating: Sample.descriptor(Self.layer), count: count))
        #expect(try Manifest(parsing: Array(text.utf8)).layers.count == count)
    }

    private func index(_ platforms: [String?]) throws -> ImageIndex {
        let entries = platforms.enumerated().map { number, platform in
            let parts = (platform ?? "").split(separator: "/").map(String.init)
            var extra = ""
            if parts.count >= 2 {
                let variant = parts.count == 3 ? #","variant":"\#(parts[2])""# : ""
                extra = #","platform":{"os":"\#(parts[0])","architecture":"\#(parts[1])"\#(variant)}"#
            }
            return Sample.descriptor(MediaType.ociManifest, extra: extra).replacing(":10", with: ":\(number + 1)")
        }
        return try ImageIndex(
            parsing: Array(#"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#.utf8),
            as: "index.json")
    }

    @Test(
        "an index yields the entry for the wanted platform",
        arguments: [
            (["linux/amd64", "linux/arm64"], "linux/arm64", 2), (["windows/amd64", "linux/amd64"], "linux/amd64", 2),
            (["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7", 2), (["linux/arm64/v8"], "linux/arm64", 1),
            (["unknown/unknown", nil], "linux/amd64", 2), ([nil, "linux/amd64"], "linux/amd64", 2),
        ] as [([String?], String, UInt64)])
    func chooses(platforms: [String?], wanted: String, size: UInt64) throws {
        #expect(try index(platforms).choice(for: Platform(parsing: wanted))?.size == size)
    }

    @Test("an index without the wanted platform yields nothing and can say what it has")
    func choosesNothing() throws {
        let index = try index(["linux/arm64", "linux/s390x", "unknown/unknown"])
        #expect(index.choice(for: Platform(os: "linux", architecture: "amd64")) == nil)
        #expect(index.platforms.map(\.description) == ["linux/arm64", "linux/s390x"])
    }

    @Test(
        "an index that cannot be believed is refused",
        arguments: [
            HostileDocument(
                "with layers", #"{"schemaVersion":2,"manifests":[],"layers":[]}"#, "image.manifest-ambiguous"),
            HostileDocument(
                "with config", #"{"schemaVersion":2,"manifests":[],"config":{}}"#, "image.manifest-ambiguous"),
            HostileDocument("no manifests", #"{"schemaVersion":2}"#, "image.document-member-missing"),
            HostileDocument("manifests as text", #"{"schemaVersion":2,"manifests":"x"}"#, "image.document-type"),
            HostileDocument(
                "1025 entries",
                #"{"schemaVersion":2,"manifests":["#
                    + Array(repeating: Sample.descriptor(MediaType.ociManifest), count: 1_025).joined(separator: ",")
                    + "]}",
                "image.document-too-many-entries"),
        ])
    func refusesIndex(document: HostileDocument) {
        let failure = #expect(throws: Failure.self) { _ = try ImageIndex(parsing: document.content, as: "index.json") }
        #expect(failure?.code.rawValue == document.code)
    }

    @Test(
        "a platform is read or refused",
        arguments: [
            "linux", "linux/", "/amd64", "linux/a/b/c", "li nux/amd64", "", "linux/amd64/v1/..", "linux/\u{1b}[m",
        ])
    func refusesPlatform(text: String) {
        #expect(throws: Failure.self) { _ = try Platform(parsing: text) }
    }
}
