public import LinuxKernel
public import NetworkFormat

/// A network interface as the kernel lists it.
public struct NetworkLink: Equatable, Sendable {
    public var index: Int32
    public var name: String
    /// `veth`, `bridge`; empty for most others.
    public var kind: String
    /// Whether it has been set up.
    public var isUp: Bool
    /// Whether frames go through it: both ends are set up, and the kernel has seen that.
    public var isOpen: Bool
    public var address: HardwareAddress?
    /// The bridge it is a port of; 0 for none.
    public var controller: Int32
    public var counters: LinkCounters
}

/// struct rtnl_link_stats64, as the interface itself sees it.
public struct LinkCounters: Equatable, Sendable {
    public var receivedPackets: UInt64 = 0
    public var sentPackets: UInt64 = 0
    public var receivedBytes: UInt64 = 0
    public var sentBytes: UInt64 = 0
    public var receivedDropped: UInt64 = 0
    public var sentDropped: UInt64 = 0
    public init() {}
}

/// The far end of a veth pair.
public struct VirtualPeer: Sendable {
    public var name: String
    public var address: HardwareAddress
    public var namespace: NetworkNamespace
    public init(name: String, address: HardwareAddress, namespace: NetworkNamespace) {
        self.name = name
        self.address = address
        self.namespace = namespace
    }
}

/// Making, changing and listing links: veth(4), ip-link(8), bridge(8).
extension NetlinkSocket {
    private enum Attribute {
        static let address: UInt16 = 1
        static let name: UInt16 = 3
        static let controller: UInt16 = 10
        static let protocolInformation: UInt16 = 12
        static let operationalState: UInt16 = 16
        static let linkInformation: UInt16 = 18
        static let counters: UInt16 = 23
        static let namespaceDescriptor: UInt16 = 28
        static let kind: UInt16 = 1
        static let data: UInt16 = 2
        static let peer: UInt16 = 1
        static let forwardDelay: UInt16 = 1
        static let multicastSnooping: UInt16 = 23
    }
    private static let up: UInt32 = 1
    /// IF_OPER_UP, operstates.rst of the kernel's documentation.
    private static let operational: UInt8 = 6
    /// IFLA_BRPORT_GROUP_FWD_MASK, a bit for each address; that of pause frames cannot be set, and they are dropped.
    private static let linkLocalForwarding: UInt16 = 31
    private static let everyLinkLocal: UInt16 = 0xfffd
    private static let bridgeFamily: UInt8 = 7
    /// struct ifinfomsg
    private static let headerBytes = 16

    private func message(
        _ type: UInt16, _ flags: UInt16, index: Int32 = 0, family: UInt8 = 0, set: UInt32 = 0, change: UInt32 = 0
    ) -> NetlinkMessage {
        var message = NetlinkMessage(type: type, flags: flags)
        message.append(UInt16(family))
        message.append(UInt16(0))
        message.append(index)
        message.append(set)
        message.append(change)
        return message
    }

    /// A bridge that forwards at once and does not learn who listens to which group. EEXIST when the name is taken.
    public func makeBridge(_ name: String, address: HardwareAddress) throws(KernelError) {
        var request = message(MessageType.newLink, RequestFlags.create)
        request.append(Attribute.name, name)
        request.append(Attribute.address, bytes: address.bytes)
        request.nest(Attribute.linkInformation) { information in
            information.append(Attribute.kind, "bridge")
            information.nest(Attribute.data) { data in
                data.append(Attribute.forwardDelay, number: UInt32(0))
                data.append(Attribute.multicastSnooping, number: UInt8(0))
            }
        }
        try self.request(request, "RTM_NEWLINK bridge", on: name)
    }

    /// Both ends of a veth pair in one step: ours as a port of `bridge`, the other one born in its namespace.
    public func makeVirtualPair(_ name: String, bridge: Int32, peer: VirtualPeer) throws(KernelError) {
        var request = message(MessageType.newLink, RequestFlags.create)
        request.append(Attribute.name, name)
        request.append(Attribute.controller, number: bridge)
        request.nest(Attribute.linkInformation) { information in
            information.append(Attribute.kind, "veth")
            information.nest(Attribute.data) { data in
                data.nest(Attribute.peer) { other in
                    // Another struct ifinfomsg, all zero.
                    for _ in 0..<4 { other.append(UInt32(0)) }
                    other.append(Attribute.name, peer.name)
                    other.append(Attribute.address, bytes: peer.address.bytes)
                    other.append(Attribute.namespaceDescriptor, number: peer.namespace.number)
                }
            }
        }
        try self.request(request, "RTM_NEWLINK veth", on: name)
        withExtendedLifetime(peer) {}
    }

