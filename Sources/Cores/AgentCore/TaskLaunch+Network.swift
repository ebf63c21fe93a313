import ClusterModel
import Containers
import Diagnostics
import NetworkFormat

/// The network a task asks for, and the ports of the host that lead to it.
///
/// Networks have the names `bulkhead run --network` takes: `none`, `host`, `bridge`, `bridge:NAME`, `cni:NAME`; any
/// other name is one of the Container Network Interface. Without a word about networks there is a loopback interface
/// only.
extension TaskLaunch {
    func network(of draft: Draft) throws(Failure) -> IsolationRequest.Network {
        if let parent = draft.parent { return try networkInside(parent, draft) }
        let networks = draft.container?.networks ?? []
        guard networks.count <= 1 else {
            throw refusal(
                "launch.network", "a container here is on one network", remedy: "name one",
                field: "container.network_infos[1]")
        }
        try checkWishes(networks.first, draft)
        let asked = try network(draft.container?.docker?.network, networks.first)
        let mappings = (draft.container?.docker?.portMappings ?? []) + (networks.first?.portMappings ?? [])
        switch asked {
        case .host:
            guard policy.allowsHostNetwork else {
                throw refusal(
                    "launch.host-network", "this agent gives no task the host's network",
                    remedy: "use network 'bridge', or start the agent with --allow-host-network",
                    field: "container.network_infos")
            }
            try refuse(mappings, on: "the host's own network")
            try refuseAddresses(networks.first, on: "the host's own network")
            return .host
        case .bridge(var request):
            request.ports = try publications(mappings, of: draft)
            request.addresses = try addresses(networks.first)
            return .bridge(request)
        case .plugins(var request):
            request.ports = try publications(mappings, of: draft)
            request.addresses = try addresses(networks.first)
            return .plugins(request)
        case .none, .container:
            try refuse(mappings, on: "a loopback interface")
            try refuseAddresses(networks.first, on: "a loopback interface")
            return .none
        }
    }

    private func network(
        _ docker: DockerOptions.Network?, _ info: NetworkInfo?
    ) throws(Failure) -> IsolationRequest.Network {
        if let name = info?.name, docker == .host || docker == DockerOptions.Network.none,
            name != docker?.rawValue.lowercased()
        {
            throw refusal(
                "launch.network", "docker.network is \(docker?.rawValue ?? "") and network_infos names '\(name)'",
                remedy: "say it in one of them", field: "container.network_infos[0].name")
        }
        switch docker {
        case .host: return .host
        case .bridge where info?.name == nil: return .bridge(BridgeRequest())
        case .user where info?.name == nil:
            throw refusal(
                "launch.network", "a network of type USER has no name", remedy: "name it in network_infos",
                field: "container.network_infos[0].name")
        default: break
        }
        guard let name = info?.name else { return .none }
        switch name {
        case "none": return .none
        case "host": return .host
        case "bridge": return .bridge(BridgeRequest())
        default: break
        }
        if name.begins(with: "bridge:") { return .bridge(BridgeRequest(network: try own(name, after: "bridge:"))) }
        if name.begins(with: "cni:") { return .plugins(plugins(try own(name, after: "cni:"))) }
        return .plugins(plugins(try own(name, after: "")))
    }

    private func plugins(_ name: String) -> PluginRequest { PluginRequest(network: name) }

