import Auditing

/// The text files of /proc/PID as values, proc(5). Pure; what cannot be understood gives nil, never a guess.
enum ProcessText {
    /// `Name:\tvalue` lines of /proc/PID/status.
    static func fields(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for line in text.cut(at: "\n") {
            guard let colon = line.position(of: ":") else { continue }
            let value = line[line.utf8.index(after: colon)...].drop { $0.isWhitespace }
            fields[String(line[..<colon])] = String(value)
        }
        return fields
    }

    static func numbers<Number: FixedWidthInteger>(_ text: String?) -> [Number] {
        (text ?? "").split(whereSeparator: \.isWhitespace).compactMap { Number($0) }
    }

    static func thread(
        _ id: Int32, status: String, namespaces: [String: UInt64], label: String?
    ) -> ThreadFacts? {
        let fields = fields(status)
        func set(_ name: String) -> UInt64? { fields[name].flatMap { UInt64($0, radix: 16) } }
        let users: [UInt32] = numbers(fields["Uid"])
        let groups: [UInt32] = numbers(fields["Gid"])
        guard users.count == 4, groups.count == 4, let inheritable = set("CapInh"), let permitted = set("CapPrm"),
            let effective = set("CapEff"), let bounding = set("CapBnd"), let ambient = set("CapAmb"),
            let privileges = fields["NoNewPrivs"], let seccomp = fields["Seccomp"].flatMap({ Int($0) })
        else { return nil }
        return ThreadFacts(
            id: id, users: users, groups: groups, supplementaryGroups: numbers(fields["Groups"]),
            inheritable: inheritable, permitted: permitted, effective: effective, bounding: bounding, ambient: ambient,
            noNewPrivileges: privileges == "1", seccompMode: seccomp,
            seccompFilters: fields["Seccomp_filters"].flatMap { Int($0) }, namespaces: namespaces, label: label)
    }

    static func ranges(_ text: String) -> [MappedRange] {
        text.cut(at: "\n").compactMap { line in
            let numbers: [UInt32] = numbers(String(line))
            guard numbers.count == 3 else { return nil }
            return MappedRange(inside: numbers[0], outside: numbers[1], count: numbers[2])
        }
    }

    private static let limitNames: [(label: String, name: String)] = [
        ("Max cpu time", "cpu"), ("Max file size", "fsize"), ("Max data size", "data"), ("Max stack size", "stack"),
        ("Max core file size", "core"), ("Max resident set", "rss"), ("Max processes", "nproc"),
        ("Max open files", "nofile"), ("Max locked memory", "memlock"), ("Max address space", "as"),
        ("Max file locks", "locks"), ("Max pending signals", "sigpending"), ("Max msgqueue size", "msgqueue"),
        ("Max nice priority", "nice"), ("Max realtime priority", "rtprio"), ("Max realtime timeout", "rttime"),
    ]

    static func limits(_ text: String) -> [LimitFacts] {
        text.cut(at: "\n").compactMap { line in
            guard let row = limitNames.first(where: { line.begins(with: $0.label + " ") }) else { return nil }
            let values = line.dropFirst(row.label.count).cut(at: " ")
            guard values.count >= 2 else { return nil }
            return LimitFacts(row.name, soft: UInt64(values[0]), hard: UInt64(values[1]))
        }
    }

    /// The version 2 path of /proc/PID/cgroup; nil when there is no such line.
    static func unifiedGroup(_ text: String) -> String? {
        text.cut(at: "\n").first { $0.begins(with: "0::") }.map { String($0.dropFirst(3)) }
    }

    /// The path a version 1 controller has there.
    static func legacyGroup(_ controller: String, _ text: String) -> String? {
        for line in text.cut(at: "\n") {
            let parts = line.cut(at: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[1].cut(at: ",").contains(where: { $0 == controller }) { return String(parts[2]) }
        }
        return nil
    }

    /// Parent's process id, from status.
    static func parent(_ status: String) -> Int32? { fields(status)["PPid"].flatMap { Int32($0) } }

    /// The number in `net:[4026531840]`.
    static func inode(_ link: String) -> UInt64? {
        guard let open = link.position(of: "["), link.ends(with: "]") else { return nil }
        return UInt64(link[link.utf8.index(after: open)...].dropLast())
    }
}
