import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Netlink
import NetworkFormat
import Networking
import Testing

@Suite("Containers on a bridge reach whom they may, and nobody else", .serialized)
struct NetworkTests {
    /// A socket of version 6 hears version 4 as well.
    private static let any = "::"

    private static func listen(_ place: NetworkNamespace, _ ports: [UInt16]) throws -> [OwnedDescriptor] {
        var result: [OwnedDescriptor] = []
        for port in ports { result.append(try place.listen(address: any, port: port)) }
        return result
    }

    @Test("who connects to whom, published and not, by both versions")
    func matrix() throws {
        try TestNetwork.run { network, host in
            let published = try host.wired(BridgeRequest(ports: [PortPublication(hostPort: 8_080, port: 80)]))
            let sibling = try host.wired()
            var listeners = try Self.listen(published.place, [80, 81])
            // What an audit reads back.
            let seen = try ContainerNetworks().publications(of: published.id.text)
            #expect(seen == [PortPublication(hostPort: 8_080, port: 80)])
            listeners += try Self.listen(network.here, [9_000])
            listeners += try Self.listen(network.outside, [9_000])
            for version in 0...1 {
                let own = published.addresses[version]
                let hostAddress = TestNetwork.hostAddresses[version]
                let world = TestNetwork.outsideAddresses[version]
                let gateway = version == 0 ? "10.208.0.1" : IPPrefix("\(own)/64")?.address(at: 1)?.description ?? ""
                let table: [(String, NetworkNamespace, String, UInt16, Bool)] = [
                    ("host to container", network.here, own, 80, true),
                    ("host to published", network.here, hostAddress, 8_080, true),
                    ("outside to published", network.outside, hostAddress, 8_080, true),
                    ("outside to container", network.outside, own, 80, false),
                    ("outside to unpublished", network.outside, hostAddress, 81, false),
                    ("sibling to container", sibling.place, own, 80, false),
                    ("sibling to unpublished", sibling.place, own, 81, false),
                    ("sibling to published", sibling.place, hostAddress, 8_080, true),
                    ("itself to published", published.place, hostAddress, 8_080, true),
                    ("container to host", sibling.place, hostAddress, 9_000, false),
                    ("container to bridge", sibling.place, gateway, 9_000, false),
                    ("container to outside", sibling.place, world, 9_000, true),
                ]
                for (name, place, address, port, expected) in table {
                    let connects = try TestNetwork.connects(from: place, to: address, port, expected: expected)
                    #expect(connects == expected, "\(name), \(address) port \(port)")
                }
            }
            #expect(try TestNetwork.connects(from: network.here, to: "127.0.0.1", 8_080))
            #expect(try !TestNetwork.connects(from: network.here, to: "::1", 8_080, expected: false))
            #expect(try !TestNetwork.connects(from: sibling.place, to: "169.254.169.254", 9_000, expected: false))
            withExtendedLifetime(listeners) {}
        }
    }

    @Test("each permission opens what it names, and nothing beside it")
    func permissions() throws {
        try TestNetwork.run { network, host in
            let caller = try host.wired()
            let other = try host.wired()
            let open = try host.wired(BridgeRequest(reach: NetworkReach(fromContainers: true)))
            let named = try host.wired(BridgeRequest(reach: NetworkReach(fromNamed: [caller.id])))
            let toHost = try host.wired(BridgeRequest(reach: NetworkReach(toHost: true)))
            let toMetadata = try host.wired(BridgeRequest(reach: NetworkReach(toMetadata: true)))
            let stranger = try host.wired(BridgeRequest(network: "other"))
            var listeners = try Self.listen(open.place, [80]) + Self.listen(named.place, [80])
            listeners += try Self.listen(network.here, [9_000]) + Self.listen(network.outside, [9_000])
            for version in 0...1 {
                let table: [(String, NetworkNamespace, String, UInt16, Bool)] = [
                    ("open to all", other.place, open.addresses[version], 80, true),
                    ("open to its own network", stranger.place, open.addresses[version], 80, false),
                    ("named", caller.place, named.addresses[version], 80, true),
                    ("not named", other.place, named.addresses[version], 80, false),
                    ("to the host", toHost.place, TestNetwork.hostAddresses[version], 9_000, true),
                    ("not to the host", other.place, TestNetwork.hostAddresses[version], 9_000, false),
                ]
                for (name, place, address, port, expected) in table {
                    let connects = try TestNetwork.connects(from: place, to: address, port, expected: expected)
                    #expect(connects == expected, "\(name) \(address)")
                }
            }
            #expect(try TestNetwork.connects(from: toMetadata.place, to: "169.254.169.254", 9_000))
            #expect(try !TestNetwork.connects(from: toHost.place, to: "169.254.169.254", 9_000, expected: false))
            withExtendedLifetime(listeners) {}
        }
    }

