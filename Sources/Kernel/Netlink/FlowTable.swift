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
    fileprivate var tuple: [UInt8]
    fileprivate var zone: [UInt8]?
    fileprivate var number: [UInt8]
}

/// The flows of one network namespace, and how to have the kernel forget them: then the next packet's way is decided
/// anew. NETLINK_NETFILTER, linux/netfilter/nfnetlink_conntrack.h.
public struct FlowTable: Sendable {
    /// What one walk gathers before it deletes, and how many walks there may be: more than tables usually hold.
    static let batchMax = 32_768
    private static let walksMax = 64
    private static let walkBytesMax = 1 << 30
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
        static let filter: UInt16 = 25
        /// Within a tuple.
        static let addresses: UInt16 = 1
        static let transport: UInt16 = 2
    }
    /// CTA_FILTER_F_*: which parts of a tuple a filter looks at. Part of the interface since Linux 5.8.
    private enum Look {
        static let source: UInt32 = 1
        static let transport: UInt32 = 1 << 3
    }
    private static let assured: UInt32 = 1 << 2

    private let socket: NetlinkSocket

    /// Of the calling thread's namespace. Nil: the kernel tracks no flows here, or none now, so there is nothing to
    /// forget.
    ///
    /// - Throws: EOPNOTSUPP: it tracks flows and has no nf_conntrack_netlink to forget them by.
    public static func opened() throws(KernelError) -> FlowTable? {
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
        return FlowTable(socket: socket)
    }

    /// Every flow whose packets reach `address`, in either direction, after translation; so also those it began.
    /// Gives how many there were.
    @discardableResult
    public func forget(reaching address: IPAddress) throws(KernelError) -> Int {
        var count = 0
        for isReply in [false, true] {
            // Who began the flow gets its answers; who answers is the reply's source.
            let side = isReply ? Attribute.reply : Attribute.original
            count += try forget(of: address.family, "flows of \(address)") { request in
                request.nest(side) { tuple in
                    tuple.nest(Attribute.addresses) { $0.append(address.family == .v4 ? 1 : 3, bytes: address.bytes) }
                }
                request.nest(Attribute.filter) { $0.append(isReply ? 2 : 1, number: Look.source) }
            } where: { $0.source == address || $0.target == address }
        }
        return count
    }

    /// Flows of one transport, as in protocols(5), that `matches` says.
    @discardableResult
    public func forget(
        transport: UInt8, of family: IPAddress.Family, where matches: (TrackedFlow) -> Bool
    ) throws(KernelError) -> Int {
        try forget(of: family, "flows of protocol \(transport)") { request in
            request.nest(Attribute.original) { tuple in
                tuple.nest(Attribute.transport) { $0.append(1, number: transport) }
            }
            request.nest(Attribute.filter) { $0.append(1, number: Look.transport) }
        } where: { $0.transport == transport && matches($0) }
    }

    /// Walks and deletes until nothing is left. The filter spares the copying only: `matches` decides.
    private func forget(
        of family: IPAddress.Family, _ subject: String, filter: (inout NetlinkMessage) -> Void,
        where matches: (TrackedFlow) -> Bool
    ) throws(KernelError) -> Int {
        var count = 0
        for _ in 0..<Self.walksMax {
            var found: [TrackedFlow] = []
            var request = Self.message(MessageType.getFlow, RequestFlags.dump, family: Self.number(family))
            filter(&request)
            try socket.request(request, "IPCTNL_MSG_CT_GET", on: subject, bytesMax: Self.walkBytesMax) { answer in
                guard found.count < Self.batchMax, let flow = Self.flow(answer), matches(flow) else { return }
                found.append(flow)
            }
            for flow in found { try delete(flow, subject) }
            count += found.count
            if found.count < Self.batchMax { return count }
        }
        throw KernelError(call: "IPCTNL_MSG_CT_DELETE: they come faster than they go", on: subject, errno: Errno.busy)
    }

    /// By its tuple and its number, so that a later flow of the same ends stays. One that is gone is fine.
    private func delete(_ flow: TrackedFlow, _ subject: String) throws(KernelError) {
        var request = Self.message(
            MessageType.deleteFlow, RequestFlags.plain, family: Self.number(flow.source.family))
        request.append(Attribute.original | 0x8000, bytes: flow.tuple)
        request.append(Attribute.number, bytes: flow.number)
        if let zone = flow.zone { request.append(Attribute.zone, bytes: zone) }
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
        let attributes = answer.attributes(skipping: fixedBytes)
        guard let original = attributes[Attribute.original], let reply = attributes[Attribute.reply],
            !original.isEmpty, let number = attributes[Attribute.number]
        else { return nil }
        let tuple = NetlinkAnswer.attributes(original)
        let ends = addresses(tuple)
        guard let source = ends.source, let destination = ends.destination,
            let target = addresses(NetlinkAnswer.attributes(reply)).source
        else { return nil }
        let transport = tuple[Attribute.transport].map { NetlinkAnswer.attributes($0) } ?? [:]
        let status = attributes[Attribute.status]?.number(UInt32.self, at: 0) ?? 0
        return TrackedFlow(
            source: source, destination: destination,
            destinationPort: UInt16(bigEndian: transport[3]?.number(at: 0) ?? 0),
            transport: transport[1]?.number(at: 0) ?? 0, target: target,
            isAssured: UInt32(bigEndian: status) & assured != 0, tuple: Array(original),
            zone: attributes[Attribute.zone].map { Array($0) }, number: Array(number))
    }

    private static func addresses(
        _ tuple: [UInt16: ArraySlice<UInt8>]
    ) -> (source: IPAddress?, destination: IPAddress?) {
        let parts = tuple[Attribute.addresses].map { NetlinkAnswer.attributes($0) } ?? [:]
        func address(_ version4: UInt16, _ version6: UInt16) -> IPAddress? {
            (parts[version4] ?? parts[version6]).flatMap { IPAddress(bytes: $0) }
        }
        return (address(1, 3), address(2, 4))
    }
}
