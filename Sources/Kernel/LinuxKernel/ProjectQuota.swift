import CLinux
import Glibc

/// What a project uses of a file system and may use at most. A limit of 0 is none.
public struct ProjectQuota: Equatable, Sendable {
    public var bytes: UInt64
    public var inodes: UInt64
    public var bytesMax: UInt64
    public var inodesMax: UInt64

    public init(bytes: UInt64 = 0, inodes: UInt64 = 0, bytesMax: UInt64 = 0, inodesMax: UInt64 = 0) {
        self.bytes = bytes
        self.inodes = inodes
        self.bytesMax = bytesMax
        self.inodesMax = inodesMax
    }

    /// Nothing is known of such a project: its number is free.
    public var isUnused: Bool { self == ProjectQuota() }
}

/// How far a file system goes with project quotas. See quotactl(2) Q_XGETQSTATV.
public enum ProjectQuotaState: Sendable {
    case none
    /// Use is counted, limits are not held.
    case counted
    case enforced
}

extension OwnedDescriptor {
    /// Whether the file system this file is on holds projects to their limits.
    public func projectQuotaState() -> ProjectQuotaState {
        // Whatever is answered instead of a state (ENOSYS, ENOTBLK, ESRCH, ENOTTY…), there are no project quotas.
        let state = bh_quota_state(number)
        return state < 0 || state & 1 == 0 ? .none : state & 2 == 0 ? .counted : .enforced
    }

    /// The project a file or directory belongs to; 0 is nobody's. See ioctl_fs FS_IOC_FSGETXATTR.
    public func project() throws(KernelError) -> UInt32 {
        var project: UInt32 = 0
        var inherited: Int32 = 0
        try checked("ioctl(FS_IOC_FSGETXATTR)") { bh_project_read(number, &project, &inherited) }
        return project
    }

    /// Puts a file, or a directory and with `inherited` everything made below it from now on, into a project. Only the
    /// host's user namespace may. See FS_IOC_FSSETXATTR.
    public func setProject(_ project: UInt32, inherited: Bool) throws(KernelError) {
        try checked("ioctl(FS_IOC_FSSETXATTR)") { bh_project_write(number, project, inherited ? 1 : 0) }
    }

    /// Use and limits of a project on this file system. See quotactl(2) Q_GETQUOTA.
    public func quota(ofProject project: UInt32) throws(KernelError) -> ProjectQuota {
        var answer = bh_quota()
        try checked("quotactl(Q_GETQUOTA)", on: "project \(project)") { bh_quota_read(number, project, &answer) }
        return ProjectQuota(
            bytes: answer.bytes, inodes: answer.inodes, bytesMax: answer.bytes_max, inodesMax: answer.inodes_max)
    }

    /// Sets both limits of a project, 0 for none; the kernel counts bytes in units of 1,024. See Q_SETQUOTA.
    public func setQuota(ofProject project: UInt32, bytesMax: UInt64, inodesMax: UInt64) throws(KernelError) {
        try checked("quotactl(Q_SETQUOTA)", on: "project \(project)") {
            bh_quota_write(number, project, bytesMax, inodesMax)
        }
    }
}
