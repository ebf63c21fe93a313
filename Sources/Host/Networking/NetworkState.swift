public import Containers
public import NetworkFormat

/// A bridge of this host and its addresses, as `networks/NAME.json` keeps it.
public struct BridgeNetwork: Codable, Equatable, Sendable {
    public var name: String
    public var device: String
    public var subnet4: IPPrefix
    /// Nil on a host without version 6.
    public var subnet6: IPPrefix?

    /// The bridge's own addresses, the first of each block.
    public var gateways: [IPAddress] {
        [subnet4.address(at: 1), subnet6?.address(at: 1)].compactMap { $0 }
    }

    var hardware: HardwareAddress {
        guard case .v4(let number) = subnet4.address else { return HardwareAddress(of: 0) }
        return HardwareAddress(of: number)
    }

    /// Which addresses a container may have: not the block's first, the bridge's, or the last.
    static let firstOffset: UInt32 = 2
    var lastOffset: UInt32 { UInt32(1) << UInt32(32 - subnet4.length) - 2 }

    /// Addresses by their place in the blocks, one of each version.
    func addresses(at offset: UInt32) -> [IPAddress] {
        [subnet4.address(at: offset), subnet6?.address(at: offset)].compactMap { $0 }
    }

    /// The place of `address`; nil when it is none a container may have.
    func offset(of address: IPAddress) -> UInt32? {
        let offset: UInt64
        switch (address, subnet4.address, subnet6?.address) {
        case (.v4(let number), .v4(let first), _): offset = UInt64(number &- first)
        case (.v6(let high, let low), _, .v6(let top, _)?): offset = high == top ? low : .max
        default: return nil
        }
        guard offset >= UInt64(Self.firstOffset), offset <= UInt64(lastOffset) else { return nil }
        return UInt32(offset)
    }
}

/// The names of networks and the blocks of addresses they are given, in order.
enum NetworkPool {
    /// 10.208.0.0/12 in blocks of 4,096.
    static let base: UInt32 = 0x0ad0_0000
    static let blockLength = 20
    static let blockCount: UInt32 = 256
    static let usualDevice = "bulkhead0"
    static let devicePrefix = "bh-"
    /// The name of an interface has 15 bytes.
    static let nameBytesMax = 12

    static func block(_ index: UInt32) -> IPPrefix? {
        IPPrefix(.v4(base + index << UInt32(32 - blockLength)), length: blockLength)
    }

    /// A block of addresses of version 6 that are this host's own, RFC 4193: `global` is drawn once, at random.
    static func block6(_ index: UInt32, global: UInt64) -> IPPrefix? {
        let high = UInt64(0xfd) << 56 | (global & 0xff_ffff_ffff) << 16 | UInt64(index)
        return IPPrefix(.v6(high, 0), length: 64)
    }

    static func isName(_ text: String) -> Bool {
        (1...nameBytesMax).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x2d }
            && !text.begins(with: "-")
    }

    static func device(_ name: String) -> String {
        name == BridgeRequest.usualNetwork ? usualDevice : devicePrefix + name
    }

    /// The first block that nobody uses: no network of ours, and no route of the host's.
    static func free(networks: [BridgeNetwork], routes: [IPPrefix]) -> UInt32? {
        (0..<blockCount).first { index in
            guard let block = block(index) else { return false }
            return !networks.contains { $0.subnet4 == block }
                && !routes.contains { $0.length > 0 && $0.overlaps(block) }
        }
    }
}

/// What a container has on a network, as `containers/ID.json` keeps it: written before the first effect, removed after
/// the last is undone.
public struct NetworkAttachment: Codable, Equatable, Sendable {
    public var container: ContainerID
    /// The directory that has the container's record, as long as the container exists.
    public var holder: String
    public var network: String
    public var device: String
    /// Our end of its link.
    public var link: String
    public var addresses: [IPAddress]
    public var ports: [PortPublication]
    public var reach: NetworkReach
    /// Addresses of the containers that may connect to it by name.
    var callers: [IPAddress]
    public var bandwidth: NetworkBandwidth
    /// For networks of plugins: what undoing them needs.
    var plugins: PluginAttachment?

    /// Names the link after the container: found again whatever else is lost. 48 bits of FNV-1a.
    static func link(of id: ContainerID) -> String {
        let hash = id.text.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String((hash ^ hash >> 48) & 0xffff_ffff_ffff, radix: 16)
        return FilterRules.linkPrefix + String(repeating: "0", count: 12 - digits.count) + digits
    }
}

/// What DEL of the Container Network Interface needs, whatever becomes of the configuration meanwhile.
struct PluginAttachment: Codable, Equatable, Sendable {
    /// The list as it was when the container was added, its result, and where the plugins are.
    var list: String
    var result: String?
    var programs: [String]
    /// A path, see `NamespacePin`.
    var namespace: String
    /// Capability arguments, JSON.
    var argumentText: String
    /// What came of the last attempt to undo it.
    var problem: String?
}
