import Glibc
public import LinuxKernel
public import NetworkFormat

/// A flow as the kernel tracks it. The first packet of a flow decides its way, the others keep to it.
public struct TrackedFlow: Equatable, Sendable {
    /// Of the first packet, before any translation.
    public var source: IPAddress
    public var destination: IPAddress
    /// 0 where the protocol has none.
    public var destinationPort: UInt16
    /// As in protocols(5).
    public var transport: UInt8
    /// Whom the first packet reached, after translation.
    public var target: IPAddress
    /// Traffic went both ways; of TCP: the connection was made.
    public var isAssured: Bool
    /// What names it in the table, as the kernel wrote it.
    fileprivate var tuple: ArraySlice<UInt8>
    fileprivate var zone: ArraySlice<UInt8>?
    fileprivate var number: ArraySlice<UInt8>
}

/// The flows of one network namespace, and how to have the kernel forget them: then the next packet's way is decided
/// anew. NETLINK_NETFILTER, linux/netfilter/nfnetlink_conntrack.h.
///
/// The table is one for all namespaces of the host, and a walk visits all of its slots, a quarter of a million on many:
/// that takes longer than copying some thousand flows. So one walk looks at everything, and `matches` decides.
public struct FlowTable: Sendable {
    /// How much one walk gathers before it deletes, how many walks there may be, and how much each may read: more than
    /// tables usually hold.
    public struct Limits: Sendable {
        public var batch = 32_768
        public var walks = 64
        public var walkBytes = 1 << 30
        public init() {}
    }
    /// Which flows a walk is shown at all.
    public enum Scope: Sendable {
        case all
        /// Those whose destination was translated.
        case redirected
    }
    /// Where the kernel says that it tracks flows of the calling thread's namespace.
    private static let tracking = "/proc/sys/net/netfilter/nf_conntrack_count"
    private static let netfilter: Int32 = 12
    /// struct nfgenmsg
    private static let fixedBytes = 4

    private enum Attribute {
        static let original: UInt16 = 1
        static let reply: UInt16 = 2
        static let status: UInt16 = 3
        static let number: UInt16 = 12
        static let zone: UInt16 = 18
        /// Since Linux 5.16; one before shows all flows.
        static let statusMask: UInt16 = 26
        /// Within a tuple.
        static let addresses: UInt16 = 1
        static let transport: UInt16 = 2
    }
    /// enum ip_conntrack_status
    private enum Status {
        static let assured: UInt32 = 1 << 2
        static let redirected: UInt32 = 1 << 5
    }

    private let socket: NetlinkSocket
    private let limits: Limits

    /// Of the calling thread's namespace. Nil: the kernel tracks no flows here, or none now, so there is nothing to
    /// forget.
    ///
    /// - Throws: EOPNOTSUPP: it tracks flows and has no nf_conntrack_netlink to forget them by.
    public static func opened(limits: Limits = Limits()) throws(KernelError) -> FlowTable? {
        let socket: NetlinkSocket
        let answers: [NetlinkAnswer]
        do throws(KernelError) {
            socket = try NetlinkSocket(family: netfilter)
            let request = message(MessageType.countFlows, RequestFlags.get, family: 0)
            answers = try socket.request(request, "IPCTNL_MSG_CT_GET_STATS")
        } catch {
            // Asking has the kernel load the module. EINVAL is nfnetlink's answer for a part that it has not.
            guard [Errno.invalid, EPROTONOSUPPORT].contains(error.errno) else { throw error }
            guard HostFacts.exists(tracking) else { return nil }
            throw KernelError(call: error.call, on: "nf_conntrack_netlink", errno: Errno.notSupported)
        }
        let count = answers.lazy.compactMap { $0.attributes(skipping: fixedBytes)[1] }.first
        if let count, count.allSatisfy({ $0 == 0 }) { return nil }
        return FlowTable(socket: socket, limits: limits)
    }

