import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel
import NetworkFormat
import Networking

struct Networks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network", abstract: "List, show and remove the bridges of this host.",
        discussion: """
            A network is made by the first container that names it, and stays until it is pruned.

            Examples:
              bulkhead run -d --network bridge:shop -p 8080:80 my-server
              bulkhead network ls
              bulkhead network prune
            """,
        subcommands: [ListNetworks.self, InspectNetworks.self, PruneNetworks.self])
}

struct ListNetworks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List networks and how many containers are on each.",
        discussion: """
            Example:
              bulkhead network ls --output json | jq '.[].subnets'
            """,
        aliases: ["list"])
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        _ = try global.containerizer(sweeping: true)
        let documents = try ContainerNetworks().survey().map(NetworkDocument.init)
        try global.show(documents) {
            var table = TextTable(headings: ["NAME", "BRIDGE", "ADDRESSES", "CONTAINERS"])
            for document in documents {
                table.rows.append([
                    document.name, document.bridge, document.subnets.joined(separator: " "),
                    "\(document.containers.count)",
                ])
            }
            return table.text
        }
    }
}

struct InspectNetworks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Show networks and who is on them, as JSON.",
        discussion: """
            Example:
              bulkhead network inspect default | jq '.[0].containers'
            """)
    @Argument(help: "Names.") var names: [String]
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        _ = try global.containerizer(sweeping: true)
        let known = try ContainerNetworks().survey().map(NetworkDocument.init)
        var shown: [NetworkDocument] = []
        for name in names {
            guard let document = known.first(where: { $0.name == name }) else {
                throw Failure(
                    "network.not-found", doing: "find the network", on: name, cause: "there is no bridge of that name",
                    remedy: "see all with: bulkhead network ls", field: "network")
            }
            shown.append(document)
        }
        try Console.write(try JSONDocument.text(shown))
    }
}

struct PruneNetworks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove networks no container is on.",
        discussion: """
            With the last of them go the packet filter's tables, and the host routes as it did before.

            Example:
              bulkhead network prune
            """)
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        _ = try global.containerizer(sweeping: true)
        let names = try ContainerNetworks().prune()
        try global.show(names) { names.map { $0 + "\n" }.joined() }
    }
}

/// A network as `network ls` and `network inspect` show it.
struct NetworkDocument: Encodable {
    struct Member: Encodable {
        var container: String
        var addresses: [String]
        var ports: [String]
        var link: String
    }
    var name: String
    var bridge: String
    var subnets: [String]
    var gateways: [String]
    var containers: [Member]

    init(_ network: BridgeNetwork, _ attachments: [NetworkAttachment]) {
        name = network.name
        bridge = network.device
        subnets = [network.subnet4.description] + (network.subnet6.map { [$0.description] } ?? [])
        gateways = network.gateways.map(\.description)
        containers = attachments.map { attachment in
            Member(
                container: attachment.container.text, addresses: attachment.addresses.map(\.description),
                ports: attachment.ports.map(\.description), link: attachment.link)
        }
    }
}
