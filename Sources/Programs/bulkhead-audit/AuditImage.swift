public import ArgumentParser
import AuditFormat
import AuditOutput
import Auditing
import CommandOutput
import Diagnostics
import ImageStorage
public import InventoryFormat
import OCIFormat
import Observation

extension SoftwareBill.Format: ExpressibleByArgument {}

struct AuditImage: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Audit an image: setuid files, secrets, devices, its user.",
        discussion: """
            All layers are looked at together, as a container would see them; nothing of the image is run or opened.

            Examples:
              bulkhead audit image busybox
              bulkhead audit image my-server --profile cis-docker-5 --format sarif --output image.sarif
              bulkhead audit image my-server --sbom cyclonedx --output my-server.cdx.json
            """)

    @Argument(help: "Names or ids of images in the store.") var images: [String]
    @Option(
        help: .init(
            "Instead of findings, the packages of Debian and Alpine in one image: cyclonedx (1.5) or spdx (2.3), JSON.",
            valueName: "cyclonedx|spdx"))
    var sbom: SoftwareBill.Format?
    @OptionGroup var report: ReportOptions
    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    func run() throws {
        try PlaceOptions.requireRoot()
        let store = try ImageStore(
            root: places.storePath, unpacker: Unpacker(program: InstalledProgram.unpacker.place))
        if let sbom { return try write(sbom, from: store) }
        var facts: [ImageFacts] = []
        for name in images { facts.append(try Self.facts(try store.resolve(name), name, store)) }
        let findings = facts.flatMap { AuditCatalogue.findings(about: $0, profile: report.profile) }
        try report.conclude(try report.report(facts.map(\.subject), findings))
    }

    private func write(_ format: SoftwareBill.Format, from store: ImageStore) throws(Failure) {
        guard let name = images.first, images.count == 1 else {
            throw .flag("sbom", format.rawValue, cause: "it is about one image", remedy: "name one image")
        }
        let image = try store.resolve(name)
        let inventory = try PackageObserver.observe(layers: image.layers)
        let bill = SoftwareBill(
            imageName: (image.asked ?? image.summary.references.first)?.familiar ?? image.summary.id.short,
            manifest: image.summary.manifest, created: image.summary.created, release: inventory.release,
            packages: inventory.packages, toolVersion: ProgramVersion.text)
        try report.write(bill.text(as: format))
    }

    private static func trust(_ image: StoredImage, _ store: ImageStore) -> Observed<ImageTrustFacts> {
        do throws(Failure) {
            let verdict = try store.admit(image)
            let signers = verdict.keys.joined(separator: ", ")
            return .seen(
                ImageTrustFacts(
                    isSigned: verdict.isSigned,
                    detail: verdict.isSigned
                        ? "signed by \(signers) as \(verdict.identity ?? "")"
                        : "the policy asks for nothing (\(verdict.scope)); signatures: \(verdict.signatureCount)",
                    policy: "\(verdict.policyName) (\(verdict.policy))"))
        } catch {
            guard error.code == "image.untrusted" else { return .hidden(error.description) }
            return .seen(
                ImageTrustFacts(isSigned: false, isRefused: true, detail: error.cause ?? "", policy: "in force"))
        }
    }

    private static func facts(
        _ image: StoredImage, _ name: String, _ store: ImageStore
    ) throws(Failure) -> ImageFacts {
        ImageFacts(
            subject: Subject(.image, id: image.summary.manifest.description, name: name),
            files: ImageObserver.observe(layers: image.layers), user: image.config.user?.description ?? "",
            secretVariables: ImageObserver.secretVariables(image.config.environment),
            hasHealthcheck: image.config.healthcheck != nil, isPinned: image.isPinned,
            trust: trust(image, store))
    }
}
