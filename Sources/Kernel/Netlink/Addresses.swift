public import LinuxKernel
public import NetworkFormat

/// A route of the main table.
public struct NetworkRoute: Equatable, Sendable {
    /// Length 0 is the default route.
    public var destination: IPPrefix
    public var link: Int32
}

/// Addresses, routes and neighbours, ip-address(8), ip-route(8), ip-neighbour(8).
extension NetlinkSocket {
    private static let permanent: UInt16 = 0x80
    /// NUD_NOARP: an entry of a bridge's table that never ages.
    private static let still: UInt16 = 0x40
    private static let ofController: UInt8 = 0x04
    private static let bridgeFamily: UInt8 = 7
    private static let mainTable: UInt8 = 254
    private static let bootProtocol: UInt8 = 3
    private static let unicast: UInt8 = 1

    private static func number(_ family: IPAddress.Family) -> UInt8 { family == .v4 ? 2 : 10 }

    /// Usable at once: no search for a duplicate of an address that was leased. `length` is the subnet's.
    public func addAddress(_ address: IPAddress, length: Int, to link: Int32) throws(KernelError) {
        var request = NetlinkMessage(type: MessageType.newAddress, flags: RequestFlags.replace)
        request.append(Self.number(address.family))
        request.append(UInt8(length))
        request.append(UInt8(address.family == .v6 ? 0x02 : 0))  // IFA_F_NODAD
        request.append(UInt8(0))
        request.append(link)
        for attribute: UInt16 in [1, 2] { request.append(attribute, bytes: address.bytes) }
        try self.request(request, "RTM_NEWADDR", on: "\(address)/\(length)")
    }

    /// Nil as `gateway`: the destination is reached directly.
    public func addRoute(
        to destination: IPPrefix, through gateway: IPAddress? = nil, link: Int32
    ) throws(KernelError) {
        var request = NetlinkMessage(type: MessageType.newRoute, flags: RequestFlags.replace)
        request.append(Self.number(destination.address.family))
        request.append(UInt8(destination.length))
        request.append(UInt16(0))
        request.append(Self.mainTable)
        request.append(Self.bootProtocol)
        request.append(UInt8(gateway == nil && destination.address.family == .v4 ? 253 : 0))  // RT_SCOPE_LINK
        request.append(Self.unicast)
        request.append(UInt32(0))
        if destination.length > 0 { request.append(1, bytes: destination.address.bytes) }
        request.append(4, number: link)
        if let gateway { request.append(5, bytes: gateway.bytes) }
        try self.request(request, "RTM_NEWROUTE", on: "\(destination)")
    }

    /// Addresses of all links, both versions.
    public func addresses() throws(KernelError) -> Set<IPAddress> {
        var result: Set<IPAddress> = []
        var request = NetlinkMessage(type: MessageType.getAddress, flags: RequestFlags.dump)
        // struct ifaddrmsg, all zero.
        for _ in 0..<2 { request.append(UInt32(0)) }
        for answer in try self.request(request, "RTM_GETADDR") where answer.type == MessageType.newAddress {
            let attributes = answer.attributes(skipping: 8)
            // IFA_LOCAL where there is one: of a link with two ends IFA_ADDRESS is the other's.
            if let address = (attributes[2] ?? attributes[1]).flatMap({ IPAddress(bytes: $0) }) {
                result.insert(address)
            }
        }
        return result
    }

    /// A neighbour that no packet can change, on a link of ours.
    public func addNeighbour(
        _ address: IPAddress, at hardware: HardwareAddress, link: Int32
    ) throws(KernelError) {
        var request = neighbour(Self.number(address.family), link, Self.permanent, flags: 0)
        request.append(1, bytes: address.bytes)
        request.append(2, bytes: hardware.bytes)
        try self.request(request, "RTM_NEWNEIGH", on: "\(address)")
    }

    /// One that is not there is fine, and so is a link that is gone.
    public func removeNeighbour(_ address: IPAddress, link: Int32) throws(KernelError) {
        var request = NetlinkMessage(type: MessageType.deleteNeighbour, flags: RequestFlags.plain)
        appendNeighbour(Self.number(address.family), link, 0, flags: 0, to: &request)
        request.append(1, bytes: address.bytes)
        do throws(KernelError) { try self.request(request, "RTM_DELNEIGH", on: "\(address)") } catch {
            guard [Errno.noEntry, Errno.noDevice].contains(error.errno) else { throw error }
        }
    }

