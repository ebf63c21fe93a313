public import LinuxKernel
import NetworkFormat

/// An address of a link as the kernel lists it, so that it can be given to the link again elsewhere.
public struct LinkAddress: Equatable, Sendable {
    /// AF_INET or AF_INET6.
    var family: UInt8
    var length: UInt8
    /// IFA_ADDRESS, IFA_LOCAL and IFA_BROADCAST, those there are.
    var attributes: [(type: UInt16, bytes: [UInt8])]

    public static func == (left: LinkAddress, right: LinkAddress) -> Bool {
        left.family == right.family && left.length == right.length
            && left.attributes.elementsEqual(right.attributes) { $0 == $1 }
    }
}

/// Links that go to another network namespace, and what goes with them.
extension NetlinkSocket {
    /// IFA_F_PERMANENT, and IFA_F_NODAD for one that was nobody else's before.
    private static let permanent: UInt8 = 0x80
    private static let unsearched: UInt8 = 0x02
    private static let globalScope: UInt8 = 0
    private static let kept: [UInt16] = [1, 2, 4]
    private static let nameAttribute: UInt16 = 3
    private static let namespaceAttribute: UInt16 = 28
    private static let internetFamily6: UInt8 = 10

    /// Addresses that a link does not have for a while only, nor only on its wire.
    public func lastingAddresses(of link: Int32) throws(KernelError) -> [LinkAddress] {
        var request = NetlinkMessage(type: MessageType.getAddress, flags: RequestFlags.dump)
        // struct ifaddrmsg, all zero.
        for _ in 0..<2 { request.append(UInt32(0)) }
        return try self.request(request, "RTM_GETADDR", on: "link \(link)").compactMap { (answer) -> LinkAddress? in
            guard answer.type == MessageType.newAddress, answer.body.count >= 8,
                answer.body.number(Int32.self, at: 4) == link,
                answer.body.number(UInt8.self, at: 2) & Self.permanent != 0,
                answer.body.number(UInt8.self, at: 3) == Self.globalScope
            else { return nil }
            let attributes = answer.attributes(skipping: 8)
            return LinkAddress(
                family: answer.body.number(at: 0), length: answer.body.number(at: 1),
                attributes: Self.kept.compactMap { type in attributes[type].map { (type, Array($0)) } })
        }
    }

    /// One that is there already is fine.
    public func add(_ address: LinkAddress, to link: Int32) throws(KernelError) {
        var request = NetlinkMessage(type: MessageType.newAddress, flags: RequestFlags.replace)
        request.append(address.family)
        request.append(address.length)
        request.append(address.family == Self.internetFamily6 ? Self.unsearched : 0)
        request.append(Self.globalScope)
        request.append(link)
        for (type, bytes) in address.attributes { request.append(type, bytes: bytes) }
        try self.request(request, "RTM_NEWADDR", on: "link \(link)")
    }

    /// The kernel takes a link down and its addresses away when it goes. EEXIST when `name` is taken there.
    public func move(_ link: Int32, to namespace: NetworkNamespace, as name: String) throws(KernelError) {
        var request = NetlinkMessage(type: MessageType.setLink, flags: RequestFlags.plain)
        // struct ifinfomsg: family, type, index, flags, which of them change.
        request.append(UInt32(0))
        request.append(link)
        request.append(UInt32(0))
        request.append(UInt32(0))
        request.append(Self.nameAttribute, name)
        request.append(Self.namespaceAttribute, number: namespace.number)
        try self.request(request, "RTM_SETLINK", on: name)
        withExtendedLifetime(namespace) {}
    }
}
