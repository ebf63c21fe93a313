import CLinux
import Glibc

/// What this process does to itself, for good, before it reads untrusted input.
public enum OwnProcess {
    /// Takes the calling thread, which must be the only one, into new namespaces. See unshare(2).
    public static func leaveNamespaces(_ namespaces: UnsharedNamespaces) throws(KernelError) {
        try checked("unshare") { bh_unshare(namespaces.rawValue) }
    }

    /// Makes the root of a mount this process's root and working directory, and takes everything that was mounted
    /// before out of its reach. `root` must be a detached mount. See pivot_root(2).
    public static func enterRoot(_ root: OwnedDescriptor) throws(KernelError) {
        // Attached over "/" it is reached by its descriptor only; pivot_root then swaps the two and the old is on top.
        try root.attachMount(at: "/")
        try checked("fchdir") { fchdir(root.number) }
        try checked("pivot_root", on: ".") { bh_pivot_root(".", ".") }
        try Mounts.detach(".")
        try checked("chdir", on: "/") { chdir("/") }
    }

    /// Sets the soft and the hard limit of a resource. See setrlimit(2).
    public static func limit(_ resource: LimitedResource, to value: UInt64) throws(KernelError) {
        try checked("setrlimit(\(resource))") { bh_setrlimit(resource.rawValue, value) }
    }

    /// Gives up every capability not in `kept`, a set of 1 << CAP_ values, for this process and all it may start.
    /// See capabilities(7).
    public static func keepCapabilities(_ kept: UInt64) throws(KernelError) {
        try checked("capset") { bh_keep_capabilities(kept) }
    }

    /// No program started from here on gains privileges. See prctl(2) PR_SET_NO_NEW_PRIVS.
    public static func gainNoPrivileges() throws(KernelError) {
        try checked("prctl(PR_SET_NO_NEW_PRIVS)") { bh_prctl(38, 1, 0, 0, 0) }
    }

    /// No memory image is written and no equal process may look inside. See prctl(2) PR_SET_DUMPABLE.
    public static func hideMemory() throws(KernelError) {
        try checked("prctl(PR_SET_DUMPABLE)") { bh_prctl(4, 0, 0, 0, 0) }
    }

    /// A crash ends this process at once: handlers that would look into it, or start a program that does, are taken
    /// off. See signal(7).
    public static func dieWithoutAutopsy() {
        for number in [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV] { signal(number, SIG_DFL) }
    }

    /// Closes every descriptor from `first` on. See close_range(2).
    public static func closeDescriptors(from first: Int32) throws(KernelError) {
        try checked("close_range") { bh_close_range(UInt32(first), UInt32.max, 0) }
    }

    /// Ends this process at once. See exit(3).
    public static func exit(_ status: Int32) -> Never { Glibc.exit(status) }

    /// What is written to `descriptor` when a library ends this process by exit(3) in the middle, as libraries do when
    /// they run out of memory. Nil takes it back. `descriptor` must stay open. Not for more than one thread.
    public static func lastWords(_ text: String?, on descriptor: OwnedDescriptor) throws(KernelError) {
        try checked("atexit") { bh_last_words(descriptor.number, text) }
    }

    /// Permission bits are taken as given from now on. See umask(2).
    public static func clearCreationMask() { umask(0) }
}

/// CLONE_NEW* of unshare(2).
public struct UnsharedNamespaces: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let mounts = UnsharedNamespaces(rawValue: 0x0002_0000)
    public static let controlGroup = UnsharedNamespaces(rawValue: 0x0200_0000)
    public static let hostName = UnsharedNamespaces(rawValue: 0x0400_0000)
    public static let messages = UnsharedNamespaces(rawValue: 0x0800_0000)
    public static let network = UnsharedNamespaces(rawValue: 0x4000_0000)
}

/// Resources of setrlimit(2) that this project limits in its own processes.
public enum LimitedResource: Int32, Sendable {
    case processorSeconds = 0, fileBytes = 1, dataBytes = 2, coreBytes = 4, descriptors = 7, lockedBytes = 8
    case addressSpaceBytes = 9
}
