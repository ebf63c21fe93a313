import ArgumentParser
import AuditFormat
import AuditOutput
import Auditing
import CommandOutput
import Diagnostics
import ImageStorage
import OCIFormat
import Observation

struct AuditImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Audit an image: setuid files, secrets, devices, its user.",
        discussion: """
            All layers are looked at together, as a container would see them; nothing of the image is run or opened.

            Examples:
              bulkhead audit image busybox
              bulkhead audit image my-server --profile cis-docker-5 --format sarif --output image.sarif
            """)

    @Argument(help: "Names or ids of images in the store.") var images: [String]
    @OptionGroup var report: ReportOptions
    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    func run() throws {
        try PlaceOptions.requireRoot()
        let store = try ImageStore(
            root: places.storePath, unpacker: Unpacker(program: InstalledProgram.unpacker.place))
        var facts: [ImageFacts] = []
        for name in images { facts.append(Self.facts(try store.resolve(name), name)) }
        let findings = facts.flatMap { AuditCatalogue.findings(about: $0, profile: report.profile) }
        try report.conclude(try report.report(facts.map(\.subject), findings))
    }

    private static func facts(_ image: StoredImage, _ name: String) -> ImageFacts {
        ImageFacts(
            subject: Subject(.image, id: image.summary.manifest.description, name: name),
            files: ImageObserver.observe(layers: image.layers), user: image.config.user?.description ?? "",
            secretVariables: ImageObserver.secretVariables(image.config.environment),
            hasHealthcheck: image.config.healthcheck != nil, isPinned: name.contains("sha256:"))
    }
}
