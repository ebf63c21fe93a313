import Containers
import LinuxKernel
import NativeContainerizer
import Netlink
import NetworkFormat
import Networking
import Testing

/// 01:80:c2:00:00:00 to 0f are for the next switch on the wire: spanning tree, link aggregation, 802.1X, LLDP. Linux
/// hands such a frame, whatever is in it, to the host's own protocols as arriving at the port, past the bridge and its
/// rules, unless the port is told to treat it like any other.
@Suite("Frames to what is next on the wire are treated like any other", .serialized)
struct NetworkLinkLocalTests {
    private static let addresses = (0..<16).map { [0x01, 0x80, 0xc2, 0, 0, UInt8($0)] }

    /// What is usually in them; the marks behind tell them apart.
    private static let kinds: [(name: String, type: UInt16, head: [UInt8])] = [
        ("LLDP", 0x88cc, [2, 7, 4, 2, 0, 0, 0, 0, 1]), ("EAPOL", 0x888e, [2, 1, 0, 0]),
        ("link aggregation", 0x8809, [1, 1, 1, 20]), ("pause", 0x8808, [0, 1, 0xff, 0xff]),
        ("profinet", 0x8892, [0xfe, 0xfe]),
    ]

    /// IEEE 802.1D: a spanning tree with us as its root, in a frame whose type is a length.
    private static let spanningTree: [UInt8] =
        [0x42, 0x42, 3, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 29)

    /// But for those of links, which come when the kernel has seen the carrier.
    private static func routes() throws -> [String] {
        try NetlinkSocket().routes().map { "\($0.destination) \($0.link)" }.filter { !$0.hasPrefix("fe80:") }.sorted()
    }

    @Test("none reaches a sibling, the world, or a protocol of the host's, and no router is believed")
    func frames() throws {
        try TestNetwork.run { network, host in
            let (thief, victim) = (try host.wired(), try host.wired())
            let own = try #require(
                try NetlinkSocket(in: thief.place).link(named: ContainerNetworks.interface)?.address)
            let sender = try FrameSocket(in: thief.place, on: ContainerNetworks.interface)
            var observers = [
                try FrameSocket(in: victim.place, on: ContainerNetworks.interface),
                try FrameSocket(in: network.outside, on: "out0"), try FrameSocket(in: network.here, on: "bulkhead0"),
            ]
            observers += try Self.kinds.map { try FrameSocket(in: network.here, on: nil, kind: $0.type) }
            let routes = try Self.routes()
            for to in Self.addresses {
                for kind in Self.kinds {
                    try sender.send(
                        Frame.ethernet(to: to, from: own.bytes, kind.type, kind.head + Array("<\(kind.name)>".utf8)))
                }
                try sender.send(Frame.ethernet(to: to, from: own.bytes, 38, Self.spanningTree))
                for source in [own.linkLocal.bytes, try #require(IPAddress(victim.addresses[1])).bytes] {
                    let advertisement = Frame.control6(
                        from: source, to: Frame.allNodesAddress, Frame.routerAdvertisement(own.bytes))
                    try sender.send(Frame.ethernet(to: to, from: own.bytes, 0x86dd, advertisement))
                }
            }
            // Its own question arrives, so that the observers do see what is let through.
            let question = Frame.arp(
                isReply: false, from: (own.bytes, try #require(IPAddress(thief.addresses[0])).bytes),
                to: ([0, 0, 0, 0, 0, 0], [10, 208, 0, 1]))
            try sender.send(Frame.ethernet(to: Frame.everybody, from: own.bytes, 0x0806, question))
            let seen = try observers[2].frames { $0.starts(with: Frame.everybody) } + observers.flatMap { $0.waiting() }
            #expect(seen.filter { $0.starts(with: [0x01, 0x80, 0xc2]) } == [])
            #expect(try Self.routes() == routes)
        }
    }

    @Test("no packet in one reaches the host past its rules, whoever it says it is from")
    func packets() throws {
        try TestNetwork.run { network, host in
            let (thief, victim) = (try host.wired(), try host.wired())
            let friend = try host.wired(BridgeRequest(reach: NetworkReach(toHost: true)))
            let own = try #require(
                try NetlinkSocket(in: thief.place).link(named: ContainerNetworks.interface)?.address)
            let sender = try FrameSocket(in: thief.place, on: ContainerNetworks.interface)
            let server = try TestDatagrams(in: network.here, port: 9_100)
            for version in 0...1 {
                let target = TestNetwork.hostAddresses[version]
                let sources = [thief.addresses[version], victim.addresses[version], friend.addresses[version],
                    TestNetwork.outsideAddresses[version], target]
                for (to, source) in Self.addresses.flatMap({ to in sources.map { (to, $0) } }) {
                    let packet = Frame.datagram(
                        from: (try #require(IPAddress(source)).bytes, 53),
                        to: (try #require(IPAddress(target)).bytes, 9_100), "from \(source) by \(to[5])")
                    try sender.send(Frame.ethernet(to: to, from: own.bytes, version == 0 ? 0x0800 : 0x86dd, packet))
                }
                let last = try TestDatagrams(in: friend.place, to: target, 9_100)
                #expect(last.send("allowed"))
                var heard: [String] = []
                while !TestDatagrams.wait([server], milliseconds: heard.contains("allowed") ? 250 : 120_000).isEmpty {
                    if let text = server.receive()?.text { heard.append(text) }
                }
                #expect(heard == ["allowed"])
            }
        }
    }
}
