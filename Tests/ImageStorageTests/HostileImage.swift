import Diagnostics
import HostileArchives
import ImageStorage
import LinuxKernel
import OCIFormat
import Testing

/// An archive nobody should import, and how it must be refused.
struct HostileImage: Sendable, CustomTestStringConvertible {
    var name: String
    var codes: [String]
    var limits = ImageLimits.standard
    var archive: @Sendable () -> [UInt8]

    init(
        _ name: String, _ codes: String..., limits: ImageLimits = .standard,
        _ archive: @escaping @Sendable () -> [UInt8]
    ) {
        self.name = name
        self.codes = codes
        self.limits = limits
        self.archive = archive
    }

    var testDescription: String { name }

    static let hex = String(repeating: "ab", count: 32)

    static func docker(manifest: String, _ change: (inout TarBuilder) -> Void = { _ in }) -> [UInt8] {
        var tar = TarBuilder()
        tar.add("manifest.json", text: manifest)
        change(&tar)
        return tar.ended()
    }

    static func with(_ change: (inout ImageRecipe) -> Void) -> ImageRecipe {
        var recipe = ImageRecipe()
        change(&recipe)
        return recipe
    }
}

extension HostileImage {
    static let outerArchives: [HostileImage] = [
        HostileImage("nothing at all", "layer.archive-invalid", "image.archive-unknown") { [] },
        HostileImage("garbage", "layer.archive-invalid") { Array(repeating: 0x5a, count: 100_000) },
        HostileImage("cut in the middle", "layer.archive-invalid", "layer.entry-invalid") {
            Array(ImageRecipe().dockerArchive().prefix(1_300))
        },
        HostileImage("a cut gzip stream", "layer.compressed-data") {
            Array(Compressed.gzip(ImageRecipe().dockerArchive()).dropLast(20))
        },
        HostileImage("an archive of something else", "image.archive-unknown") {
            var tar = TarBuilder()
            tar.add("README", text: "hello")
            return tar.ended()
        },
        HostileImage("a Docker older than 1.10", "image.archive-unknown") {
            var tar = TarBuilder()
            tar.add("repositories", text: #"{"busybox":{"latest":"\#(hex)"}}"#)
            return tar.ended()
        },
        HostileImage("index.json twice", "image.archive-duplicate-member") {
            ImageRecipe().ociArchive { $0.add("index.json", text: "{}") }
        },
        HostileImage("blobs is a link to the host", "image.blob-missing") {
            var tar = TarBuilder()
            tar.add("blobs", .link, link: "/etc")
            for (name, content) in ImageRecipe().layout() where !name.hasPrefix("blobs/") {
                tar.add(name, content: content)
            }
            return tar.ended()
        },
        HostileImage("a configuration on the host", "image.archive-member-name") {
            docker(manifest: #"[{"Config":"/etc/shadow","Layers":["\#(hex).tar"]}]"#)
        },
        HostileImage("a layer above the archive", "image.archive-member-name") {
            docker(manifest: #"[{"Config":"\#(hex).json","Layers":["../../etc/shadow"]}]"#)
        },
        HostileImage("a layer that is a link to the host", "image.blob-missing") {
            ImageRecipe().dockerArchive { tar in
                let text = #"[{"Config":"\#(ImageRecipe().configDigest.hex).json","Layers":["\#(hex)/layer.tar"]}]"#
                tar = TarBuilder()
                tar.add("\(ImageRecipe().configDigest.hex).json", content: ImageRecipe().configText)
                tar.add("\(hex)/layer.tar", .link, link: "/etc/shadow")
                tar.add("manifest.json", text: text)
            }
        },
        HostileImage("links in a circle", "image.blob-missing") {
            let other = String(repeating: "cd", count: 32)
            return docker(manifest: #"[{"Config":"\#(hex).json","Layers":["\#(hex)/layer.tar"]}]"#) { tar in
                tar.add("\(hex).json", .link, link: "\(other).json")
                tar.add("\(other).json", .link, link: "\(hex).json")
            }
        },
        HostileImage("a manifest.json of 5 MiB", "image.document-too-large") {
            docker(manifest: String(repeating: " ", count: 5 << 20))
        },
        HostileImage("more members than allowed", "layer.limit", limits: with(\.archiveMembers, 20)) {
            ImageRecipe().ociArchive { tar in for number in 0..<40 { tar.add("x\(number)", text: "x") } }
        },
        HostileImage("more bytes than allowed", "layer.limit", limits: with(\.expandedBytes, 1 << 16)) {
            ImageRecipe().ociArchive { tar in tar.add("big", content: [UInt8](repeating: 0, count: 1 << 17)) }
        },
        HostileImage("a link whose target is longer than a path", "layer.limit") {
            docker(manifest: "[]") { tar in
                tar.pax([("linkpath", String(repeating: "x", count: 5_000))])
                tar.add("\(hex).json", .link, link: "x")
            }
        },
        HostileImage(
            "a configuration larger than what an import keeps", "image.documents-too-large",
            limits: with(\.importDocumentBytes, 4_096)
        ) { with { $0.config = #""Env":["A=\#(String(repeating: "x", count: 8_000))"]"# }.dockerArchive() },
        HostileImage(
            "a configuration in a layout larger than what an import keeps", "image.documents-too-large",
            limits: with(\.importDocumentBytes, 4_096)
        ) { with { $0.config = #""Env":["A=\#(String(repeating: "x", count: 8_000))"]"# }.ociArchive() },
        HostileImage(
            "more images than allowed, counted before any is read", "image.document-too-many-entries",
            limits: with(\.archiveImages, 3)
        ) {
            let entries = (0..<4).map { number in
                #"{"mediaType":"\#(MediaType.ociIndex)","digest":"\#(Digest(of: "\(number)".utf8))","size":9}"#
            }
            return ImageRecipe().ociArchive(
                index: #"{"schemaVersion":2,"manifests":[\#(entries.joined(separator: ","))]}"#)
        },
        HostileImage(
            "more layers of all images than allowed", "image.too-many-layers", limits: with(\.archiveLayers, 3)
        ) {
            with { $0.layers = (0..<4).map { .files(["f": "\($0)"]) } }.ociArchive()
        },
    ]

    static let documents: [HostileImage] = [
        HostileImage("a layout of version 2", "image.layout-version") {
            var tar = TarBuilder()
            tar.add("oci-layout", text: #"{"imageLayoutVersion":"2.0.0"}"#)
            tar.add("index.json", text: #"{"schemaVersion":2,"manifests":[]}"#)
            return tar.ended()
        },
        HostileImage("an index of nothing", "image.archive-empty") {
            ImageRecipe().ociArchive(index: #"{"schemaVersion":2,"manifests":[]}"#)
        },
        HostileImage("an index that is a manifest too", "image.manifest-ambiguous") {
            ImageRecipe().ociArchive(index: #"{"schemaVersion":2,"manifests":[],"layers":[]}"#)
        },
        HostileImage("a manifest under an index's type", "image.manifest-ambiguous", "image.document-member-missing") {
            let recipe = ImageRecipe()
            return recipe.ociArchive(index: index(of: recipe.manifestText, type: MediaType.ociIndex))
        },
        HostileImage("indexes inside indexes inside indexes", "image.index-nested") { nested(levels: 3) },
        HostileImage("a thousand indexes inside one another", "image.index-nested") { nested(levels: 1_000) },
        HostileImage("an index for other platforms", "image.platform") {
            let recipe = ImageRecipe()
            let text = index(of: recipe.manifestText)
            return recipe.ociArchive(
                index: text.replacing("}]}", with: #","platform":{"os":"linux","architecture":"riscv64"}}]}"#))
        },
        HostileImage("a configuration for another platform", "image.platform") {
            with { $0.architecture = "riscv64" }.dockerArchive()
        },
        HostileImage("a schema 1 manifest", "image.schema-1") {
            blob(#"{"schemaVersion":1,"fsLayers":[],"history":[]}"#)
        },
        HostileImage("a foreign layer", "image.layer-foreign") {
            with { recipe in
                recipe.manifestLayers =
                    #"{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","#
                    + #""digest":"sha256:\#(hex)","#
                    + #""size":5,"urls":["http://127.0.0.1:9/"]}"#
            }.ociArchive()
        },
        HostileImage("501 layers", "image.too-many-layers") {
            with { recipe in
                let layer = #"{"mediaType":"\#(MediaType.ociLayer(.none))","digest":"sha256:\#(hex)","size":1}"#
                recipe.manifestLayers = Array(repeating: layer, count: 501).joined(separator: ",")
            }.ociArchive()
        },
        HostileImage("no layers", "image.no-layers") { with { $0.layers = [] }.ociArchive() },
        HostileImage("fewer layers than diff_ids", "image.layer-count") {
            with { $0.diffIDs = [$0.layers[0].diffID, $0.layers[0].diffID] }.ociArchive()
        },
        HostileImage("a configuration nested a million deep", "image.document-too-deep") {
            with { $0.configuration = Array(repeating: UInt8(ascii: "["), count: 1_000_000) }.ociArchive()
        },
        HostileImage("a user that overflows", "user.invalid") {
            with { $0.config = #""User":"4294967296""# }.dockerArchive()
        },
        HostileImage("a name that is none", "image.reference-invalid") {
            with { $0.tags = ["../../etc:latest"] }.dockerArchive()
        },
        HostileImage("a name annotation that is none", "image.reference-invalid") {
            ImageRecipe().ociArchive(annotations: ["io.containerd.image.name": "A\\u001b[31m"])
        },
    ]

    static let blobs: [HostileImage] = [
        HostileImage("a missing layer", "image.blob-missing") {
            with { $0.leaveOut = [Digest(of: $0.layers[0].blob)] }.ociArchive()
        },
        HostileImage("a missing layer in a docker-archive", "image.blob-missing") {
            with { $0.leaveOut = [Digest(of: $0.layers[0].blob)] }.dockerArchive()
        },
        HostileImage("a missing configuration", "image.blob-missing") {
            with { $0.leaveOut = [$0.configDigest] }.ociArchive()
        },
        HostileImage("a layer with one byte changed", "image.digest-mismatch") {
            with { recipe in
                let layer = Digest(of: recipe.layers[0].blob)
                recipe.corrupt = { digest, blob in if digest == layer { blob[600] ^= 1 } }
            }.ociArchive()
        },
        HostileImage("a packed layer with one byte changed", "image.digest-mismatch") {
            with { recipe in
                recipe.layers = [.files(["a": "a"], packing: .gzip)]
                let layer = Digest(of: recipe.layers[0].blob)
                recipe.corrupt = { digest, blob in if digest == layer { blob[20] ^= 1 } }
            }.ociArchive()
        },
        HostileImage("a layer named as a blob in manifest.json, with one byte changed", "image.digest-mismatch") {
            with { recipe in
                let layer = Digest(of: recipe.layers[0].blob)
                recipe.corrupt = { digest, blob in if digest == layer { blob[600] ^= 1 } }
            }.dockerArchiveOfBlobs()
        },
        HostileImage("a layer twice, with one byte changed", "image.archive-duplicate-member") {
            var other = ImageRecipe().layers[0].blob
            let name = "blobs/sha256/\(Digest(of: other).hex)"
            other[600] ^= 1
            return ImageRecipe().ociArchive { $0.add(name, content: other) }
        },
        HostileImage("a layer with a byte more", "image.size-mismatch") {
            with { recipe in
                let layer = Digest(of: recipe.layers[0].blob)
                recipe.corrupt = { digest, blob in if digest == layer { blob.append(0) } }
            }.ociArchive()
        },
        HostileImage("a configuration with one byte changed", "image.digest-mismatch") {
            with { recipe in
                let config = recipe.configDigest
                recipe.corrupt = { digest, blob in if digest == config { blob[20] ^= 1 } }
            }.dockerArchive()
        },
        HostileImage("a diff_id of another layer", "layer.digest-mismatch") {
            with { $0.diffIDs = [Digest(of: "other".utf8)] }.dockerArchive()
        },
        HostileImage("the second layer's diff_id is wrong", "layer.digest-mismatch") {
            with { recipe in
                recipe.layers = [.files(["a": "a"]), .files(["b": "b"], packing: .gzip)]
                recipe.diffIDs = [recipe.layers[0].diffID, Digest(of: "other".utf8)]
            }.dockerArchive()
        },
        HostileImage("gzip under a plain type", "image.media-type") {
            with { recipe in
                recipe.layers = [.files(["a": "a"], packing: .gzip)]
                let blob = recipe.layers[0].blob
                recipe.manifestLayers =
                    #"{"mediaType":"\#(MediaType.ociLayer(.none))","digest":"\#(Digest(of: blob))","#
                    + #""size":\#(blob.count)}"#
            }.ociArchive()
        },
        HostileImage("a layer that leads out", "layer.entry-invalid") {
            with { recipe in
                var tar = TarBuilder()
                tar.add("good", text: "good")
                tar.add("../../../../../../../../dev/shm/escaped", text: "pwned")
                recipe.layers = [.init(tar: tar.ended())]
            }.dockerArchive()
        },
        HostileImage("a layer that is no archive", "layer.archive-invalid") {
            with { $0.layers = [.init(tar: Array("no tar at all".utf8))] }.dockerArchive()
        },
        HostileImage("more entries than allowed", "layer.limit", limits: with(\.layerEntries, 10)) {
            with { recipe in
                recipe.layers = [.files(Dictionary(uniqueKeysWithValues: (0..<20).map { ("file\($0)", "x") }))]
            }.dockerArchive()
        },
        HostileImage("one small layer named again and again", "layer.limit", limits: with(\.imageBytes, 1 << 20)) {
            with { recipe in
                let layer = ImageRecipe.Layer.files(["big": String(repeating: "x", count: 200_000)], packing: .gzip)
                recipe.layers = Array(repeating: layer, count: 20)
            }.ociArchive()
        },
        HostileImage("a layer of few files named again and again", "layer.limit", limits: with(\.imageEntries, 10)) {
            with { $0.layers = Array(repeating: .files(["a/b/c": "c"]), count: 20) }.ociArchive()
        },
        HostileImage("a layer that grows a thousandfold", "layer.limit", limits: with(\.ratioFreeBytes, 1 << 16)) {
            with { recipe in
                var tar = TarBuilder()
                tar.add("zeros", content: [UInt8](repeating: 0, count: 1 << 19))
                recipe.layers = [.init(tar: tar.ended(), packing: .zstd)]
            }.dockerArchive()
        },
    ]

    private static func with<Value>(_ path: WritableKeyPath<ImageLimits, Value>, _ value: Value) -> ImageLimits {
        var limits = ImageLimits()
        limits[keyPath: path] = value
        return limits
    }

    private static func index(of document: [UInt8], type: String = MediaType.ociManifest) -> String {
        #"{"schemaVersion":2,"manifests":[{"mediaType":"\#(type)","digest":"\#(Digest(of: document))","#
            + #""size":\#(document.count)}]}"#
    }

    private static func blob(_ manifest: String) -> [UInt8] {
        let text = Array(manifest.utf8)
        return ImageRecipe().ociArchive(index: index(of: text, type: MediaType.ociManifest)) { tar in
            tar.add("blobs/sha256/\(Digest(of: text).hex)", content: text)
        }
    }

    private static func nested(levels: Int) -> [UInt8] {
        let recipe = ImageRecipe()
        var documents = [Array(index(of: recipe.manifestText, type: MediaType.ociManifest).utf8)]
        for _ in 1..<levels {
            documents.append(Array(index(of: documents[documents.count - 1], type: MediaType.ociIndex).utf8))
        }
        return recipe.ociArchive(index: String(decoding: documents.removeLast(), as: UTF8.self)) { tar in
            for document in documents { tar.add("blobs/sha256/\(Digest(of: document).hex)", content: document) }
        }
    }
}
