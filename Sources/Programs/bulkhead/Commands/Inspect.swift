import ArgumentParser
import CommandOutput
import Diagnostics
import NativeContainerizer

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show everything about containers, as JSON.",
        discussion: """
            Examples:
              bulkhead inspect web
              bulkhead inspect web | jq '.[0].limits'
            """)

    @Argument(help: "Names or ids.")
    var containers: [String]
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        let containerizer = try global.containerizer()
        var documents: [InspectDocument] = []
        for text in containers { documents.append(InspectDocument(try containerizer.current(text))) }
        try Console.write(try JSONDocument.text(documents))
    }
}

extension NativeContainerizer {
    /// The container a person means, as it is now.
    func current(_ text: String) throws(Failure) -> ContainerStatus {
        if let status = try status(of: try find(text).request.id) { return status }
        throw Failure(
            "container.not-found", doing: "find container", on: text, cause: "it was removed a moment ago",
            field: "container")
    }
}