    /// Walks and deletes until nothing that `matches` is left. Gives how many there were; flows of others stay.
    ///
    /// - Throws: EBUSY when they come faster than they go, EMSGSIZE for a table larger than the limits.
    @discardableResult
    public func forget(
        _ subject: String, _ scope: Scope = .all, where matches: (TrackedFlow) -> Bool
    ) throws(KernelError) -> Int {
        var count = 0
        for _ in 0..<limits.walks {
            var found: [TrackedFlow] = []
            var request = Self.message(MessageType.getFlow, RequestFlags.dump, family: 0)
            if scope == .redirected {
                request.append(Attribute.status, number: Status.redirected.bigEndian)
                request.append(Attribute.statusMask, number: Status.redirected.bigEndian)
            }
            try socket.request(request, "IPCTNL_MSG_CT_GET", on: subject, bytesMax: limits.walkBytes) { answer in
                guard found.count < limits.batch, let flow = Self.flow(answer), matches(flow) else { return }
                found.append(flow)
            }
            for flow in found { try delete(flow, subject) }
            count += found.count
            if found.count < limits.batch { return count }
        }
        throw KernelError(call: "IPCTNL_MSG_CT_DELETE: they come faster than they go", on: subject, errno: Errno.busy)
    }

    /// By its tuple and its number, so that a later flow of the same ends stays. One that is gone is fine.
    private func delete(_ flow: TrackedFlow, _ subject: String) throws(KernelError) {
        var request = Self.message(
            MessageType.deleteFlow, RequestFlags.plain, family: Self.number(flow.source.family))
        request.append(Attribute.original | 0x8000, bytes: Array(flow.tuple))
        request.append(Attribute.number, bytes: Array(flow.number))
        if let zone = flow.zone { request.append(Attribute.zone, bytes: Array(zone)) }
        do throws(KernelError) { try socket.request(request, "IPCTNL_MSG_CT_DELETE", on: subject) } catch {
            guard error.errno == Errno.noEntry else { throw error }
        }
    }

    private static func number(_ family: IPAddress.Family) -> UInt8 { family == .v4 ? 2 : 10 }

    private static func message(_ type: UInt16, _ flags: UInt16, family: UInt8) -> NetlinkMessage {
        var message = NetlinkMessage(type: type, flags: flags)
        message.append(family)
        message.append(UInt8(0))
        message.append(UInt16(0))
        return message
    }

    /// Nil for what has not all of it. A deletion without a tuple would be one of everything.
    private static func flow(_ answer: NetlinkAnswer) -> TrackedFlow? {
        var (tuple, number, zone): (ArraySlice<UInt8>?, ArraySlice<UInt8>?, ArraySlice<UInt8>?)
        var ends = Ends()
        var target: IPAddress?
        var status: UInt32 = 0
        for (type, value) in NetlinkAttributes(answer.body.dropFirst(fixedBytes)) {
            switch type {
            case Attribute.original: (tuple, ends) = (value, Ends(value))
            case Attribute.reply: target = Ends(value).source
            case Attribute.status: status = UInt32(bigEndian: value.number(at: 0))
            case Attribute.number: number = value
            case Attribute.zone: zone = value
            default: break
            }
        }
        guard let tuple, let number, let source = ends.source, let destination = ends.destination, let target else {
            return nil
        }
        return TrackedFlow(
            source: source, destination: destination, destinationPort: ends.destinationPort,
            transport: ends.transport, target: target, isAssured: status & Status.assured != 0, tuple: tuple,
            zone: zone, number: number)
    }

    /// What a tuple says.
    private struct Ends {
        var source: IPAddress?
        var destination: IPAddress?
        var transport: UInt8 = 0
        var destinationPort: UInt16 = 0

        init() {}

        init(_ tuple: ArraySlice<UInt8>) {
            for (type, value) in NetlinkAttributes(tuple) {
                for (part, value) in NetlinkAttributes(value) {
                    switch (type, part) {
                    case (Attribute.addresses, 1), (Attribute.addresses, 3): source = IPAddress(bytes: value)
                    case (Attribute.addresses, 2), (Attribute.addresses, 4): destination = IPAddress(bytes: value)
                    case (Attribute.transport, 1): transport = value.number(at: 0)
                    case (Attribute.transport, 3): destinationPort = UInt16(bigEndian: value.number(at: 0))
                    default: break
                    }
                }
            }
        }
    }
}
