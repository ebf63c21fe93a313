/// What /proc/PID/status says of a thread that made a call, as the host numbers it; proc(5).
public struct CallerFacts: Equatable, Sendable {
    /// The ids the kernel asks files by.
    public var uid: UInt32
    public var gid: UInt32
    public var groups: [UInt32]
    public var capabilities: UInt64
    public var umask: UInt32

    /// Nil when a line is missing or is not as proc(5) says.
    public init?(status: String) {
        var fields: [Substring: Substring] = [:]
        for line in status.cut(at: "\n") {
            guard let colon = line.position(of: ":") else { continue }
            fields[line[..<colon]] = line[line.utf8.index(after: colon)...]
        }
        func numbers(_ name: Substring) -> [UInt32]? {
            guard let words = fields[name]?.split(whereSeparator: { $0 == " " || $0 == "\t" }) else { return nil }
            let numbers = words.compactMap { UInt32($0) }
            return numbers.count == words.count ? numbers : nil
        }
        func word(_ name: Substring) -> Substring? { fields[name]?.drop { $0 == " " || $0 == "\t" } }
        // Real, effective, saved, of the file system.
        guard let users = numbers("Uid"), users.count == 4, let ofGroup = numbers("Gid"), ofGroup.count == 4,
            let groups = numbers("Groups"), let held = word("CapEff").flatMap({ UInt64($0, radix: 16) }),
            let mask = word("Umask").flatMap({ UInt32($0, radix: 8) })
        else { return nil }
        uid = users[3]
        gid = ofGroup[3]
        self.groups = groups
        capabilities = held
        umask = mask
    }
}

/// Which of a process's pages can be written, by the text of /proc/PID/maps.
enum MemoryMap {
    /// Whether every byte from `start` on is in a mapping that the process itself may write.
    static func isWritable(_ start: UInt64, count: UInt64, in text: String) -> Bool {
        var next = start
        let (end, overflow) = start.addingReportingOverflow(count)
        if overflow { return false }
        for line in text.cut(at: "\n") {
            let words = line.cut(at: " ", maxSplits: 2)
            guard words.count > 1, let dash = words[0].position(of: "-"),
                let first = UInt64(words[0][..<dash], radix: 16),
                let last = UInt64(words[0][words[0].utf8.index(after: dash)...], radix: 16)
            else { return false }
            if last <= next { continue }
            guard first <= next, words[1].dropFirst().first == "w" else { return false }
            next = last
            if next >= end { return true }
        }
        return false
    }
}
