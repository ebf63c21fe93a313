public import Containers
public import Diagnostics
import HostProbe
public import LaunchPlanning

/// How much of the disk the container's own files may take. The snapshotter holds them to it, as it makes the place
/// they are in; here a request that this host would not hold, or no container could live with, is refused.
public struct DiskIsolator: Isolator {
    public let name = "disk"
    public static let bytesMin: UInt64 = 1 << 20
    public static let loopBytesMin: UInt64 = 4 << 20
    public static let inodesMin: UInt64 = 16
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        let limits = context.request.limits
        try Self.check(limits)
        if limits.limitsDisk, limits.diskBacking != .loop {
            _ = try context.demand(.disk, for: "a disk limit", flag: "disk")
        }
        return PlanContribution(isolator: name)
    }

    /// Refuses limits nothing could be written under.
    public static func check(_ limits: ContainerLimits) throws(Failure) {
        let least = limits.diskBacking == .loop ? loopBytesMin : bytesMin
        if let bytes = limits.disk, bytes < least {
            throw Failure(
                "container.bad-limit", doing: "limit the container to \(bytes) bytes of disk",
                cause: "it is too little", remedy: "give at least \(least >> 20)m", field: "disk",
                limit: "disk \(least) bytes")
        }
        if let inodes = limits.diskInodes, inodes < inodesMin {
            throw Failure(
                "container.bad-limit", doing: "limit the container to \(inodes) files", cause: "it is too few",
                remedy: "give at least \(inodesMin)", field: "disk-inodes", limit: "disk inodes \(inodesMin)")
        }
        if limits.diskBacking == .loop, limits.disk == nil {
            throw Failure(
                "container.bad-limit", doing: "make a file system for the container", cause: "its size is not known",
                remedy: "give --disk too", field: "disk-backing")
        }
    }
}

extension ContainerLimits {
    /// Whether there is a limit of disk to hold.
    public var limitsDisk: Bool { disk != nil || diskInodes != nil }
}
