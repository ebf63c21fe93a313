/// Environments as ordered lists of `NAME=value`.
public enum EnvironmentList {
    /// `base` with `changes` applied one after the other; a name keeps its first place and gets its last value.
    public static func merged(_ base: [String], _ changes: [String]) -> [String] {
        var order: [Substring] = []
        var values: [Substring: String] = [:]
        for entry in base + changes {
            let name = entry.prefix { $0 != "=" }
            if values.updateValue(entry, forKey: name) == nil { order.append(name) }
        }
        return order.compactMap { values[$0] }
    }

    public static func value(_ name: String, in entries: [String]) -> String? {
        entries.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }
}
