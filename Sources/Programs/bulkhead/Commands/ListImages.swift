import ArgumentParser
import CommandOutput
import Diagnostics
import ImageStorage
import LinuxKernel
import OCIFormat

struct ListImages: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List images and what they take.",
        discussion: """
            Examples:
              bulkhead image ls
              bulkhead image ls --output json | jq '.[].names'
            """,
        aliases: ["list"])

    @Flag(name: .shortAndLong, help: "Ids only.")
    var quiet = false
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        let images = try global.imageStore().list()
        if quiet, global.output == .table { return try Console.write(images.map { $0.id.short + "\n" }.joined()) }
        try global.show(images.map(ImageDocument.init)) { Self.table(images) }
    }

    private static func table(_ images: [ImageSummary]) -> String {
        var table = TextTable(headings: ["NAME", "ID", "PLATFORM", "LAYERS", "SIZE", "IMPORTED"])
        let now = HostFacts.wallClock()
        for image in images {
            let names = image.references.isEmpty ? ["<none>"] : image.references.map(\.familiar)
            for name in names {
                table.rows.append([
                    name, image.id.short, image.platform.description, "\(image.layerCount)", SizeText.of(image.size),
                    Age.text(now - Double(image.imported)),
                ])
            }
        }
        return table.text
    }
}

struct InspectImages: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show everything about images, as JSON.",
        discussion: """
            Example:
              bulkhead image inspect busybox | jq '.[0].layers'
            """)

    @Argument(help: "Names or ids.")
    var images: [String]
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        let store = try global.imageStore()
        var details: [ImageDetails] = []
        for text in images { details.append(try ImageDetails(try store.resolve(text))) }
        try Console.write(try JSONDocument.text(details))
    }
}
