import ArgumentParser
import CommandOutput
import Diagnostics
import ImageStorage
import LinuxKernel

struct ExportImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write an image as an archive.",
        discussion: """
            Layers leave as they came, with their digests; signatures stay. Without --file it goes to standard output.

            Examples:
              bulkhead image export busybox | docker load
              bulkhead image export --format oci-archive --file busybox.tar busybox
            """)

    @Option(parsing: .unconditional, help: "docker-archive or oci-archive.")
    var format = ExportFormat.dockerArchive.rawValue
    @Option(name: .shortAndLong, parsing: .unconditional, help: "The file to write.")
    var file: String?
    @Argument(help: "The image's name or id.")
    var image: String
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        guard let format = ExportFormat(rawValue: format) else {
            throw Failure.flag(
                "format", format, cause: "there is no such format",
                remedy: "known are \(ExportFormat.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        let store = try global.imageStore()
        // Asked before the file is touched: an image that does not exist must not leave an empty archive.
        let known = try store.resolve(image)
        let signatures = try store.signatures(of: known).count
        if signatures > 0 {
            Console.note(
                "Signatures are not exported (the image has \(signatures)): where a policy asks for them, copy the "
                    + "image from its registry, or keep the layout it was imported from.")
        }
        try store.export(image, to: try output(), format: format)
    }

    private func output() throws(Failure) -> OwnedDescriptor {
        guard let file else {
            guard !Console.isTerminal(1) else {
                throw Failure(
                    "image.export-write", doing: "export the image to", on: "standard output",
                    cause: "it is a terminal",
                    remedy: "give a file with --file, or redirect it", field: "file")
            }
            do throws(KernelError) { return try OwnedDescriptor.standardStream(1) } catch {
                throw error.failure("image.export-write", doing: "export the image")
            }
        }
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(file), [.writeOnly, .create, .truncate], mode: 0o644)
        } catch {
            throw error.failure("image.export-write", doing: "export the image to", on: file)
        }
    }
}
