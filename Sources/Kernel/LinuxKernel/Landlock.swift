import CLinux

/// Rights a process takes away from itself and everything it starts, landlock(7).
public enum Landlock {
    /// The version of the kernel's interface; 0 where there is none.
    public static var version: Int { max(0, Int(bh_landlock_version())) }

    /// Rights on files, `LANDLOCK_ACCESS_FS_*`.
    public struct Rights: OptionSet, Sendable {
        public let rawValue: UInt64
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        public static let execute = Rights(rawValue: 1 << 0)
        public static let writeFile = Rights(rawValue: 1 << 1)
        public static let readFile = Rights(rawValue: 1 << 2)
        public static let readDirectory = Rights(rawValue: 1 << 3)
        public static let reading: Rights = [.readFile, .readDirectory]
        /// Removing and making entries of every kind.
        public static let changing = Rights(rawValue: 0x1ff0)
        /// Moving and linking between directories, version 2.
        public static let moving = Rights(rawValue: 1 << 13)
        /// Version 3.
        public static let truncate = Rights(rawValue: 1 << 14)
        /// ioctl(2) on devices, version 5.
        public static let deviceControl = Rights(rawValue: 1 << 15)

        /// Everything a kernel of that version can take away.
        public static func known(to version: Int) -> Rights {
            var rights: Rights = [.execute, .writeFile, .reading, .changing]
            if version >= 2 { rights.insert(.moving) }
            if version >= 3 { rights.insert(.truncate) }
            if version >= 5 { rights.insert(.deviceControl) }
            return rights
        }
    }

    /// From here on this thread, which must be the only one, may do on files only what `allowed` says, below those
    /// directories; and, where the kernel can tell, neither use TCP nor reach processes outside by abstract sockets or
    /// signals. Needs no_new_privs. What is open already stays open.
    public static func enter(_ allowed: [(directory: OwnedDescriptor, rights: Rights)]) throws(KernelError) {
        let version = version
        let known = Rights.known(to: version)
        let network: UInt64 = version >= 4 ? 0x3 : 0
        let scopes: UInt64 = version >= 6 ? 0x3 : 0
        let ruleset = OwnedDescriptor(
            owning: try checked("landlock_create_ruleset") {
                bh_landlock_ruleset(known.rawValue, network, scopes)
            })
        for (directory, rights) in allowed {
            try checked("landlock_add_rule") {
                bh_landlock_allow(ruleset.number, directory.number, rights.intersection(known).rawValue)
            }
        }
        try checked("landlock_restrict_self") { bh_landlock_enter(ruleset.number) }
    }
}
