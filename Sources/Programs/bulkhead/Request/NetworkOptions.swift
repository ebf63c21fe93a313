import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import NetworkFormat

/// The network of a container, as `run` takes it.
struct NetworkOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: .init(
            "none (usual), bridge[:NAME], cni:NAME, container:NAME or host.", valueName: "network"))
    var network: String?

    @Option(
        name: [.customShort("p"), .long], parsing: .unconditionalSingleValue,
        help: .init("A port of the host that leads to one of the container's; ranges too.",
            valueName: "[address:]port:port[/udp]"))
    var publish: [String] = []

    @Option(parsing: .unconditionalSingleValue, help: .init("An address to ask for.", valueName: "address"))
    var ip: [String] = []

    @Flag(help: "It may connect to the host's own addresses.")
    var allowToHost = false

    @Flag(help: "It may connect to link-local addresses, where clouds keep the machine's credentials.")
    var allowMetadata = false

    @Flag(help: "Every container of its network may connect to it.")
    var allowFromContainers = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: .init("This running container may connect to it.", valueName: "container"))
    var allowFrom: [String] = []

    @Option(parsing: .unconditional, help: .init("Most bytes a second it receives.", valueName: "rate"))
    var bandwidthIn: String?

    @Option(parsing: .unconditional, help: .init("Most bytes a second it sends.", valueName: "rate"))
    var bandwidthOut: String?

    @Option(parsing: .unconditional, help: .init("Where cni: networks are configured.", valueName: "directory"))
    var cniConfig = PluginRequest.usualConfigurations

    @Option(parsing: .unconditionalSingleValue, help: .init("Where cni: plugins are.", valueName: "directory"))
    var cniBin: [String] = []

    func request(_ containerizer: NativeContainerizer) throws(Failure) -> IsolationRequest.Network {
        let ports = try PublishFlag.parse(publish)
        var addresses: [IPAddress] = []
        for text in ip { addresses.append(try address(text)) }
        let bandwidth = NetworkBandwidth(
            incoming: try rate(bandwidthIn, "bandwidth-in"), outgoing: try rate(bandwidthOut, "bandwidth-out"))
        // Publishing a port says that there is a network to publish from.
        let text = network ?? (ports.isEmpty ? "none" : "bridge")
        let cut = text.position(of: ":")
        let kind = cut.map { String(text[..<$0]) } ?? text
        let name = cut.map { String(text[text.utf8.index(after: $0)...]) }
        switch (kind, name) {
        case ("bridge", _):
            var reach = NetworkReach(
                toHost: allowToHost, toMetadata: allowMetadata, fromContainers: allowFromContainers)
            for other in allowFrom { reach.fromNamed.append(try containerizer.find(other).request.id) }
            return .bridge(
                BridgeRequest(
                    network: name ?? BridgeRequest.usualNetwork, ports: ports, addresses: addresses, reach: reach,
                    bandwidth: bandwidth))
        case ("cni", let name?):
            try refuse(reachGiven, on: text)
            return .plugins(
                PluginRequest(
                    network: name, configurations: HostPath.absolute(cniConfig, in: CurrentProcess.directory()),
                    programs: cniBin.isEmpty ? PluginRequest.usualPrograms : cniBin.map {
                        HostPath.absolute($0, in: CurrentProcess.directory())
                    }, ports: ports,
                    addresses: addresses, bandwidth: bandwidth))
        case ("none", nil), ("host", nil), ("container", _?):
            try refuse(
                [("publish", publish.first), ("ip", ip.first)] + reachGiven
                    + [("bandwidth-in", bandwidthIn), ("bandwidth-out", bandwidthOut)], on: text)
            if let name { return .container(try containerizer.find(name).request.id) }
            return kind == "host" ? .host : .none
        default:
            throw .flag(
                "network", text, cause: "there is no such network",
                remedy: "use none (a loopback of its own), bridge or bridge:NAME, cni:NAME, container:NAME, or host "
                    + "(no network wall)")
        }
    }

    /// Flags of whom it may reach, with what was given.
    private var reachGiven: [(String, String?)] {
        [
            ("allow-to-host", allowToHost ? "" : nil), ("allow-metadata", allowMetadata ? "" : nil),
            ("allow-from-containers", allowFromContainers ? "" : nil), ("allow-from", allowFrom.first),
        ]
    }

    private func refuse(_ flags: [(String, String?)], on text: String) throws(Failure) {
        for case (let flag, let value?) in flags {
            throw .flag(
                flag, value, cause: "network \(text) has nothing of the kind",
                remedy: network == nil ? "add --network bridge" : "use --network bridge, or leave it out")
        }
    }

    private func address(_ text: String) throws(Failure) -> IPAddress {
        guard let address = IPAddress(text) else {
            throw .flag(
                "ip", text, cause: "it is not an IP address", remedy: "see 'bulkhead network ls' for the blocks")
        }
        return address
    }

    private func rate(_ text: String?, _ flag: String) throws(Failure) -> UInt64? {
        guard let text else { return nil }
        let rate = try ByteSize.parse(text.ends(with: "/s") ? String(text.dropLast(2)) : text, flag: flag)
        guard rate >= NetworkBandwidth.rateMin else {
            throw .flag(
                flag, text, cause: "no connection lives on so little", remedy: "give at least 1k",
                limit: "\(NetworkBandwidth.rateMin) bytes a second")
        }
        return rate
    }
}

/// `--publish` of a container: `PortWords` whose port of the host is named.
enum PublishFlag {
    static func parse(_ texts: [String]) throws(Failure) -> [PortPublication] {
        var result: [PortPublication] = []
        for text in texts {
            result += try parse(text)
            guard result.count <= PortPublication.countMax else {
                throw .flag(
                    "publish", text,
                    cause: "that makes \(result.count) ports; a container has \(PortPublication.countMax) at most",
                    limit: "\(PortPublication.countMax) ports a container")
            }
        }
        return result
    }

    static func parse(_ text: String) throws(Failure) -> [PortPublication] {
        let words = try PortWords(text)
        guard let hosts = words.hosts else {
            throw PortWords.refusal(text, "it is not [ADDRESS:]HOSTPORT:PORT")
        }
        var address: IPAddress?
        if let written = words.address {
            guard let read = IPAddress(written) else {
                throw PortWords.refusal(text, "'\(written)' is not an IP address")
            }
            address = read
        }
        return zip(hosts, words.ports).map {
            PortPublication(hostAddress: address, hostPort: $0, port: $1, transport: words.transport)
        }
    }
}
