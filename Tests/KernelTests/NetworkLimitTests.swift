import Containers
import LinuxKernel
import Netlink
import NetworkFormat
import Networking
import Nftables
import Testing

@Suite("What a container may send, receive and ask for on a bridge is held to", .serialized)
struct NetworkLimitTests {
    private static let rate: UInt64 = 1 << 20
    /// The least a bucket holds: Docs/Reference/Networking.md, "Limits and counts".
    private static let burst: UInt64 = 256 << 10
    /// Of what it sends: a second's worth, when that is more.
    private static let sendingBurst: UInt64 = rate
    private static let datagram = [UInt8](repeating: 0x78, count: 1_000)
    private static let datagrams = 16_384

    /// Offers sixteen seconds' worth at once. What arrives by `counted` is at most what the bucket held and was given
    /// since, with a tenth for headers.
    private static func offer(
        through socket: TestDatagrams, burst: UInt64, counted: () throws -> UInt64
    ) throws {
        let before = try counted()
        let start = HostFacts.monotonicClock()
        for _ in 0..<datagrams { socket.send(datagram) }
        let passed = try counted() - before
        let seconds = HostFacts.monotonicClock() - start
        let most = (Double(burst) + seconds * Double(rate)) * 1.1
        #expect(Double(passed) <= most, "\(passed) bytes in \(seconds) s")
        #expect(passed >= burst / 2, "\(passed) bytes in \(seconds) s")
    }

    @Test("sending is held to its rate, as seen outside; receiving to its own, as seen on its link")
    func bandwidth() throws {
        try TestNetwork.run { network, host in
            let sending = try host.wired(BridgeRequest(bandwidth: NetworkBandwidth(outgoing: Self.rate)))
            let outside = try NetlinkSocket(in: network.outside)
            let far = try TestDatagrams(in: network.outside, port: 9_000)
            try Self.offer(
                through: try TestDatagrams(in: sending.place, to: TestNetwork.outsideAddresses[0], 9_000),
                burst: Self.sendingBurst
            ) { try outside.link(named: "out0")?.counters.receivedBytes ?? 0 }
            let receiving = try host.wired(BridgeRequest(bandwidth: NetworkBandwidth(incoming: Self.rate)))
            let near = try TestDatagrams(in: receiving.place, port: 9_000)
            try Self.offer(
                through: try TestDatagrams(in: network.here, to: receiving.addresses[0], 9_000), burst: Self.burst
            ) {
                var usage = ContainerUsage(at: 0)
                try ContainerNetworks().count(receiving.id, into: &usage)
                return usage.networkReceivedBytes ?? 0
            }
            withExtendedLifetime([far, near]) {}
        }
    }

    /// Where clouds answer with the machine's credentials, and as which machine the test's outside answers there.
    private static let metadata = [
        "169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254",
        "fd00:ec2::23", "fd20:ce::254", "fd00:42::42",
    ]

    private static func answerAsMetadata(_ network: TestNetwork) throws {
        let (here, outside) = (try NetlinkSocket(), try NetlinkSocket(in: network.outside))
        let up = try #require(try here.link(named: "up0")).index
        let out = try #require(try outside.link(named: "out0")).index
        for text in metadata {
            let address = try #require(IPAddress(text))
            let whole = try #require(IPPrefix(address, length: address.bytes.count * 8))
            try outside.addAddress(address, length: whole.length, to: out)
            let gateway = TestNetwork.outsideAddresses[address.family == .v4 ? 0 : 1]
            try here.addRoute(to: whole, through: IPAddress(gateway), link: up)
        }
    }

    @Test("no address of a metadata service is reached by either transport, unless it is allowed")
    func metadataServices() throws {
        try TestNetwork.run { network, host in
            try Self.answerAsMetadata(network)
            let plain = try host.wired(BridgeRequest(reach: NetworkReach(toHost: true)))
            let allowed = try host.wired(BridgeRequest(reach: NetworkReach(toMetadata: true)))
            let listener = try network.outside.listen(address: "::", port: 9_000)
            let names = try network.outside.listen(address: "::", port: 53)
            let server = try TestDatagrams(in: network.outside, port: 9_000)
            for address in Self.metadata {
                for (place, isOpen) in [(plain.place, false), (allowed.place, true)] {
                    let connects = try TestNetwork.connects(from: place, to: address, 9_000, expected: isOpen)
                    #expect(connects == isOpen, "\(address)")
                    // The outside answers a datagram by the way it came only where that has one address.
                    if isOpen { continue }
                    let answered = try TestDatagrams.reach(from: place, to: address, 9_000, [server], expected: false)
                    #expect(!answered, "\(address)")
                }
            }
            // Azure's name server is one machine with its metadata.
            #expect(try TestNetwork.connects(from: plain.place, to: "168.63.129.16", 53))
            withExtendedLifetime((listener, names, server)) {}
        }
    }

    @Test("nor where the host leads it to an agent of its own, or to another machine")
    func translatedMetadata() throws {
        try TestNetwork.run { network, host in
            let rules = """
                table ip agent {
                  chain in {
                    type nat hook prerouting priority dstnat - 10; policy accept;
                    ip daddr 169.254.169.254 tcp dport 9001 dnat to 192.0.2.1:9000
                    ip daddr 169.254.169.254 tcp dport 9002 dnat to 192.0.2.2:9000
                  }
                }
                """
            try PacketFilter().run(rules, to: "be a host with an agent for metadata")
            let plain = try host.wired()
            let toHost = try host.wired(BridgeRequest(reach: NetworkReach(toHost: true)))
            let allowed = try host.wired(BridgeRequest(reach: NetworkReach(toMetadata: true)))
            let both = try host.wired(BridgeRequest(reach: NetworkReach(toHost: true, toMetadata: true)))
            let listeners = try [network.here, network.outside].map { try $0.listen(address: "::", port: 9_000) }
            let table: [(NetworkNamespace, UInt16, Bool)] = [
                (plain.place, 9_001, false), (plain.place, 9_002, false), (toHost.place, 9_001, false),
                (toHost.place, 9_002, false), (allowed.place, 9_001, false), (allowed.place, 9_002, true),
                (both.place, 9_001, true),
            ]
            for (row, (place, port, isOpen)) in table.enumerated() {
                let connects = try TestNetwork.connects(
                    from: place, to: "169.254.169.254", port, expected: isOpen)
                #expect(connects == isOpen, "row \(row)")
            }
            withExtendedLifetime(listeners) {}
        }
    }
}
