import Diagnostics

/// A harmless device made for a process of a container, as that process could have made an ordinary file.
public struct DevicePlacement: Equatable, Sendable {
    /// The process's root and the directory its path begins at.
    public var root: DescriptorName
    public var directory: DescriptorName
    /// Bytes of the process's own choice, without a NUL. They need not be UTF-8.
    public var path: [UInt8]
    /// A detached mount of the device.
    public var tree: DescriptorName
    /// Of the process, as the container numbers them.
    public var uid: UInt32
    public var gid: UInt32
    public var groups: [UInt32]
    /// What it holds in force; only those about files are used.
    public var capabilities: UInt64

    public init(
        root: DescriptorName, directory: DescriptorName, path: [UInt8], tree: DescriptorName, uid: UInt32, gid: UInt32,
        groups: [UInt32], capabilities: UInt64
    ) {
        self.root = root
        self.directory = directory
        self.path = path
        self.tree = tree
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.capabilities = capabilities
    }
}

extension PlanWriter {
    mutating func write(_ placement: DevicePlacement) throws(Failure) {
        try descriptor(placement.root)
        try descriptor(placement.directory)
        try text(placement.path)
        try descriptor(placement.tree)
        number(placement.uid)
        number(placement.gid)
        number(UInt32(placement.groups.count))
        for group in placement.groups { number(group) }
        wide(placement.capabilities)
    }
}
