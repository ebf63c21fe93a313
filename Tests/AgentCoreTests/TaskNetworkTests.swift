import ClusterModel
import Containers
import NetworkFormat
import Testing

@Suite("Networks of tasks") struct TaskNetworkTests {
    private static func launch(
        _ network: NetworkInfo, ports text: String? = nil, docker: DockerOptions? = nil
    ) throws -> ContainerLaunch {
        var more: [Resource] = []
        if let text { more = try Resource.parse("ports:[\(text)]") }
        let added = more
        let (launch, refusal) = TaskLaunchTests.launch { spec in
            var container = spec.container ?? ContainerSpec()
            container.networks = [network]
            if let docker { (container.kind, container.docker) = (.docker, docker) }
            spec.container = container
            spec.resources += added
        }
        return try #require(launch, "\(refusal ?? "refused")")
    }

    @Test("a task on a bridge publishes ports it was offered, and host port 0 is one of them")
    func ports() throws {
        let mappings = [
            PortMapping(host: 31_001, container: 80), PortMapping(host: 0, container: 81),
            PortMapping(host: 0, container: 53, transport: "udp"),
        ]
        let launch = try Self.launch(NetworkInfo(name: "bridge", portMappings: mappings), ports: "31000-31002")
        #expect(
            launch.isolation.network
                == .bridge(
                    BridgeRequest(ports: [
                        PortPublication(hostPort: 31_001, port: 80), PortPublication(hostPort: 31_000, port: 81),
                        PortPublication(hostPort: 31_000, port: 53, transport: .udp),
                    ])))
    }

    @Test("networks go by name, the ones of plugins too")
    func names() throws {
        #expect(try Self.launch(
            NetworkInfo(name: "bridge:web")).isolation.network == .bridge(BridgeRequest(network: "web")))
        for name in ["weave", "cni:weave"] {
            #expect(
                try Self.launch(NetworkInfo(name: name)).isolation.network
                    == .plugins(PluginRequest(network: "weave")), "\(name)")
        }
        #expect(try Self.launch(NetworkInfo()).isolation.network == .none)
    }

    @Test("an address may be asked for")
    func address() throws {
        let wish = NetworkInfo(addresses: [.init(text: "10.88.0.9")], name: "bridge")
        let address = try #require(IPAddress("10.88.0.9"))
        #expect(try Self.launch(wish).isolation.network == .bridge(BridgeRequest(addresses: [address])))
    }

    @Test("the engine's BRIDGE is a bridge, and maps ports as well")
    func engine() throws {
        let docker = DockerOptions(network: .bridge, portMappings: [PortMapping(host: 31_000, container: 80)])
        #expect(
            try Self.launch(NetworkInfo(), ports: "31000-31000", docker: docker).isolation.network
                == .bridge(BridgeRequest(ports: [PortPublication(hostPort: 31_000, port: 80)])))
    }
}
