import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import NetworkFormat
import Networking
import Testing

/// Who reaches whom over both transports and both versions, by every way to publish a port. `NetworkTests` has what
/// permissions change.
@Suite("Published ports lead where they say, by either transport and version, and nothing else does", .serialized)
struct NetworkMatrixTests {
    /// One question: from where, to what, and whether there is a way.
    private struct Way {
        var name: String
        var from: NetworkNamespace
        var address: String
        var port: UInt16
        var isOpen: Bool

        init(_ name: String, _ from: NetworkNamespace, _ address: String, _ port: UInt16, _ isOpen: Bool) {
            (self.name, self.from, self.address, self.port, self.isOpen) = (name, from, address, port, isOpen)
        }
    }

    private static func check(
        _ ways: [Way], _ transport: PortPublication.Transport, _ servers: [TestDatagrams]
    ) throws {
        for way in ways {
            let reached =
                switch transport {
                case .tcp:
                    try TestNetwork.connects(from: way.from, to: way.address, way.port, expected: way.isOpen)
                case .udp:
                    try TestDatagrams.reach(from: way.from, to: way.address, way.port, servers, expected: way.isOpen)
                }
            #expect(reached == way.isOpen, "\(transport) \(way.name), \(way.address) port \(way.port)")
        }
    }

    /// Who listens: for streams the kernel itself answers.
    private static func listen(
        _ place: NetworkNamespace, _ ports: [UInt16]
    ) throws -> ([OwnedDescriptor], [TestDatagrams]) {
        (try ports.map { try place.listen(address: "::", port: $0) },
            try ports.map { try TestDatagrams(in: place, port: $0) })
    }

    @Test(
        "container, host, sibling and outside; a port of one transport says nothing of the other's",
        arguments: PortPublication.Transport.allCases)
    func matrix(_ transport: PortPublication.Transport) throws {
        try TestNetwork.run { network, host in
            let published = try host.wired(
                BridgeRequest(ports: [PortPublication(hostPort: 8_080, port: 80, transport: transport)]))
            let sibling = try host.wired()
            let stranger = try host.wired(BridgeRequest(network: "other"))
            let inside = try Self.listen(published.place, [80, 81])
            let here = try Self.listen(network.here, [9_000])
            let outside = try Self.listen(network.outside, [9_000])
            let servers = inside.1 + here.1 + outside.1
            for version in 0...1 {
                let own = published.addresses[version]
                let hosts = TestNetwork.hostAddresses[version]
                let ways = [
                    Way("host to container", network.here, own, 81, true),
                    Way("host to published", network.here, hosts, 8_080, true),
                    Way("outside to published", network.outside, hosts, 8_080, true),
                    Way("outside to container", network.outside, own, 80, false),
                    Way("sibling to container", sibling.place, own, 80, false),
                    Way("sibling to unpublished", sibling.place, own, 81, false),
                    Way("sibling to published", sibling.place, hosts, 8_080, true),
                    Way("stranger to container", stranger.place, own, 80, false),
                    Way("stranger to published", stranger.place, hosts, 8_080, true),
                    Way("itself to published", published.place, hosts, 8_080, true),
                    Way("container to host", sibling.place, hosts, 9_000, false),
                    Way("container to outside", sibling.place, TestNetwork.outsideAddresses[version], 9_000, true),
                ]
                try Self.check(ways, transport, servers)
                let other: PortPublication.Transport = transport == .tcp ? .udp : .tcp
                try Self.check([Way("the other transport", network.outside, hosts, 8_080, false)], other, servers)
            }
            withExtendedLifetime((inside, here, outside)) {}
        }
    }

    @Test("a range leads port by port, and ends where it ends", arguments: PortPublication.Transport.allCases)
    func range(_ transport: PortPublication.Transport) throws {
        try TestNetwork.run { network, host in
            let ports = (0..<4).map { number in
                PortPublication(hostPort: 7_000 + UInt16(number), port: 600 + UInt16(number), transport: transport)
            }
            let container = try host.wired(BridgeRequest(ports: ports))
            // Between the published ones is one nobody listens at: each leads to its own port and to no other.
            let inside = try Self.listen(container.place, [599, 600, 602, 603, 604])
            for version in 0...1 {
                let hosts = TestNetwork.hostAddresses[version]
                let ways = zip(6_999...7_004, [false, true, false, true, true, false]).map { number, isOpen in
                    Way("range", network.outside, hosts, UInt16(number), isOpen)
                }
                try Self.check(ways, transport, inside.1)
            }
            withExtendedLifetime(inside) {}
        }
    }

