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
        subcommands: [ListNetworks.self, InspectNetworks.self, CheckNetworks.self, PruneNetworks.self])
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
        for problem in try ContainerNetworks().problems() { Console.note("bulkhead: \(problem)") }
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
            With the last of them go the packet filter's tables, and the host routes as it did before. With --cni the
            plugins of that network are told which containers there still are (GC, version 1.1.0 of their interface).

            Examples:
              bulkhead network prune
              bulkhead network prune --cni mynet
            """)
    @Option(help: .init("Have the plugins of this network collect their garbage.", valueName: "network"))
    var cni: String?
    @Option(help: .init("Where cni: networks are configured.", valueName: "directory"))
    var cniConfig = PluginRequest.usualConfigurations
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        _ = try global.containerizer(sweeping: true)
        if let cni {
            return try ContainerNetworks().collect(
                cni, in: HostPath.absolute(cniConfig, in: CurrentProcess.directory()),
                programs: PluginRequest.usualPrograms)
        }
        let names = try ContainerNetworks().prune()
        try global.show(names) { names.map { $0 + "\n" }.joined() }
    }
}

struct CheckNetworks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Ask the plugins whether containers' networks are as they left them.",
        discussion: """
            For networks of plugins (cni:NAME): CHECK of the Container Network Interface.

            Example:
              bulkhead network check web
            """)
    @Argument(help: "Containers' names or ids.") var containers: [String]
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        let containerizer = try global.containerizer(sweeping: true)
        for text in containers { try ContainerNetworks().check(try containerizer.find(text).request.id) }
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