    /// Neighbours no packet can change, of every link and both versions.
    public func permanentNeighbours() throws(KernelError) -> [(address: IPAddress, link: Int32)] {
        var result: [(address: IPAddress, link: Int32)] = []
        for family in IPAddress.Family.allCases {
            var request = NetlinkMessage(type: MessageType.getNeighbour, flags: RequestFlags.dump)
            appendNeighbour(Self.number(family), 0, 0, flags: 0, to: &request)
            for answer in try self.request(request, "RTM_GETNEIGH") where answer.body.count >= 12 {
                guard answer.body.number(UInt16.self, at: 8) & Self.permanent != 0,
                    let address = answer.attributes(skipping: 12)[1].flatMap({ IPAddress(bytes: $0) })
                else { continue }
                result.append((address, answer.body.number(at: 4)))
            }
        }
        return result
    }

    /// What a bridge's port may send from, and gets the frames for.
    public func addForwarding(_ hardware: HardwareAddress, port: Int32) throws(KernelError) {
        var request = neighbour(Self.bridgeFamily, port, Self.still, flags: Self.ofController)
        request.append(2, bytes: hardware.bytes)
        try self.request(request, "RTM_NEWNEIGH bridge", on: "\(hardware)")
    }

    private func neighbour(_ family: UInt8, _ link: Int32, _ state: UInt16, flags: UInt8) -> NetlinkMessage {
        var request = NetlinkMessage(type: MessageType.newNeighbour, flags: RequestFlags.replace)
        appendNeighbour(family, link, state, flags: flags, to: &request)
        return request
    }

    /// struct ndmsg
    private func appendNeighbour(
        _ family: UInt8, _ link: Int32, _ state: UInt16, flags: UInt8, to request: inout NetlinkMessage
    ) {
        request.append(UInt32(family))
        request.append(link)
        request.append(state)
        request.append(flags)
        request.append(UInt8(0))
    }

    /// Routes of the main table, both versions.
    public func routes() throws(KernelError) -> [NetworkRoute] {
        var result: [NetworkRoute] = []
        for family in IPAddress.Family.allCases {
            var request = NetlinkMessage(type: MessageType.getRoute, flags: RequestFlags.dump)
            request.append(Self.number(family))
            for _ in 0..<11 { request.append(UInt8(0)) }
            for answer in try self.request(request, "RTM_GETROUTE") where answer.body.count >= 12 {
                guard answer.body.number(UInt8.self, at: 4) == Self.mainTable else { continue }
                let attributes = answer.attributes(skipping: 12)
                let zero: IPAddress = family == .v4 ? .v4(0) : .v6(0, 0)
                let address = attributes[1].flatMap { IPAddress(bytes: $0) } ?? zero
                if let prefix = IPPrefix(address, length: Int(answer.body.number(UInt8.self, at: 1))) {
                    result.append(NetworkRoute(destination: prefix, link: attributes[4]?.number(at: 0) ?? 0))
                }
            }
        }
        return result
    }
}

/// Queueing disciplines, tc(8).
extension NetlinkSocket {
    /// What leaves through the link is held to `bytesPerSecond` by a token bucket, tc-tbf(8); `burst` is its size.
    public func shape(link: Int32, bytesPerSecond: UInt64, burst: UInt32) throws(KernelError) {
        var request = NetlinkMessage(type: MessageType.newQueue, flags: RequestFlags.replace)
        request.append(UInt32(0))
        request.append(link)
        request.append(UInt32(0x0001_0000))
        request.append(UInt32.max)  // TC_H_ROOT
        request.append(UInt32(0))
        request.append(1, "tbf")
        request.nest(2) { options in
            var parameters = NetlinkMessage(type: 0, flags: 0)
            Self.appendRate(UInt32(clamping: bytesPerSecond), to: &parameters)
            Self.appendRate(0, to: &parameters)
            // Packets wait half a second's worth at the most, then are dropped.
            parameters.append(UInt32(clamping: max(UInt64(burst), bytesPerSecond / 2)))
            parameters.append(UInt32(0))
            parameters.append(UInt32(0))
            options.append(1, bytes: Array(parameters.bytes.dropFirst(NetlinkMessage.headerBytes)))
            if bytesPerSecond > UInt64(UInt32.max) { options.append(4, number: bytesPerSecond) }
            options.append(6, number: burst)
        }
        try self.request(request, "RTM_NEWQDISC tbf", on: "link \(link)")
    }

    /// struct tc_ratespec: on Ethernet, so that the kernel needs no table of times from us.
    private static func appendRate(_ rate: UInt32, to message: inout NetlinkMessage) {
        message.append(UInt8(0))
        message.append(UInt8(1))
        message.append(UInt16(0))
        message.append(UInt16(0))
        message.append(UInt16(0))
        message.append(rate)
    }
}
