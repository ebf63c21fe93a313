import Diagnostics
import OCIFormat
import Testing

@Suite("docker-archive manifests")
struct ArchiveManifestTests {
    static let hex = String(repeating: "ab", count: 32)

    @Test(
        "every form of archive that docker save and its peers write is read",
        arguments: [
            ("\(hex).json", "\(hex)/layer.tar"), ("\(hex).json", "\(hex).tar"),
            ("blobs/sha256/\(hex)", "blobs/sha256/\(hex)"),
        ])
    func reads(config: String, layer: String) throws {
        let text = #"[{"Config":"\#(config)","RepoTags":["busybox:1"],"Layers":["\#(layer)"],"LayerSources":{}}]"#
        let manifest = try ArchiveManifest(parsing: Array(text.utf8))
        #expect(manifest.images[0].configuration == config)
        #expect(manifest.images[0].layers == [layer])
        #expect(manifest.images[0].references.map(\.description) == ["docker.io/library/busybox:1"])
        #expect(try ArchiveManifest(parsing: Array(manifest.text.utf8)) == manifest)
    }

    static let hostile: [HostileDocument] = [
        HostileDocument("an object", "{}", "image.document-type", field: "images"),
        HostileDocument("empty", "[]", "image.archive-empty"),
        HostileDocument("no Config", #"[{"Layers":[]}]"#, "image.document-member-missing", field: "images[0].Config"),
        HostileDocument(
            "Config on the host", #"[{"Config":"/etc/shadow","Layers":["\#(hex).tar"]}]"#, "image.archive-member-name",
            field: "images[0].Config"),
        HostileDocument(
            "a layer above", #"[{"Config":"\#(hex).json","Layers":["../../\#(hex).tar"]}]"#,
            "image.archive-member-name",
            field: "images[0].Layers"),
        HostileDocument("no layers", #"[{"Config":"\#(hex).json","Layers":[]}]"#, "image.no-layers"),
        HostileDocument(
            "a name with an escape", #"[{"Config":"\#(hex).json","Layers":["\#(hex).tar"],"RepoTags":["a\u001b:x"]}]"#,
            "image.reference-invalid"),
        HostileDocument(
            "501 layers",
            #"[{"Config":"\#(hex).json","Layers":["#
                + Array(repeating: "\"\(hex).tar\"", count: 501).joined(separator: ",") + "]}]",
            "image.too-many-layers"),
        HostileDocument(
            "257 images",
            "["
                + Array(repeating: #"{"Config":"\#(hex).json","Layers":["\#(hex).tar"]}"#, count: 257).joined(
                    separator: ",") + "]",
            "image.document-too-many-entries"),
    ]

    @Test("a manifest.json that points anywhere else is refused", arguments: hostile)
    func refuses(document: HostileDocument) {
        let failure = #expect(throws: Failure.self) { _ = try ArchiveManifest(parsing: document.content) }
        #expect(failure?.code.rawValue == document.code)
        if let field = document.field { #expect(failure?.field == field) }
    }

    @Test(
        "only exact member names mean anything",
        arguments: [
            "blobs/sha512/\(hex)", "blobs/sha256/../../x", "blobs//sha256/\(hex)", "/blobs/sha256/\(hex)",
            "x/index.json",
            "index.json/", "Index.json", "\(hex)", "\(hex).json/x", "\(hex)/layer.tar/", "../manifest.json", "", ".",
            "./",
            "././index.json", "blobs/sha256/\(hex.uppercased())", "index.json\0",
        ])
    func passesOver(name: String) { #expect(ArchiveMember(name: name) == nil) }

    @Test("repositories names its images")
    func repositories() throws {
        let read = try ArchiveRepositories(parsing: Array(#"{"busybox":{"1":"\#(Self.hex)"}}"#.utf8))
        #expect(read.references.map(\.reference.description) == ["docker.io/library/busybox:1"])
        #expect(read.references.map(\.layer) == [Self.hex])
        #expect(throws: Failure.self) { _ = try ArchiveRepositories(parsing: Array(#"{"busybox":{"1":"../x"}}"#.utf8)) }
    }
}
