/// System calls that a supervisor on the host can answer instead of the kernel, seccomp_unotify(2).
public enum EmulatedCall: String, CaseIterable, Sendable, Codable {
    /// Devices that give nobody anything: what the container's own /dev has anyway.
    case mknod
    /// Memory, swap, processes and time of the container instead of the host's.
    case sysinfo

    /// What is handed over. A call is chosen by values only, which nobody can change after the kernel has read them;
    /// all others stay the kernel's to decide.
    public var rules: [FilterRule] {
        switch self {
        case .sysinfo: [FilterRule("sysinfo", .notify)]
        case .mknod:
            HarmlessDevice.all.flatMap { device in
                [("mknod", UInt8(1)), ("mknodat", 2)].map { name, mode in
                    FilterRule(
                        name,
                        when: [
                            ArgumentCondition(
                                index: mode, .masked(UInt64(FileKind.mask), equal: UInt64(FileKind.character))),
                            .int(mode + 1, is: device.number),
                        ], .notify)
                }
            }
        }
    }
}

/// The bits of a mode that say what a file is, inode(7).
public enum FileKind {
    public static let mask: UInt32 = 0o170000
    public static let character: UInt32 = 0o020000
}

/// A device that every container has and that leads nowhere.
public struct HarmlessDevice: Hashable, Sendable {
    public let name: String
    public let major: UInt32
    public let minor: UInt32

    public static let all = [
        HarmlessDevice(name: "null", major: 1, minor: 3), HarmlessDevice(name: "zero", major: 1, minor: 5),
        HarmlessDevice(name: "full", major: 1, minor: 7), HarmlessDevice(name: "random", major: 1, minor: 8),
        HarmlessDevice(name: "urandom", major: 1, minor: 9), HarmlessDevice(name: "tty", major: 5, minor: 0),
    ]

    /// As mknod(2) takes it: both numbers are below 256.
    public var number: UInt32 { major << 8 | minor }

    /// Nil for every other device.
    public init?(mode: UInt32, number: UInt32) {
        guard mode & FileKind.mask == FileKind.character else { return nil }
        guard let known = Self.all.first(where: { $0.number == number }) else { return nil }
        self = known
    }

    private init(name: String, major: UInt32, minor: UInt32) {
        self.name = name
        self.major = major
        self.minor = minor
    }
}

extension ResolvedFilter {
    /// The filter with `calls` handed to a listener, whatever it says of them itself. Not for one that filters nothing.
    public func handing(_ calls: Set<EmulatedCall>) -> ResolvedFilter {
        var filter = self
        let handed = EmulatedCall.allCases.filter(calls.contains)
        // The first rule whose conditions hold decides.
        filter.rules.insert(contentsOf: handed.flatMap(\.rules), at: 0)
        return filter
    }
}