    @Test("a port published at loopback is the host's alone, whatever address a packet from outside carries")
    func loopback() throws {
        try TestNetwork.run { network, host in
            let port = PortPublication(hostAddress: IPAddress("127.0.0.1"), hostPort: 8_081, port: 81)
            let container = try host.wired(BridgeRequest(ports: [port]))
            let sibling = try host.wired()
            let listeners = try Self.listen(container.place, [81])
            #expect(try TestNetwork.connects(from: network.here, to: "127.0.0.1", 8_081))
            for place in [network.here, network.outside, sibling.place] {
                let address = TestNetwork.hostAddresses[0]
                #expect(try !TestNetwork.connects(from: place, to: address, 8_081, expected: false))
            }
            // A neighbour on the wire that sends to 127.0.0.1 by way of the host.
            let socket = try NetlinkSocket(in: network.outside)
            let link = try #require(try socket.link(named: "out0")).index
            try TextFile.write("1", inside: network.outside, to: "/proc/sys/net/ipv4/conf/all/route_localnet")
            let loopback = try #require(IPPrefix("127.0.0.2/32"))
            try socket.addRoute(to: loopback, through: IPAddress(TestNetwork.hostAddresses[0]), link: link)
            #expect(try !TestNetwork.connects(from: network.outside, to: "127.0.0.2", 8_081, expected: false))
            withExtendedLifetime(listeners) {}
        }
    }

    @Test("a container that takes its sibling's addresses gets no packet through as it")
    func spoofing() throws {
        try TestNetwork.run { network, host in
            let victim = try host.wired()
            let thief = try host.wired()
            let listeners = try Self.listen(network.outside, [9_000])
            func reaches(as source: String, expected: Bool) throws -> Bool {
                try TestNetwork.connects(
                    from: thief.place, to: TestNetwork.outsideAddresses[0], 9_000, as: source, expected: expected)
            }
            #expect(try reaches(as: thief.addresses[0], expected: true))
            let socket = try NetlinkSocket(in: thief.place)
            let link = try #require(try socket.link(named: ContainerNetworks.interface)).index
            try socket.addAddress(try #require(IPAddress(victim.addresses[0])), length: 32, to: link)
            #expect(try !reaches(as: victim.addresses[0], expected: false))
            // The host knows its containers by entries no packet changes.
            let again = try Self.listen(victim.place, [80])
            #expect(try TestNetwork.connects(from: network.here, to: victim.addresses[0], 80))
            withExtendedLifetime([listeners, again]) {}
        }
    }

    @Test("ports and addresses that are taken are refused, by whom is said")
    func conflicts() throws {
        try TestNetwork.run { network, host in
            let port = PortPublication(hostPort: 8_080, port: 80)
            let first = try host.wired(BridgeRequest(ports: [port]))
            let narrower = PortPublication(hostAddress: IPAddress("192.0.2.1"), hostPort: 8_080, port: 81)
            let listener = try network.here.listen(address: "0.0.0.0", port: 9_100)
            let address = try #require(IPAddress(first.addresses[0]))
            let loopback6 = PortPublication(hostAddress: IPAddress("::1"), hostPort: 8_090, port: 81)
            let table: [(BridgeRequest, String)] = [
                (BridgeRequest(ports: [port]), "network.port-taken"),
                (BridgeRequest(ports: [narrower]), "network.port-taken"),
                (BridgeRequest(ports: [PortPublication(hostPort: 9_100, port: 1)]), "network.port-taken"),
                (BridgeRequest(ports: [loopback6]), "network.no-loopback6"),
                (BridgeRequest(addresses: [address]), "network.address-taken"),
                (BridgeRequest(addresses: [.v4(0x0a00_0001)]), "network.no-address"),
                (BridgeRequest(network: "../x"), "network.bad-name"),
            ]
            for (request, code) in table {
                let failure = #expect(throws: Failure.self) { try host.wired(request) }
                #expect(failure?.code.rawValue == code, "\(String(describing: failure))")
            }
            let same = BridgeRequest(ports: [PortPublication(hostPort: 8_080, port: 80, transport: .udp)])
            _ = try host.wired(same)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("of launches at once for one port of the host exactly one has it, and the others are told who")
    func races() throws {
        try TestNetwork.run { _, host in
            let request = BridgeRequest(ports: [PortPublication(hostPort: 8_080, port: 80)])
            for _ in 0..<3 {
                let outcomes = Monitor<[Result<ContainerID, any Error>]>([])
                let threads = try (0..<4).map { _ in
                    try WorkerThread {
                        let outcome = Result { try host.wired(request).id }
                        outcomes.withLock { $0.append(outcome) }
                    }
                }
                for thread in threads { thread.join() }
                var winners: [ContainerID] = []
                for outcome in outcomes.withLock({ $0 }) {
                    switch outcome {
                    case .success(let id): winners.append(id)
                    case .failure(let error): #expect((error as? Failure)?.code.rawValue == "network.port-taken")
                    }
                }
                #expect(winners.count == 1)
                for id in winners { try host.containerizer.remove(id, force: true) }
            }
        }
    }

    @Test("what a container sends and receives is counted, and held to its limits")
    func counters() throws {
        try TestNetwork.run { network, host in
            let rate = NetworkBandwidth(incoming: 1 << 20, outgoing: 1 << 20)
            let container = try host.wired(BridgeRequest(bandwidth: rate))
            let listeners = try Self.listen(network.outside, [9_000])
            #expect(try TestNetwork.connects(from: container.place, to: TestNetwork.outsideAddresses[0], 9_000))
            var usage = ContainerUsage(at: 0)
            try ContainerNetworks().count(container.id, into: &usage)
            #expect(usage.networkSentPackets ?? 0 >= 2 && usage.networkReceivedBytes ?? 0 > 0)
            withExtendedLifetime(listeners) {}
        }
    }
}

extension TextFile {
    /// A setting of another network namespace.
    static func write(_ text: String, inside place: NetworkNamespace, to path: String) throws(KernelError) {
        try place.inside { () throws(KernelError) in try write(text, to: path) }
    }
}
