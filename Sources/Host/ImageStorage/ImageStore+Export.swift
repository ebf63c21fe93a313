public import Diagnostics
public import LinuxKernel
public import OCIFormat

public enum ExportFormat: String, Sendable, CaseIterable {
    /// What 'docker load', 'podman load' and older tools take; it can be read as an oci-archive as well.
    case dockerArchive = "docker-archive"
    case ociArchive = "oci-archive"
}

extension ImageStore {
    /// Writes the image called `text` to `output`: the same image and format give the same bytes. Layers go out as they
    /// came in, with their digests.
    /// - Throws: what `resolve` throws, `image.export-write`.
    /// With `named`, under that name instead of its own ones.
    public func export(
        _ text: String, to output: OwnedDescriptor, format: ExportFormat, named: ImageReference? = nil
    ) throws(Failure) {
        // Opened together with the decision: whoever removes the image meanwhile does not disturb the export.
        let (record, reference, blobs) = try root.locked(for: "exporting an image") { () throws(Failure) in
            let (record, reference) = try ImageLookup(index: StoreIndex(readFrom: root)).record(text)
            return (record, reference, try openBlobs(of: record))
        }
        let references = (named ?? reference).map { [$0] } ?? record.references
        let manifestText = try verified(record.manifest, in: blobs)
        let manifest = try Manifest(parsing: manifestText, limits: limits)
        let writer = TarWriter(output: output)
        try writer.add("oci-layout", content: Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        let index = ExportIndex(manifest: record.manifest, size: manifestText.count, type: manifest.mediaType)
        try writer.add("index.json", content: Array(index.json(references, record.platform).text.utf8))
        if format == .dockerArchive {
            let listed = ArchiveManifest(images: [
                .init(
                    configuration: ExportIndex.name(of: record.configuration), references: references,
                    layers: manifest.layers.map { ExportIndex.name(of: $0.digest) })
            ])
            try writer.add("manifest.json", content: Array(listed.text.utf8))
        }
        for (digest, file) in blobs {
            let status = try onStore("examine the blob", digest.short) { () throws(KernelError) in try file.status() }
            try writer.add(ExportIndex.name(of: digest), file: file, size: UInt64(clamping: status.size))
        }
        try writer.finish()
    }

    /// Sorted by digest.
    private func openBlobs(of record: StoreIndex.Record) throws(Failure) -> [(Digest, OwnedDescriptor)] {
        var blobs: [(Digest, OwnedDescriptor)] = []
        for digest in Set(record.blobs).sorted() {
            let file = try onStore("read the blob", digest.short) { () throws(KernelError) in
                try root.blobs.open(RawPath(digest.hex), [.readOnly, .noFollow])
            }
            blobs.append((digest, file))
        }
        return blobs
    }

    private func verified(_ digest: Digest, in blobs: [(Digest, OwnedDescriptor)]) throws(Failure) -> [UInt8] {
        guard let file = blobs.first(where: { $0.0 == digest })?.1 else {
            throw StoreFailure.damaged("blobs/sha256/\(digest.hex)", "it is not among the image's blobs")
        }
        let content = try onStore("read the blob", digest.short) { () throws(KernelError) -> [UInt8] in
            let content = try file.readAll(limit: Int(limits.documentBytes))
            try file.seek(to: 0)
            return content
        }
        guard Digest(of: content) == digest else {
            throw StoreFailure.damaged("blobs/sha256/\(digest.hex)", "its content has changed")
        }
        return content
    }
}

/// `index.json` of an exported image.
private struct ExportIndex {
    var manifest: Digest
    var size: Int
    var type: String

    static func name(of blob: Digest) -> String { "blobs/sha256/\(blob.hex)" }

    func json(_ references: [ImageReference], _ platform: Platform) -> JSONValue {
        let names: [ImageReference?] = references.isEmpty ? [nil] : references.map { $0 }
        let entries: [JSONValue] = names.map { reference in
            var members: [(String, JSONValue)] = [
                ("mediaType", .string(type)), ("digest", .string(manifest.description)), ("size", .number(size)),
            ]
            if let reference {
                members.append(
                    (
                        "annotations",
                        [
                            "io.containerd.image.name": .string(reference.description),
                            "org.opencontainers.image.ref.name": .string(reference.tag ?? "latest"),
                        ]
                    ))
            }
            members.append(("platform", ["architecture": .string(platform.architecture), "os": .string(platform.os)]))
            return .object(.init(uniqueKeysWithValues: members))
        }
        return ["schemaVersion": .number(2), "manifests": .array(entries)]
    }
}
