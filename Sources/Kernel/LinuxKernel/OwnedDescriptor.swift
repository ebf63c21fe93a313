import CLinux
import Glibc

/// An open file descriptor that is closed when its last owner lets go of it.
///
/// A class, not a noncopyable struct, because descriptors are kept in dictionaries and arrays of a launch
/// (Docs/Decisions/0002). Work with the number only through methods of this class: they keep the object alive.
public final class OwnedDescriptor: Sendable {
    public let number: Int32

    /// Takes ownership of `number`, which must be open and close-on-exec.
    public init(owning number: Int32) {
        precondition(number >= 0, "a descriptor number is not negative")
        self.number = number
    }

    deinit {
        // EBADF would mean that somebody else closed our descriptor: a bug that must not pass silently.
        if close(number) != 0 && errno == EBADF { fatalError("descriptor \(number) was closed behind its owner") }
    }

    /// A second descriptor for the same open file, close-on-exec.
    public func duplicate() throws(KernelError) -> OwnedDescriptor {
        OwnedDescriptor(owning: try checked("fcntl(F_DUPFD_CLOEXEC)") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
    }

    /// The same open file for a long time: by a high number, where its own is not among the lowest. A child is given
    /// what it needs by copying all numbers up to that (spawn.c), so many descriptors that stay must not push those
    /// that come and go upwards.
    public func parked() -> OwnedDescriptor {
        guard number >= 64 else { return self }
        let high = fcntl(number, F_DUPFD_CLOEXEC, 1_024)
        // RLIMIT_NOFILE may not reach that far; then it stays where it is.
        return high < 0 ? self : OwnedDescriptor(owning: high)
    }

    /// A close-on-exec copy of a standard stream of this process (0, 1 or 2).
    public static func standardStream(_ stream: Int32) throws(KernelError) -> OwnedDescriptor {
        OwnedDescriptor(owning: try checked("fcntl(F_DUPFD_CLOEXEC)") { fcntl(stream, F_DUPFD_CLOEXEC, 3) })
    }

    /// A close-on-exec copy of a descriptor that whoever started this process left open for it. EBADF for one that is
    /// closed and for one of our own, which all close at exec: nobody meant to give that away.
    public static func inherited(_ descriptor: Int32) throws(KernelError) -> OwnedDescriptor {
        let flags = try checked("fcntl(F_GETFD)", on: "descriptor \(descriptor)") { fcntl(descriptor, F_GETFD) }
        guard flags & FD_CLOEXEC == 0 else {
            throw KernelError(call: "find what was left open", on: "descriptor \(descriptor)", errno: EBADF)
        }
        return try standardStream(descriptor)
    }

    /// A path by which this process reaches the open file again, proc(5).
    public var procPath: String { "/proc/self/fd/\(number)" }
}
