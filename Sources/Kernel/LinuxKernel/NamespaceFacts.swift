import CLinux
import Glibc

/// Questions to namespaces, ioctl_ns(2).
public enum NamespaceFacts {
    /// Host user who made the user namespace a process is in: who is charged for what is used in it.
    public static func owner(ofUserNamespaceOf process: Int32) throws(KernelError) -> UInt32 {
        let file = try OwnedDescriptor.open(RawPath("/proc/\(process)/ns/user"))
        var owner: UInt32 = 0
        try withUnsafeMutablePointer(to: &owner) { pointer throws(KernelError) in
            // NS_GET_OWNER_UID
            _ = try checked("ioctl(NS_GET_OWNER_UID)") { bh_ioctl_pointer(file.number, 0xb704, pointer) }
        }
        return owner
    }

    /// Inode of the user namespace that a process's namespace `kind`, as below /proc/PID/ns, belongs to.
    public static func userNamespace(owning kind: String, of process: Int32) throws(KernelError) -> UInt64 {
        let file = try OwnedDescriptor.open(RawPath("/proc/\(process)/ns/\(kind)"))
        // NS_GET_USERNS
        let owner = try checked("ioctl(NS_GET_USERNS)", on: kind) { bh_ioctl_int(file.number, 0xb701, 0) }
        return try OwnedDescriptor(owning: owner).status().inode
    }
}

/// Namespaces that are there because their files are held open, namespaces(7): no process is in them.
public struct HeldNamespaces: Sendable {
    /// CLONE_NEWUSER
    private static let userFlag: UInt64 = 0x1000_0000
    /// Each with its CLONE_NEW* flag.
    public let files: [(file: OwnedDescriptor, type: UInt64)]

    /// Makes a user namespace and, belonging to it, the namespaces `types` (of CLONE_NEWNET, CLONE_NEWIPC and
    /// CLONE_NEWUTS). The host user `owner` makes them and is charged for what is in them. `map` is the text of the
    /// user, group and project id maps. See user_namespaces(7).
    public static func make(
        _ types: [UInt64], owner: UInt32, map: String
    ) throws(KernelError) -> HeldNamespaces {
        var made = ([userFlag] + types).map { bh_join(descriptor: -1, type: Int32(truncatingIfNeeded: $0)) }
        var failedCall: UnsafePointer<CChar>?
        let result = made.withUnsafeMutableBufferPointer { buffer in
            map.withCString { bh_make_namespaces(owner, $0, buffer.baseAddress, UInt32(buffer.count), &failedCall) }
        }
        let number = errno
        guard result == 0 else {
            throw KernelError(
                call: failedCall.map { String(cString: $0) } ?? "clone3", on: "new namespaces", errno: number)
        }
        return HeldNamespaces(
            files: made.map { (OwnedDescriptor(owning: $0.descriptor).parked(), UInt64(UInt32(bitPattern: $0.type))) })
    }

    private init(files: [(file: OwnedDescriptor, type: UInt64)]) { self.files = files }

    /// Flags of all of them.
    public var types: UInt64 { files.reduce(0) { $0 | $1.type } }

    public var userNamespace: OwnedDescriptor? { files.first { $0.type == Self.userFlag }?.file }
}