    @Test(
        "a port at one address of the host, or at those of one version, is nowhere else",
        arguments: PortPublication.Transport.allCases)
    func hostAddresses(_ transport: PortPublication.Transport) throws {
        try TestNetwork.run { network, host in
            func port(_ address: String, _ number: UInt16) -> PortPublication {
                PortPublication(
                    hostAddress: IPAddress(address), hostPort: number, port: 80, transport: transport)
            }
            let (four, six) = (TestNetwork.hostAddresses[0], TestNetwork.hostAddresses[1])
            let container = try host.wired(
                BridgeRequest(ports: [
                    port(four, 8_001), port(six, 8_002), port("0.0.0.0", 8_003), port("::", 8_004),
                    port("127.0.0.1", 8_005), port("127.0.0.1", 8_001),
                ]))
            let sibling = try host.wired()
            let inside = try Self.listen(container.place, [80])
            var ways: [Way] = []
            for place in [network.here, network.outside, sibling.place] {
                ways += [
                    Way("its own", place, four, 8_001, true), Way("its own", place, six, 8_002, true),
                    Way("the other version", place, six, 8_001, false),
                    Way("the other version", place, four, 8_002, false),
                    Way("every one of version 4", place, four, 8_003, true),
                    Way("none of version 6", place, six, 8_003, false),
                    Way("every one of version 6", place, six, 8_004, true),
                    Way("none of version 4", place, four, 8_004, false),
                    Way("loopback only", place, four, 8_005, false), Way("loopback only", place, six, 8_005, false),
                ]
            }
            ways += [8_001, 8_003, 8_005].map { Way("loopback", network.here, "127.0.0.1", $0, true) }
            ways += [8_002, 8_004].map { Way("not loopback", network.here, "127.0.0.1", $0, false) }
            // Nothing leads from ::1 to a container, whatever is published.
            ways += (8_001...8_005).map { Way("loopback of version 6", network.here, "::1", $0, false) }
            // A loopback of its own, where nobody listens at the host's port.
            ways.append(Way("loopback of a sibling", sibling.place, "127.0.0.1", 8_005, false))
            try Self.check(ways, transport, inside.1)
            withExtendedLifetime(inside) {}
        }
    }

    private static func port(
        _ address: String?, _ transport: PortPublication.Transport = .tcp
    ) -> PortPublication {
        PortPublication(
            hostAddress: address.flatMap { IPAddress($0) }, hostPort: 8_080, port: 80, transport: transport)
    }

    @Test("publications that meet are refused, those that do not are not")
    func meeting() throws {
        let table: [(String?, String?, Bool)] = [
            (nil, nil, true), (nil, "192.0.2.1", true), (nil, "::", true), ("0.0.0.0", "192.0.2.1", true),
            ("0.0.0.0", "127.0.0.1", true), ("::", "2001:db8::1", true), ("0.0.0.0", "::", false),
            ("0.0.0.0", "2001:db8::1", false), ("192.0.2.1", "192.0.2.2", false), ("192.0.2.1", "192.0.2.1", true),
        ]
        for (first, second, meet) in table {
            #expect(Self.port(first).collides(with: Self.port(second)) == meet, "\(first ?? "any") \(second ?? "any")")
            #expect(Self.port(second).collides(with: Self.port(first)) == meet)
            #expect(!Self.port(first).collides(with: Self.port(second, .udp)))
        }
        try TestNetwork.run { network, host in
            let six = try network.here.listen(address: TestNetwork.hostAddresses[1], port: 8_080)
            let taken = #expect(throws: Failure.self) { try host.wired(BridgeRequest(ports: [Self.port(nil)])) }
            #expect(taken?.code.rawValue == "network.port-taken" && taken?.cause?.isEmpty == false)
            _ = try host.wired(BridgeRequest(ports: [Self.port("0.0.0.0")]))
            withExtendedLifetime(six) {}
        }
    }
}
