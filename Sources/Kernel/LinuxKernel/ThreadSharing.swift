import CLinux

/// What threads of a process have in common: usually everything, but each may have left what it likes (unshare(2)).
public enum ThreadSharing {
    /// KCMP_FILES and KCMP_FS of kcmp(2).
    public enum Part: Int32, Sendable {
        /// The table of open descriptors.
        case descriptors = 2
        /// Working directory, root and umask.
        case places = 3
    }

    /// Whether two threads share it. Nil where the kernel does not say: it was built without the call, or refuses it,
    /// or one of them has ended.
    public static func isShared(_ part: Part, _ one: Int32, _ other: Int32) -> Bool? {
        let answer = bh_kcmp(one, other, part.rawValue)
        return answer < 0 ? nil : answer == 0
    }
}
