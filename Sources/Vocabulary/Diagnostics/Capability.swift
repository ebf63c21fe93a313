/// A Linux capability by its number in capabilities(7). The list is complete up to CAP_CHECKPOINT_RESTORE (Linux 5.9),
/// the newest there is.
public enum Capability: UInt8, CaseIterable, Hashable, Sendable {
    case chown = 0
    case dacOverride, dacReadSearch, fowner, fsetid, kill, setgid, setuid, setpcap, linuxImmutable
    case netBindService = 10
    case netBroadcast, netAdmin, netRaw, ipcLock, ipcOwner, sysModule, sysRawIO, sysChroot, sysPtrace
    case sysPacct = 20
    case sysAdmin, sysBoot, sysNice, sysResource, sysTime, sysTTYConfig, mknod, lease, auditWrite
    case auditControl = 30
    case setfcap, macOverride, macAdmin, syslog, wakeAlarm, blockSuspend, auditRead, perfmon, bpf
    case checkpointRestore = 40

    /// The kernel's name, such as `CAP_NET_ADMIN`.
    public var name: String { Self.names[Int(rawValue)] }

    /// Takes `CAP_NET_ADMIN` and `NET_ADMIN` in any case.
    ///
    /// - Throws: `Failure` `capability.unknown` for any other text; nothing is ever ignored.
    public init(name: String) throws(Failure) {
        if let known = Self.exactly(name) {
            self = known
            return
        }
        let upper = name.uppercased()
        let full = upper.begins(with: "CAP_") ? upper : "CAP_" + upper
        guard let index = Self.names.firstIndex(of: full), let known = Capability(rawValue: UInt8(index)) else {
            throw Failure(
                "capability.unknown", doing: "use capability", on: name, cause: "no capability has this name",
                remedy: "use a name from capabilities(7) such as NET_ADMIN, or ALL", field: name)
        }
        self = known
    }

    /// Takes the kernel's own name only: `CAP_NET_ADMIN`. Documents of the OCI runtime specification know no other.
    ///
    /// - Throws: `Failure` `capability.unknown`.
    public init(exactly name: String) throws(Failure) {
        guard let known = Self.exactly(name) else {
            throw Failure(
                "capability.unknown", doing: "use capability", on: name, cause: "no capability has this name",
                remedy: "use a name from capabilities(7) as it stands there, such as CAP_NET_ADMIN", field: name)
        }
        self = known
    }

    /// By the kernel's own name, as nearly everybody writes it, without making another text of it.
    fileprivate static func exactly(_ name: String) -> Capability? {
        names.firstIndex(of: name).flatMap { Capability(rawValue: UInt8($0)) }
    }

    private static let names = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
        "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
        "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO",
        "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
        "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
        "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ]
}

/// A set of capabilities as the kernel keeps it: one bit per capability number.
public struct CapabilitySet: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public init(_ capabilities: some Sequence<Capability>) {
        rawValue = capabilities.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
    }

    public static let all = CapabilitySet(Capability.allCases)

    /// What a task that starts as root of its own user namespace keeps: enough to install packages, drop to another
    /// user and bind low ports. Less than Docker's fourteen: no SETFCAP, MKNOD, NET_RAW or AUDIT_WRITE.
    public static let rootDefault = CapabilitySet([
        .chown, .dacOverride, .fowner, .fsetid, .kill, .setgid, .setuid, .setpcap, .netBindService, .sysChroot,
    ])

    /// What a task that starts as another user gets.
    public static let userDefault: CapabilitySet = []

    public func contains(_ capability: Capability) -> Bool { rawValue >> UInt64(capability.rawValue) & 1 == 1 }

    /// The members in the order of their numbers. Bits above the last known capability are left out.
    public var capabilities: [Capability] { Capability.allCases.filter(contains) }

    /// The kernel's names in the order of their numbers.
    public var names: [String] { capabilities.map(\.name) }

    /// The set of the named capabilities; `ALL` stands for every one.
    ///
    /// - Throws: `Failure` `capability.unknown`.
    public init(names: [String]) throws(Failure) {
        var set: CapabilitySet = []
        for name in names { set.formUnion(try CapabilitySet(name: name)) }
        self = set
    }

    /// The set of the capabilities whose own names these are; there is no word for all of them.
    ///
    /// - Throws: `Failure` `capability.unknown`.
    public init(exactly names: [String]) throws(Failure) {
        var set: CapabilitySet = []
        for name in names { set.formUnion(CapabilitySet([try Capability(exactly: name)])) }
        self = set
    }

    private init(name: String) throws(Failure) {
        if let known = Capability.exactly(name) {
            self.init([known])
            return
        }
        switch name.uppercased() {
        case "ALL", "CAP_ALL": self = .all
        default: self.init([try Capability(name: name)])
        }
    }

    /// This set after `--cap-add` and `--cap-drop`, with Docker's meaning: adding `ALL` starts from every capability,
    /// dropping `ALL` starts from none, and otherwise an added capability stays even when it is dropped as well.
    ///
    /// - Throws: `Failure` `capability.unknown`.
    public func adjusted(adding: [String], dropping: [String]) throws(Failure) -> CapabilitySet {
        let added = try CapabilitySet(names: adding)
        let dropped = try CapabilitySet(names: dropping)
        if Self.namesAll(adding) { return CapabilitySet.all.subtracting(Self.namesAll(dropping) ? [] : dropped) }
        if Self.namesAll(dropping) { return added }
        return subtracting(dropped).union(added)
    }

    private static func namesAll(_ names: [String]) -> Bool {
        names.contains { ["ALL", "CAP_ALL"].contains($0.uppercased()) }
    }
}
