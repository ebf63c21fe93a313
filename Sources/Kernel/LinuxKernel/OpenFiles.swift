import CLinux
import Glibc

/// Flags of open(2). O_CLOEXEC is always added.
public struct OpenFlags: OptionSet, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    public static let readOnly = OpenFlags(rawValue: O_RDONLY)
    public static let writeOnly = OpenFlags(rawValue: O_WRONLY)
    public static let readWrite = OpenFlags(rawValue: O_RDWR)
    public static let create = OpenFlags(rawValue: O_CREAT)
    public static let exclusive = OpenFlags(rawValue: O_EXCL)
    public static let truncate = OpenFlags(rawValue: O_TRUNC)
    public static let append = OpenFlags(rawValue: O_APPEND)
    public static let directory = OpenFlags(rawValue: O_DIRECTORY)
    public static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
    public static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
    public static let noControllingTerminal = OpenFlags(rawValue: O_NOCTTY)
    /// The place in the tree only, open(2) O_PATH.
    public static let path = OpenFlags(rawValue: Int32(BH_O_PATH))
}

/// How openat2(2) resolves a path relative to a directory.
public struct ResolveRules: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let noCrossDevice = ResolveRules(rawValue: UInt64(BH_RESOLVE_NO_XDEV))
    public static let noMagicLinks = ResolveRules(rawValue: UInt64(BH_RESOLVE_NO_MAGICLINKS))
    public static let noLinks = ResolveRules(rawValue: UInt64(BH_RESOLVE_NO_SYMLINKS))
    /// Leaving the directory is an error (EXDEV).
    public static let beneath = ResolveRules(rawValue: UInt64(BH_RESOLVE_BENEATH))
    /// The directory is taken for "/": absolute links and `..` stay inside.
    public static let inRoot = ResolveRules(rawValue: UInt64(BH_RESOLVE_IN_ROOT))
    /// What every path from an image, a spec or a container is resolved with.
    public static let confined: ResolveRules = [.inRoot, .noMagicLinks]
}

extension OwnedDescriptor {
    /// Opens a path of this host. See open(2).
    public static func open(
        _ path: RawPath, _ flags: OpenFlags = .readOnly, mode: UInt32 = 0
    ) throws(KernelError) -> OwnedDescriptor {
        try open(path, at: AT_FDCWD, flags, mode: mode)
    }

    /// Opens a path relative to this directory by the ordinary rules: links are followed. See openat(2).
    public func open(
        _ path: RawPath, _ flags: OpenFlags = .readOnly, mode: UInt32 = 0
    ) throws(KernelError) -> OwnedDescriptor {
        try Self.open(path, at: number, flags, mode: mode)
    }

    private static func open(
        _ path: RawPath, at directory: Int32, _ flags: OpenFlags, mode: UInt32
    ) throws(KernelError) -> OwnedDescriptor {
        let number = try path.withCString { pointer throws(KernelError) in
            try checked("open", on: path.description) {
                bh_openat(directory, pointer, flags.rawValue | O_CLOEXEC, mode)
            }
        }
        return OwnedDescriptor(owning: number)
    }

    /// Opens a path below this directory under `rules`. See openat2(2).
    public func open(
        _ path: RawPath, _ flags: OpenFlags = .readOnly, mode: UInt32 = 0, rules: ResolveRules
    ) throws(KernelError) -> OwnedDescriptor {
        let raw = UInt64(UInt32(bitPattern: flags.rawValue | O_CLOEXEC))
        while true {
            do throws(KernelError) {
                let opened = try path.withCString { pointer throws(KernelError) in
                    try checked("openat2", on: path.description) {
                        bh_openat2(number, pointer, raw, UInt64(mode), rules.rawValue)
                    }
                }
                return OwnedDescriptor(owning: opened)
            } catch {
                // A rename elsewhere made the walk ambiguous; openat2(2) asks to try again.
                if error.errno != EAGAIN { throw error }
            }
        }
    }

    /// An anonymous file in memory; `executable` where the kernel distinguishes (Linux 6.3). See memfd_create(2).
    public static func memoryFile(_ name: String, executable: Bool = false) throws(KernelError) -> OwnedDescriptor {
        OwnedDescriptor(
            owning: try checked("memfd_create", on: name) { bh_memfd_create(name, executable ? 1 : 0) })
    }

    /// Makes a memory file unchangeable for ever, for everybody. See fcntl(2) F_ADD_SEALS.
    public func seal() throws(KernelError) {
        try checked("fcntl(F_ADD_SEALS)") { bh_seal(number) }
    }

    /// The read and the write end of a pipe(2), both close-on-exec.
    public static func pipe() throws(KernelError) -> (read: OwnedDescriptor, write: OwnedDescriptor) {
        var ends: [Int32] = [-1, -1]
        try checked("pipe2") { bh_pipe(&ends) }
        return (OwnedDescriptor(owning: ends[0]), OwnedDescriptor(owning: ends[1]))
    }

    /// Two connected sockets that keep message boundaries. See unix(7) SOCK_SEQPACKET.
    public static func packetPair() throws(KernelError) -> (OwnedDescriptor, OwnedDescriptor) {
        var ends: [Int32] = [-1, -1]
        try checked("socketpair") { bh_socketpair_seqpacket(&ends) }
        return (OwnedDescriptor(owning: ends[0]), OwnedDescriptor(owning: ends[1]))
    }
}
