public import LaunchPlanning

/// A block of host ids that belongs to one container while it exists.
public struct IdentityRange: Hashable, Sendable, Codable {
    public var base: UInt32
    public var count: UInt32
    public init(base: UInt32, count: UInt32) {
        self.base = base
        self.count = count
    }

    /// The container's ids, from its root on, as the host's.
    public var mapping: IDMapping { IDMapping(inside: 0, outside: base, count: count) }

    /// The host's id for one of the container's; nil when it has none of that number.
    public func outside(_ inside: UInt32) -> UInt32? { mapping.hostID(of: inside) }
}
