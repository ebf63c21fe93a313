/// A device of the host as it is asked for, before anybody has looked what it is.
public struct DeviceOrder: Equatable, Sendable, Codable {
    /// `vendor.com/class=name`, as specifications of the Container Device Interface name it, or a node's path on the
    /// host.
    public var name: String
    /// The resource it is given out as: while the container is there, nobody else has it. Nil: others may have it too.
    public var resource: String?
    /// Of a node: its path in the container, and what may be done with it, of `r` and `w`.
    public var path: String?
    public var access: String?

    public init(_ name: String, resource: String? = nil, path: String? = nil, access: String? = nil) {
        self.name = name
        self.resource = resource
        self.path = path
        self.access = access
    }

    /// Whether it is a path and no name.
    public var isNode: Bool { name.begins(with: "/") }
}

/// What devices bring into a container.
public struct DeviceGrant: Equatable, Sendable {
    public var devices: [DeviceRequest] = []
    public var volumes: [VolumeRequest] = []
    /// `NAME=value`.
    public var environment: [String] = []
    public var groups: [UInt32] = []
    public init() {}
}