    /// Names become names of files: letters, digits, `.`, `_` and `-`.
    private func own(_ name: String, after prefix: String) throws(Failure) -> String {
        let rest = String(name.dropFirst(prefix.count))
        let isPlain = rest.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || (0x30...0x39).contains(byte)
                || [0x2E, 0x5F, 0x2D].contains(byte)
        }
        guard !rest.isEmpty, rest.utf8.count <= 64, isPlain, rest.first != ".", rest.first != "-" else {
            throw refusal(
                "launch.network", "'\(name)' is not the name of a network",
                remedy: "use none, host, bridge, bridge:NAME, cni:NAME or the name of a CNI network",
                field: "container.network_infos[0].name")
        }
        return rest
    }

    private func refuse(_ mappings: [PortMapping], on network: String) throws(Failure) {
        if mappings.isEmpty { return }
        throw refusal(
            "launch.port-mapping", "ports are mapped to a container on a bridge, not on \(network)",
            remedy: "use network 'bridge'", field: "container.network_infos[0].port_mappings")
    }

    private func addresses(_ info: NetworkInfo?) throws(Failure) -> [IPAddress] {
        var result: [IPAddress] = []
        for asked in info?.addresses ?? [] {
            guard let text = asked.text else {
                // Every network of ours gives one of version 4, and of version 6 where it has them.
                guard asked.family == .version6 else { continue }
                throw refusal(
                    "launch.network", "an address of version 6 cannot be asked for without saying which",
                    remedy: "leave it out, and one is given where the network has them",
                    field: "container.network_infos[0].ip_addresses")
            }
            guard let address = IPAddress(text) else {
                throw refusal(
                    "launch.network", "'\(text)' is not an address", remedy: "leave it out, and one is chosen",
                    field: "container.network_infos[0].ip_addresses")
            }
            // The protocol's default says version 4 also where nobody has.
            guard asked.family != .version6 || text.has(":") else {
                throw refusal(
                    "launch.network", "'\(text)' is no address of version 6", remedy: "correct the protocol",
                    field: "container.network_infos[0].ip_addresses")
            }
            result.append(address)
        }
        return result
    }

    private func refuseAddresses(_ info: NetworkInfo?, on network: String) throws(Failure) {
        guard info?.addresses.contains(where: { $0.text != nil || $0.family == .version6 }) == true else { return }
        throw refusal(
            "launch.network", "addresses are for a container on a bridge, not on \(network)",
            remedy: "use network 'bridge'", field: "container.network_infos[0].ip_addresses")
    }

    /// What networks here do not have.
    private func checkWishes(_ info: NetworkInfo?, _ draft: Draft) throws(Failure) {
        let problem: (String, String)? =
            if info?.groups.isEmpty == false {
                ("networks have no groups here", "groups")
            } else if info?.labels.isEmpty == false {
                ("labels are not passed on to networks here", "labels")
            } else {
                nil
            }
        if let (cause, field) = problem {
            throw refusal(
                "launch.network", cause, remedy: "leave them out", field: "container.network_infos[0].\(field)")
        }
        for (mappings, place) in [
            (draft.container?.docker?.portMappings, "docker"), (info?.portMappings, "network_infos[0]"),
        ] {
            for mapping in mappings ?? [] where !["tcp", "udp"].contains((mapping.transport ?? "tcp").lowercased()) {
                throw refusal(
                    "launch.port-mapping", "'\(Untrusted.shown(mapping.transport ?? ""))' is neither tcp nor udp",
                    remedy: "correct it", field: "container.\(place).port_mappings")
            }
        }
    }

    // MARK: Ports

    /// Ports of the host are resources: a task publishes those it was offered and accepted, and no others. A mapping
    /// with host port 0 gets the lowest of them that is not taken.
    private func publications(_ mappings: [PortMapping], of draft: Draft) throws(Failure) -> [PortPublication] {
        let offered = draft.resources.compactMap { resource -> Ranges? in
            guard resource.name == "ports", case .ranges(let ranges) = resource.value else { return nil }
            return ranges
        }
        var taken: Set<String> = Set(mappings.filter { $0.host != 0 }.map { "\($0.host)/\($0.transport ?? "tcp")" })
        var result: [PortPublication] = []
        for mapping in mappings {
            let transport: PortPublication.Transport = mapping.transport?.lowercased() == "udp" ? .udp : .tcp
            let host: UInt16
            if mapping.host != 0 {
                guard offered.contains(where: { $0.contains(UInt64(mapping.host)) }) else {
                    throw refusal(
                        "launch.port-mapping", "port \(mapping.host) of the host is not among its resources",
                        remedy: "accept it with the task: ports:[\(mapping.host)-\(mapping.host)]",
                        field: "container.network_infos[0].port_mappings")
                }
                host = mapping.host
            } else {
                host = try free(in: offered, transport, &taken, mapping)
            }
            result.append(PortPublication(hostPort: host, port: mapping.container, transport: transport))
        }
        return result
    }

    private func free(
        in offered: [Ranges], _ transport: PortPublication.Transport, _ taken: inout Set<String>, _ mapping: PortMapping
    ) throws(Failure) -> UInt16 {
        for range in offered.flatMap(\.ranges) {
            for port in range where port > 0 && port <= UInt64(UInt16.max) {
                if taken.insert("\(port)/\(transport.rawValue)").inserted { return UInt16(port) }
            }
        }
        throw refusal(
            "launch.port-mapping", "it has no port of the host left for its port \(mapping.container)",
            remedy: "accept more ports with the task", field: "container.network_infos[0].port_mappings")
    }

    private func networkInside(_ parent: ContainerRun, _ draft: Draft) throws(Failure) -> IsolationRequest.Network {
        let docker = draft.container?.docker
        let hasMappings = docker?.portMappings.isEmpty == false
        if draft.container?.networks.isEmpty == false || docker?.network != nil || hasMappings {
            throw refusal(
                "launch.network", "a container inside another is on that one's network",
                remedy: "name the network at the executor", field: "container.network_infos")
        }
        return .container(parent.id)
    }
}
