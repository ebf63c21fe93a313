import HostileArchives
import OCIFormat

/// Builds image archives of every format byte by byte, so that a test can tell one lie at a time.
struct ImageRecipe {
    enum Packing { case plain, gzip, zstd }

    struct Layer {
        var tar: [UInt8]
        var packing = Packing.plain

        static func files(_ files: [String: String], packing: Packing = .plain) -> Layer {
            var tar = TarBuilder()
            for (name, text) in files.sorted(by: { $0.key < $1.key }) { tar.add(name, text: text) }
            return Layer(tar: tar.ended(), packing: packing)
        }

        var diffID: Digest { Digest(of: tar) }

        var blob: [UInt8] {
            switch packing {
            case .plain: tar
            case .gzip: Compressed.gzip(tar)
            case .zstd: Compressed.zstd(tar)
            }
        }

        var mediaType: String {
            switch packing {
            case .plain: MediaType.ociLayer(.none)
            case .gzip: MediaType.ociLayer(.gzip)
            case .zstd: MediaType.ociLayer(.zstd)
            }
        }
    }

    var layers: [Layer] = [.files(["hello": "hello"])]
    var tags: [String] = []
    var architecture = Platform.host.architecture
    /// More members of the configuration's `config`.
    var config = #""Env":["PATH=/bin"],"Cmd":["/hello"]"#

    // Lies.
    var diffIDs: [Digest]?
    var configuration: [UInt8]?
    var manifestLayers: String?
    /// Changes what the blob `hex` holds after everything else was made from it.
    var corrupt: (_ digest: Digest, _ blob: inout [UInt8]) -> Void = { _, _ in }
    var leaveOut: Set<Digest> = []

    var configText: [UInt8] {
        if let configuration { return configuration }
        let ids = (diffIDs ?? layers.map(\.diffID)).map { "\"\($0)\"" }.joined(separator: ",")
        return Array(
            (#"{"architecture":"\#(architecture)","os":"linux","created":"2024-05-06T07:08:09Z","config":{\#(config)},"#
                + #""rootfs":{"type":"layers","diff_ids":[\#(ids)]}}"#).utf8)
    }

    var configDigest: Digest { Digest(of: configText) }

    var manifestText: [UInt8] {
        func descriptor(_ type: String, _ blob: [UInt8]) -> String {
            #"{"mediaType":"\#(type)","digest":"\#(Digest(of: blob))","size":\#(blob.count)}"#
        }
        let listed = manifestLayers ?? layers.map { descriptor($0.mediaType, $0.blob) }.joined(separator: ",")
        return Array(
            (#"{"schemaVersion":2,"mediaType":"\#(MediaType.ociManifest)","config":"#
                + descriptor(MediaType.ociConfiguration, configText) + #","layers":[\#(listed)]}"#).utf8)
    }

    var manifestDigest: Digest { Digest(of: manifestText) }

    /// As `docker save` wrote it for long: `<hex>.json`, `<id>/layer.tar`, `manifest.json`, `repositories`.
    func dockerArchive(repositories: Bool = false, _ change: (inout TarBuilder) -> Void = { _ in }) -> [UInt8] {
        var tar = TarBuilder()
        var names: [String] = []
        for (index, layer) in layers.enumerated() {
            let name = "\(Digest(of: "id \(index)".utf8).hex)/layer.tar"
            names.append(name)
            put(layer.blob, as: name, into: &tar)
        }
        put(configText, as: "\(configDigest.hex).json", into: &tar)
        let listed = names.map { "\"\($0)\"" }.joined(separator: ",")
        let tagged = tags.map { "\"\($0)\"" }.joined(separator: ",")
        tar.add(
            "manifest.json",
            text:
                #"[{"Config":"\#(configDigest.hex).json","#
                + #""RepoTags":[\#(repositories ? "" : tagged)],"Layers":[\#(listed)]}]"#
        )
        if repositories, let tag = tags.first, let colon = tag.lastIndex(of: ":"), let top = names.last {
            let identifier = top.split(separator: "/")[0]
            tar.add(
                "repositories", text: #"{"\#(tag[..<colon])":{"\#(tag[tag.index(after: colon)...])":"\#(identifier)"}}"#
            )
        }
        change(&tar)
        return tar.ended()
    }

    /// `manifest.json` with the names of blobs, as Docker 25 writes it, but without `index.json`.
    func dockerArchiveOfBlobs() -> [UInt8] {
        var tar = TarBuilder()
        for (name, content) in layout() where name.hasPrefix("blobs/") { tar.add(name, content: content) }
        let listed = layers.map { "\"blobs/sha256/\(Digest(of: $0.blob).hex)\"" }.joined(separator: ",")
        let tagged = tags.map { "\"\($0)\"" }.joined(separator: ",")
        tar.add(
            "manifest.json",
            text: #"[{"Config":"blobs/sha256/\#(configDigest.hex)","RepoTags":[\#(tagged)],"Layers":[\#(listed)]}]"#)
        return tar.ended()
    }

    /// The members of an OCI image layout.
    func layout(annotations: [String: String] = [:], index: String? = nil) -> [(name: String, content: [UInt8])] {
        var members: [(String, [UInt8])] = [("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))]
        let notes = annotations.sorted { $0.key < $1.key }.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",")
        let own =
            #"{"schemaVersion":2,"manifests":[{"mediaType":"\#(MediaType.ociManifest)","digest":"\#(manifestDigest)","#
            + #""size":\#(manifestText.count),"annotations":{\#(notes)}}]}"#
        members.append(("index.json", Array((index ?? own).utf8)))
        for blob in layers.map(\.blob) + [configText, manifestText] {
            let digest = Digest(of: blob)
            var content = blob
            corrupt(digest, &content)
            if !leaveOut.contains(digest), !members.contains(where: { $0.0.hasSuffix(digest.hex) }) {
                members.append(("blobs/sha256/\(digest.hex)", content))
            }
        }
        return members
    }

    func ociArchive(
        annotations: [String: String] = [:], index: String? = nil, _ change: (inout TarBuilder) -> Void = { _ in }
    ) -> [UInt8] {
        var tar = TarBuilder()
        for (name, content) in layout(annotations: annotations, index: index) { tar.add(name, content: content) }
        change(&tar)
        return tar.ended()
    }

    private func put(_ content: [UInt8], as name: String, into tar: inout TarBuilder) {
        let digest = Digest(of: content)
        guard !leaveOut.contains(digest) else { return }
        var content = content
        corrupt(digest, &content)
        tar.add(name, content: content)
    }
}
