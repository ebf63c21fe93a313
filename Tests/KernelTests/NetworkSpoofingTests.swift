import Containers
import LinuxKernel
import NativeContainerizer
import Netlink
import NetworkFormat
import Networking
import Testing

/// Everything is tried by the host's root inside the container's network: with more than any container has.
@Suite("A container that makes frames by itself is nobody but itself, and reaches nobody but the host", .serialized)
struct NetworkSpoofingTests {
    private typealias Wired = (id: ContainerID, place: NetworkNamespace, addresses: [String])

    /// An end of the wire: hardware address, and addresses of both versions, as bytes.
    private struct End {
        var hardware: [UInt8]
        var four: [UInt8]
        var six: [UInt8]
        var local: [UInt8]

        init(_ wired: Wired) throws {
            let link = try #require(try NetlinkSocket(in: wired.place).link(named: ContainerNetworks.interface))
            try self.init(try #require(link.address), wired.addresses)
        }

        init(_ hardware: HardwareAddress, _ addresses: [String]) throws {
            self.hardware = hardware.bytes
            four = try #require(IPAddress(addresses[0])).bytes
            six = try #require(IPAddress(addresses[1])).bytes
            local = hardware.linkLocal.bytes
        }

        func addresses(_ version: Int) -> [UInt8] { version == 4 ? four : six }
    }

    /// A forged frame; its name is the mark it carries behind its end.
    private struct Forgery {
        var name: String
        var frame: [UInt8]
        /// The host sees it: it is the container's own, and only its destination is not.
        var reachesHost = false

        init(
            _ name: String, to: [UInt8], from: [UInt8], _ type: UInt16, _ payload: [UInt8], reachesHost: Bool = false
        ) {
            self.name = name
            self.reachesHost = reachesHost
            frame = Frame.ethernet(to: to, from: from, type, payload) + Array("<\(name)>".utf8)
        }

        func isIn(_ frames: [[UInt8]]) -> Bool {
            let mark = Array("<\(name)>".utf8)
            return frames.contains { $0.count >= mark.count && Array($0.suffix(mark.count)) == mark }
        }
    }

