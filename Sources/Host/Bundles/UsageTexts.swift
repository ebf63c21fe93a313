import RuntimeSpec

/// What files of cgroups say about use, taken apart; pure.
enum UsageTexts {
    static func numbers(_ text: String) -> [UInt64] {
        text.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
    }

    /// Lines of at least three numbers, such as those of cpuacct.usage_all.
    static func rows(_ text: String) -> [[UInt64]] {
        text.cut(at: "\n").map { numbers(String($0)) }.filter { $0.count >= 3 }
    }

    /// No limit and something is no limit.
    static func sum(_ one: UInt64, _ other: UInt64) -> UInt64 {
        let (sum, overflow) = one.addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// `8:0 Read 4096` of version 1.
    static func legacy(_ text: String) -> [SpecValue] {
        text.cut(at: "\n").compactMap { line in
            let words = line.cut(at: " ").map(String.init)
            guard words.count == 3, let value = UInt64(words[2]) else { return nil }
            return entry(words[0], words[1], value)
        }
    }

    /// `8:0 rbytes=4096 wbytes=0` of version 2: the keys that are wanted, each with the operation it stands for.
    static func unified(_ text: String, _ operations: [String: String]) -> [SpecValue] {
        text.cut(at: "\n").flatMap { line in
            let words = line.cut(at: " ").map(String.init)
            return words.dropFirst().compactMap { word -> SpecValue? in
                let halves = word.cut(at: "=", maxSplits: 1).map(String.init)
                guard halves.count == 2, let operation = operations[halves[0]], let value = UInt64(halves[1]) else {
                    return nil
                }
                return entry(words[0], operation, value)
            }
        }
    }

    private static func entry(_ device: String, _ operation: String, _ value: UInt64) -> SpecValue? {
        let numbers = device.cut(at: ":").compactMap { UInt64($0) }
        guard numbers.count == 2 else { return nil }
        return [
            "major": .number(numbers[0]), "minor": .number(numbers[1]), "op": .string(operation),
            "value": .number(value),
        ]
    }

    /// Lists that are empty are left out.
    static func disks(_ lists: [(name: String, entries: [SpecValue])]) -> SpecValue.Members {
        var members = SpecValue.noMembers
        for (name, entries) in lists where !entries.isEmpty { members[name] = .array(entries) }
        return members
    }

    /// 2MB, 1GB: from the names of the files of a group.
    static func pageSizes(_ names: [String], file: String) -> [String] {
        names.compactMap { name in
            let parts = name.cut(at: ".").map(String.init)
            return parts.count == 3 && parts[0] == "hugetlb" && parts[2] == file ? parts[1] : nil
        }.sorted()
    }
}
