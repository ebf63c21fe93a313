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
}
