import LinuxKernel

/// How much of the disk a container's own files may take.
public struct DiskAllowance: Equatable, Sendable {
    public enum Backing: Sendable {
        /// Project quotas of the file system the files are on.
        case quota
        /// A file system of that size in a sparse file. It takes a part for its own tables.
        case image
    }
    /// Nil: as much as there is.
    public var bytesMax: UInt64?
    public var inodesMax: UInt64?
    public var backing: Backing
    /// Where the file system has no project quotas there is no limit, instead of a refusal.
    public var mayGoWithout: Bool

    public init(bytesMax: UInt64?, inodesMax: UInt64?, backing: Backing = .quota, mayGoWithout: Bool = false) {
        self.bytesMax = bytesMax
        self.inodesMax = inodesMax
        self.backing = backing
        self.mayGoWithout = mayGoWithout
    }
}

/// What a container's own files take, and may.
public struct DiskUse: Equatable, Sendable {
    public var bytes: UInt64
    public var inodes: UInt64
    /// Nil: no limit.
    public var bytesMax: UInt64?
    public var inodesMax: UInt64?

    init(_ quota: ProjectQuota) {
        bytes = quota.bytes
        inodes = quota.inodes
        bytesMax = quota.bytesMax == 0 ? nil : quota.bytesMax
        inodesMax = quota.inodesMax == 0 ? nil : quota.inodesMax
    }
}