    private static func gateway(_ addresses: [String]) throws -> End {
        let six = try #require(IPPrefix("\(addresses[1])/64")?.address(at: 1)).description
        let link = try #require(try NetlinkSocket().link(named: "bulkhead0"))
        return try End(try #require(link.address), ["10.208.0.1", six])
    }

    private static func resolution(_ thief: End, _ victim: End, _ gateway: End) -> [Forgery] {
        func arp(
            _ name: String, to: [UInt8], as source: ([UInt8], [UInt8]), isReply: Bool = true, wire: [UInt8]? = nil
        ) -> Forgery {
            Forgery(
                name, to: to, from: wire ?? thief.hardware, 0x0806,
                Frame.arp(isReply: isReply, from: source, to: (gateway.hardware, gateway.four)))
        }
        func told(_ name: String, to: [UInt8], _ target: [UInt8], source: [UInt8]? = nil) -> Forgery {
            Forgery(
                name, to: to, from: thief.hardware, 0x86dd,
                Frame.control6(
                    from: source ?? thief.six, to: Frame.allNodesAddress,
                    Frame.advertisement(of: target, at: thief.hardware)))
        }
        let mine = (thief.hardware, victim.four)
        let gate = (thief.hardware, gateway.four)
        let theirs = (victim.hardware, victim.four)
        return [
            arp("ARP: I have the victim's address", to: gateway.hardware, as: mine),
            arp("ARP to all: I have it", to: Frame.everybody, as: mine),
            arp("ARP to the victim: I am the gateway", to: victim.hardware, as: gate),
            arp("ARP to all: I am the gateway", to: Frame.everybody, as: gate),
            arp("ARP question as the victim", to: Frame.everybody, as: mine, isReply: false),
            arp("ARP: the victim has my address", to: gateway.hardware, as: (victim.hardware, thief.four)),
            arp("ARP from the victim's hardware", to: gateway.hardware, as: theirs, wire: victim.hardware),
            told("ND: I have the victim's address", to: gateway.hardware, victim.six),
            told("ND to all: I have it", to: Frame.allNodes, victim.six),
            told("ND to the victim: I am the gateway", to: victim.hardware, gateway.six),
            told("ND as the victim", to: gateway.hardware, victim.six, source: victim.six),
            told("ND as the gateway", to: Frame.allNodes, gateway.six, source: gateway.six),
            told("ND as the gateway's link", to: Frame.allNodes, gateway.six, source: gateway.local),
            told("ND for an address nobody has", to: gateway.hardware, Array(victim.six.dropLast(2)) + [0x0e, 0xee]),
            told("ND of my own", to: gateway.hardware, thief.six),
        ]
    }

    private static func configuration(_ thief: End, _ victim: End, _ gateway: End) -> [Forgery] {
        func router(_ name: String, to: [UInt8], source: [UInt8], extensions: (UInt8, [UInt8])? = nil) -> Forgery {
            Forgery(
                name, to: to, from: thief.hardware, 0x86dd,
                Frame.control6(
                    from: source, to: Frame.allNodesAddress, Frame.routerAdvertisement(thief.hardware),
                    extensions: extensions.map { (kind: $0.0, bytes: $0.1) }))
        }
        let nobody = [UInt8](repeating: 0, count: 4)
        let padding: [UInt8] = [58, 0, 1, 4, 0, 0, 0, 0]
        let redirect = [137, 0, 0, 0, 0, 0, 0, 0] + thief.local + victim.six
        return [
            router("RA", to: Frame.allNodes, source: thief.local),
            router("RA to the victim", to: victim.hardware, source: thief.local),
            router("RA from an address", to: Frame.allNodes, source: thief.six),
            router("RA behind hop-by-hop options", to: Frame.allNodes, source: thief.local, extensions: (0, padding)),
            router("RA behind destination options", to: Frame.allNodes, source: thief.local, extensions: (60, padding)),
            router(
                "RA behind a fragment header", to: Frame.allNodes, source: thief.local,
                extensions: (44, [58, 0, 0, 0, 0, 0, 0, 7])),
            Forgery(
                "redirect", to: gateway.hardware, from: thief.hardware, 0x86dd,
                Frame.control6(from: thief.local, to: gateway.local, redirect)),
            Forgery(
                "DHCP discovery", to: Frame.everybody, from: thief.hardware, 0x0800,
                Frame.datagram(from: (nobody, 68), to: ([255, 255, 255, 255], 67), "discover")),
            Forgery(
                "DHCP offer", to: Frame.everybody, from: thief.hardware, 0x0800,
                Frame.datagram(from: (thief.four, 67), to: ([255, 255, 255, 255], 68), "offer"), reachesHost: true),
            Forgery(
                "DHCP offer to the victim", to: victim.hardware, from: thief.hardware, 0x0800,
                Frame.datagram(from: (gateway.four, 67), to: (victim.four, 68), "offer")),
        ]
    }

    /// Questions only version 6 has, and its servers.
    private static func discovery(_ thief: End, _ victim: End, _ gateway: End) -> [Forgery] {
        /// Neighbour solicitation with an address of its own, RFC 4861, 4.3; of one that is only looked for, without.
        func asked(_ name: String, _ source: [UInt8], _ target: [UInt8], reachesHost: Bool = false) -> Forgery {
            let option = source.allSatisfy { $0 == 0 } ? [] : [1, 1] + thief.hardware
            return Forgery(
                name, to: Frame.allNodes, from: thief.hardware, 0x86dd,
                Frame.control6(from: source, to: Frame.allNodesAddress, [135, 0, 0, 0, 0, 0, 0, 0] + target + option),
                reachesHost: reachesHost)
        }
        func served(
            _ name: String, to: [UInt8], _ source: [UInt8], _ target: [UInt8], reachesHost: Bool = false
        ) -> Forgery {
            Forgery(
                name, to: to, from: thief.hardware, 0x86dd,
                Frame.datagram(from: (source, 547), to: (target, 546), "advertise"), reachesHost: reachesHost)
        }
        let unknown = [UInt8](repeating: 0, count: 16)
        return [
            asked("DAD for the victim's address", unknown, victim.six),
            asked("DAD for the victim's link", unknown, victim.local),
            asked("ND question as the victim", victim.six, gateway.six),
            asked("ND question as the gateway", gateway.local, victim.six),
            asked("ND question of my own", thief.six, gateway.six, reachesHost: true),
            Forgery(
                "RS as the victim", to: gateway.hardware, from: thief.hardware, 0x86dd,
                Frame.control6(
                    from: victim.local, to: Frame.allNodesAddress, [133, 0, 0, 0, 0, 0, 0, 0, 1, 1] + thief.hardware)),
            served("DHCPv6 to the victim", to: victim.hardware, thief.local, victim.local),
            served("DHCPv6 as the gateway", to: victim.hardware, gateway.local, victim.local),
            served("DHCPv6 as the gateway to all", to: Frame.allNodes, gateway.local, Frame.allNodesAddress),
            served("DHCPv6 to all", to: Frame.allNodes, thief.local, Frame.allNodesAddress, reachesHost: true),
        ]
    }

    /// Packets with others' addresses, and frames no container has any business with.
    private static func packets(_ thief: End, _ victim: End, _ gateway: End) throws -> [Forgery] {
        var result: [Forgery] = []
        for version in [4, 6] {
            let type: UInt16 = version == 4 ? 0x0800 : 0x86dd
            let world = try #require(IPAddress(TestNetwork.outsideAddresses[version == 4 ? 0 : 1])).bytes
            let host = try #require(IPAddress(TestNetwork.hostAddresses[version == 4 ? 0 : 1])).bytes
            let loopback = try #require(IPAddress(version == 4 ? "127.0.0.1" : "::1")).bytes
            func packet(_ name: String, to: [UInt8], from: [UInt8], _ source: [UInt8], _ target: [UInt8]) -> Forgery {
                Forgery(
                    "IPv\(version) \(name)", to: to, from: from, type,
                    Frame.datagram(from: (source, 53), to: (target, 9_000), "x"))
            }
            let own = thief.addresses(version)
            let other = victim.addresses(version)
            result += [
                packet("as the victim", to: gateway.hardware, from: thief.hardware, other, world),
                packet("as the victim, hardware too", to: gateway.hardware, from: victim.hardware, other, world),
                packet("from the victim's hardware", to: gateway.hardware, from: victim.hardware, own, world),
                packet("from the gateway's hardware", to: Frame.everybody, from: gateway.hardware, own, world),
                packet("from hardware nobody has", to: gateway.hardware, from: [2, 0, 0, 0, 0, 1], own, world),
                packet("as the gateway", to: gateway.hardware, from: thief.hardware, gateway.addresses(version), other),
                packet("as the host", to: gateway.hardware, from: thief.hardware, host, other),
                packet("as the world", to: gateway.hardware, from: thief.hardware, world, other),
                packet("as loopback", to: gateway.hardware, from: thief.hardware, loopback, host),
                packet("past the host", to: victim.hardware, from: thief.hardware, own, other),
            ]
        }
        let inner = Frame.datagram(from: (thief.four, 53), to: (victim.four, 9_000), "x")
        let kinds: [(String, UInt16, [UInt8])] = [
            ("VLAN", 0x8100, [0, 1, 0x08, 0]), ("VLAN in VLAN", 0x88a8, [0, 1, 0x81, 0, 0, 1, 0x08, 0]),
            ("MPLS", 0x8847, [0, 1, 1, 64]), ("PPP over Ethernet", 0x8864, [0x11, 0, 0, 1, 0, 60, 0, 0x21]),
            ("EAP", 0x888e, []), ("MACsec", 0x88e5, [0, 0, 0, 0, 0, 1]), ("a protocol for experiments", 0x88b5, []),
        ]
        for (name, type, head) in kinds {
            for to in [victim.hardware, gateway.hardware, Frame.everybody] {
                result.append(
                    Forgery("\(name) to \(to[0]).\(to[5])", to: to, from: thief.hardware, type, head + inner))
            }
        }
        return result
    }

    /// What the host believes: addresses, routes, and who is next door. But for what an interface is given for its own
    /// link when the kernel gets to it, which no frame gives it.
    private static func beliefs() throws -> [String] {
        let routes = try NetlinkSocket().routes().map { "\($0.destination) \($0.link)" }
            .filter { !$0.hasPrefix("fe80:") }.sorted()
        let neighbours = try TextFile.read("/proc/thread-self/net/arp").split(separator: "\n").map(String.init)
        // But for the flags: an interface's own address becomes one that was looked for, meanwhile.
        let addresses = try TextFile.read("/proc/thread-self/net/if_inet6").split(separator: "\n")
        let own = addresses.filter { !$0.hasPrefix("fe80") }.map { line in
            let fields = line.split(separator: " ")
            return (fields.prefix(4) + fields.suffix(1)).joined(separator: " ")
        }
        return routes + neighbours.sorted() + own.sorted()
    }

    @Test("forged resolution, configuration, senders and protocols end at the container's own port")
    func forgeries() throws {
        try TestNetwork.run { network, host in
            let (thief, victim) = (try host.wired(), try host.wired())
            let (own, other) = (try End(thief), try End(victim))
            let gateway = try Self.gateway(thief.addresses)
            let forgeries = try Self.resolution(own, other, gateway) + Self.configuration(own, other, gateway)
                + Self.discovery(own, other, gateway) + Self.packets(own, other, gateway)
            #expect(Set(forgeries.map(\.name)).count == forgeries.count)
            let listeners = try [victim.place, network.outside].map { try $0.listen(address: "::", port: 80) }
            for place in [network.here, victim.place] {
                #expect(try TestNetwork.connects(from: place, to: TestNetwork.outsideAddresses[0], 80))
            }
            let before = try Self.beliefs()
            let sender = try FrameSocket(in: thief.place, on: ContainerNetworks.interface)
            let sibling = try FrameSocket(in: victim.place, on: ContainerNetworks.interface)
            let wire = try FrameSocket(in: network.outside, on: "out0")
            let bridge = try FrameSocket(in: network.here, on: "bulkhead0")
            for forgery in forgeries { try sender.send(forgery.frame) }
            // Its own question arrives, so that the observers do see what is let through.
            let last = Forgery(
                "own", to: Frame.everybody, from: own.hardware, 0x0806,
                Frame.arp(isReply: false, from: (own.hardware, own.four), to: ([0, 0, 0, 0, 0, 0], gateway.four)),
                reachesHost: true)
            try sender.send(last.frame)
            // Frames wait at the processor that sent them: the last may come first, and others a while after it.
            var awaited = (forgeries + [last]).filter(\.reachesHost)
            var onBridge = try bridge.frames { frame in
                awaited.removeAll { $0.isIn([frame]) }
                return awaited.isEmpty
            }
            #expect(try Self.beliefs() == before)
            // What goes to the two now comes after what was let through to them before.
            for address in victim.addresses { #expect(try TestNetwork.connects(from: network.here, to: address, 80)) }
            for address in TestNetwork.outsideAddresses {
                #expect(try TestNetwork.connects(from: victim.place, to: address, 80))
            }
            onBridge += bridge.waiting()
            let onSibling = sibling.waiting()
            let onWire = wire.waiting()
            for forgery in forgeries + [last] {
                #expect(forgery.isIn(onBridge) == forgery.reachesHost, "\(forgery.name), seen by the host")
                #expect(!forgery.isIn(onSibling), "\(forgery.name), seen by its sibling")
                #expect(!forgery.isIn(onWire), "\(forgery.name), seen outside")
            }
            withExtendedLifetime(listeners) {}
        }
    }
}
