import Diagnostics
import LinuxKernel
import OCIFormat

/// A docker-archive: `manifest.json` names members, so the manifest of the image is made here, from what they are.
struct DockerArchive: ImageContents {
    let archive: ArchiveContents

    func plans(
        for wanted: Platform, limits: ImageLimits, holding documents: HeldDocuments
    ) throws(Failure) -> [ImagePlan] {
        let listed = try archive.bytes(
            of: try archive.member(named: "manifest.json"), named: "manifest.json", limits: limits)
        let manifest = try ArchiveManifest(parsing: listed, limits: limits)
        var plans: [ImagePlan] = []
        for image in manifest.images {
            plans.append(try plan(image, wanted: wanted, limits: limits, holding: documents))
        }
        if plans.count == 1, plans[0].references.isEmpty {
            plans[0].references = try repositories(manifest.images[0], limits)
        }
        return plans
    }

    private func plan(
        _ image: ArchiveManifest.Image, wanted: Platform, limits: ImageLimits, holding documents: HeldDocuments
    ) throws(Failure) -> ImagePlan {
        let member = try archive.member(named: image.configuration)
        let claimed: Digest
        switch ArchiveMember(name: image.configuration) {
        case .configuration(let digest), .blob(let digest): claimed = digest
        default:
            throw Failure(
                "image.archive-member-name", doing: "read manifest.json",
                cause: "\(image.configuration) is not the name of a configuration", field: "Config")
        }
        let descriptor = Descriptor(mediaType: MediaType.ociConfiguration, digest: claimed, size: member.size)
        let configuration = try documents.configuration(descriptor) { () throws(Failure) in
            let text = try archive.bytes(of: member, named: image.configuration, limits: limits)
            // Of exactly the bytes that are used.
            guard Digest(of: text) == claimed else {
                throw Mismatch.digest(image.configuration, claimed, Digest(of: text))
            }
            return text
        }
        var layers: [Descriptor] = []
        for name in image.layers {
            let layer = try archive.member(named: name)
            if case .blob(let digest) = ArchiveMember(name: name), digest != layer.digest {
                throw Mismatch.digest(name, digest, layer.digest)
            }
            let type = MediaType.ociLayer(try archive.compression(of: layer))
            layers.append(Descriptor(mediaType: type, digest: layer.digest, size: layer.size))
        }
        let manifest = Manifest(configuration: descriptor, layers: layers)
        try PlatformCheck.check(configuration.decoded.platform, wanted: wanted)
        return ImagePlan(
            references: image.references, manifest: manifest,
            manifestText: try documents.held(Array(manifest.text.utf8)), config: configuration.decoded,
            configText: configuration.text)
    }

    /// Names from the older index, for an archive whose `manifest.json` has none: by the directory of the topmost
    /// layer.
    private func repositories(
        _ image: ArchiveManifest.Image, _ limits: ImageLimits
    ) throws(Failure) -> [ImageReference] {
        guard let member = archive.members[.repositories], let top = image.layers.last else { return [] }
        let content = try archive.bytes(of: member, named: "repositories", limits: limits)
        return try ArchiveRepositories(parsing: content, limits: limits).references
            .filter { top.begins(with: $0.layer) }.map(\.reference)
    }

    func document(_ descriptor: Descriptor, limits: ImageLimits) throws(Failure) -> [UInt8] {
        let content = try archive.bytes(of: try member(descriptor), named: "\(descriptor.digest)", limits: limits)
        guard Digest(of: content) == descriptor.digest else {
            throw Mismatch.digest("\(descriptor.digest)", descriptor.digest, Digest(of: content))
        }
        return content
    }

    func stage(_ descriptor: Descriptor) throws(Failure) -> StagedBlob {
        let member = try member(descriptor)
        return StagedBlob(file: member.file, isVerified: member.isDigested)
    }

    private func member(_ descriptor: Descriptor) throws(Failure) -> ArchiveContents.Member {
        let found = archive.members.values.filter { $0.digest == descriptor.digest }
        guard let member = found.first(where: \.isDigested) ?? found.first else {
            throw Mismatch.missing(descriptor.digest)
        }
        return member
    }
}

/// Refusals of a blob that is not what its descriptor says.
enum Mismatch {
    static let digestCode: Failure.Code = "image.digest-mismatch"

    static func digest(_ name: String, _ expected: Digest, _ found: Digest) -> Failure {
        Failure(
            digestCode, doing: "verify \(name)", cause: "its digest is \(found), not \(expected)",
            remedy: "the image is damaged or was changed; save it again", field: name)
    }

    static func size(_ digest: Digest, _ expected: UInt64, _ found: UInt64) -> Failure {
        Failure(
            "image.size-mismatch", doing: "verify the blob", on: "\(digest)",
            cause: "it has \(found) bytes, not \(expected)",
            remedy: "the image is damaged or was changed; save it again", field: "\(digest)")
    }

    static func missing(_ digest: Digest) -> Failure {
        Failure(
            "image.blob-missing", doing: "find the blob", on: "\(digest)", cause: "the source does not have it",
            remedy: "the image is incomplete; save it again", field: "\(digest)")
    }
}

enum PlatformCheck {
    /// An image that says nothing of its platform is taken at the word of whoever imports it.
    static func check(_ platform: Platform, wanted: Platform) throws(Failure) {
        let osFits = platform.os.isEmpty || platform.os == wanted.os
        let architectureFits = platform.architecture.isEmpty || platform.architecture == wanted.architecture
        guard osFits && architectureFits else { throw missing(wanted, available: [platform]) }
    }

    static func missing(_ wanted: Platform, available: [Platform]) -> Failure {
        let list = available.prefix(16).map(\.description).joined(separator: ", ")
        return Failure(
            "image.platform", doing: "find an image for", on: "\(wanted)",
            cause: list.isEmpty ? "the source has none" : "the source is for \(list)",
            remedy: list.isEmpty ? nil : "import an image for this host, or choose with --platform", field: "platform")
    }
}