    public func setUp(_ index: Int32) throws(KernelError) {
        try request(
            message(MessageType.newLink, RequestFlags.plain, index: index, set: Self.up, change: Self.up),
            "RTM_NEWLINK up", on: "link \(index)")
    }

    /// A port whose frames reach the host only, never another such port; which learns no addresses and drops every
    /// frame whose sender `addForwarding` did not name. Needs Linux 5.18. See bridge(8): isolated, locked.
    ///
    /// Frames to 01:80:c2:00:00:0X go the way of all others: as the kernel has it, they would be the host's own, as if
    /// they had come to the port itself, without any rule of the bridge or for it (net/bridge/br_input.c).
    public func wallOff(port index: Int32) throws(KernelError) {
        /// IFLA_BRPORT_*, linux/if_link.h
        let off: [UInt16] = [4, 8, 9, 27, 30]  // hairpin, learning, unicast, multicast and broadcast flooding
        let on: [UInt16] = [5, 33, 39]  // guard against BPDUs, isolated, locked
        var request = message(MessageType.setLink, RequestFlags.plain, index: index, family: Self.bridgeFamily)
        request.nest(Attribute.protocolInformation) { port in
            for option in off { port.append(option, number: UInt8(0)) }
            for option in on { port.append(option, number: UInt8(1)) }
            port.append(Self.linkLocalForwarding, number: Self.everyLinkLocal)
        }
        try self.request(request, "RTM_SETLINK bridge port", on: "link \(index)")
    }

    /// Also ends a veth's other end. A link that is not there is fine.
    public func deleteLink(named name: String) throws(KernelError) {
        var request = message(MessageType.deleteLink, RequestFlags.plain)
        request.append(Attribute.name, name)
        do throws(KernelError) { try self.request(request, "RTM_DELLINK", on: name) } catch {
            guard error.errno == Errno.noDevice else { throw error }
        }
    }

    /// Nil when there is none.
    public func link(named name: String) throws(KernelError) -> NetworkLink? {
        var request = message(MessageType.getLink, RequestFlags.get)
        request.append(Attribute.name, name)
        do throws(KernelError) {
            return try self.request(request, "RTM_GETLINK", on: name).lazy.compactMap(Self.link).first
        } catch {
            if error.errno == Errno.noDevice { return nil }
            throw error
        }
    }

    public func links() throws(KernelError) -> [NetworkLink] {
        try request(message(MessageType.getLink, RequestFlags.dump), "RTM_GETLINK").compactMap(Self.link)
    }

    private static func link(_ answer: NetlinkAnswer) -> NetworkLink? {
        guard answer.type == MessageType.newLink, answer.body.count >= headerBytes else { return nil }
        let attributes = answer.attributes(skipping: headerBytes)
        let information = attributes[Attribute.linkInformation].map { NetlinkAnswer.attributes($0) } ?? [:]
        var counters = LinkCounters()
        if let raw = attributes[Attribute.counters] {
            counters.receivedPackets = raw.number(at: 0)
            counters.sentPackets = raw.number(at: 8)
            counters.receivedBytes = raw.number(at: 16)
            counters.sentBytes = raw.number(at: 24)
            counters.receivedDropped = raw.number(at: 48)
            counters.sentDropped = raw.number(at: 56)
        }
        return NetworkLink(
            index: answer.body.number(at: 4), name: attributes[Attribute.name]?.text ?? "",
            kind: information[Attribute.kind]?.text ?? "", isUp: answer.body.number(UInt32.self, at: 8) & up != 0,
            isOpen: attributes[Attribute.operationalState]?.first == operational,
            address: attributes[Attribute.address].flatMap { HardwareAddress(bytes: Array($0)) },
            controller: attributes[Attribute.controller]?.number(at: 0) ?? 0, counters: counters)
    }
}
