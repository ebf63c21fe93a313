import ArgumentParser
import CommandOutput
import Diagnostics
import ImageStorage
import LinuxKernel
import OCIFormat

struct ImportImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Import images from an archive or an OCI image layout.",
        discussion: """
            Takes what 'docker save', 'podman save', 'skopeo copy' and 'buildah push' write: docker-archive and \
            oci-archive, plain or compressed, from a file or, with -, from standard input; and layout directories. \
            Layers are unpacked by a confined process. Signatures in an OCI image layout come along, cosign's and \
            simple signing's; --signatures names a directory with more. What the policy or a digest does not let \
            through is refused before anything is unpacked.

            Examples:
              bulkhead image import busybox.tar --name busybox
              bulkhead image import debian.tar --snapshotter erofs
              docker save alpine | bulkhead image import -
              bulkhead image import ./layout --reference app:1.2
              bulkhead image import ./layout --reference app:1.2@sha256:…  --image-policy reject.json
              bulkhead image import ./layout --name registry.example/app:1 --signatures /var/lib/containers/sigstore
            """)

    @Argument(help: "A file, a directory, or - for standard input.")
    var source: String
    @Option(parsing: .unconditional, help: "The name the image gets (usual: what the archive says).")
    var name: String?
    @Option(parsing: .unconditional, help: "Only this one of several images.")
    var reference: String?
    @Option(parsing: .unconditional, help: .init("For which machine (usual: this one).", valueName: "os/architecture"))
    var platform: String?
    @Option(
        help: .init(
            "How layers are kept: overlay, a directory each; erofs, one file each (BULKHEAD_SNAPSHOTTER).",
            valueName: "overlay|erofs"))
    var snapshotter: String?
    @Option(
        parsing: .unconditional,
        help: .init(
            "What the image must be, by its manifest or index; so does NAME@sha256:… in --name and --reference.",
            valueName: "sha256:…"))
    var digest: String?
    @Option(
        parsing: .unconditional,
        help: .init(
            "More signatures: a lookaside directory, or one with signature-1, signature-2, ….", valueName: "directory"))
    var signatures: String?
    @OptionGroup(title: "Trust") var policy: PolicyFlag
    @Flag(name: .shortAndLong, help: "Print nothing but the names, or ids of images without one.")
    var quiet = false
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        let store = try global.imageStore(importing: true, policy: policy.source)
        let progress = ProgressBar(isShown: !quiet && Console.isTerminal(2))
        let images = try imported(into: store, progress)
        if global.output == .json { return try Console.write(try JSONDocument.text(images.map(ImageDocument.init))) }
        for image in images {
            let names = image.references.map(\.familiar)
            let shown = names.isEmpty ? image.id.short : names.joined(separator: ", ")
            let size =
                quiet
                ? "" : ": \(image.layerCount) layer\(image.layerCount == 1 ? "" : "s"), \(SizeText.of(image.size))"
            try Console.write(shown + size + "\n")
        }
    }

    private func imported(into store: ImageStore, _ progress: ProgressBar) throws(Failure) -> [ImageSummary] {
        defer { progress.clear() }
        let request = ImportRequest(
            source: try place(), name: name, reference: reference, platform: platform, layerForm: try layerForm(),
            digest: try digest.map { (text: String) throws(Failure) in try Digest(parsing: text) },
            signatures: signatures)
        do throws(Failure) { return try store.importImages(request) { progress.show($0) } } catch {
            // At its very beginning there is no entry yet that could be named.
            var failure = error
            if failure.code == "layer.archive-invalid", failure.subject == nil {
                failure.subject = source == "-" ? "on standard input" : source
            }
            throw failure
        }
    }

    private func layerForm() throws(Failure) -> LayerForm {
        let text = snapshotter ?? ProcessEnvironment.value("BULKHEAD_SNAPSHOTTER") ?? "overlay"
        switch text {
        case "overlay", "": return .directory
        case "erofs": return .image
        default:
            throw .flag(
                "snapshotter", text, cause: "there is none of this name", remedy: "choose overlay or erofs")
        }
    }

    private func place() throws(Failure) -> ImageSource {
        guard source == "-" else { return .path(source) }
        guard !Console.isTerminal(0) else {
            throw Failure(
                "image.source-unreadable", doing: "read an image from", on: "standard input", cause: "it is a terminal",
                remedy: "write 'docker save NAME | bulkhead image import -'", field: "source")
        }
        do throws(KernelError) {
            return .stream(try OwnedDescriptor.standardStream(0), name: "standard input")
        } catch {
            throw error.failure("image.source-unreadable", doing: "read an image from", on: "standard input")
        }
    }
}
