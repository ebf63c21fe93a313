import Diagnostics

/// Environments as ordered lists of `NAME=value`.
public enum EnvironmentList {
    /// `base` with `changes` applied one after the other; a name keeps its first place and gets its last value.
    public static func merged(_ base: [String], _ changes: [String]) -> [String] {
        var order: [[UInt8]] = []
        var values: [[UInt8]: String] = [:]
        for entry in base + changes {
            let name = Array(entry.before("=").utf8)
            if values.updateValue(entry, forKey: name) == nil { order.append(name) }
        }
        return order.compactMap { values[$0] }
    }

    public static func value(_ name: String, in entries: [String]) -> String? {
        for entry in entries.reversed() {
            let parts = entry.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, parts[0] == name { return String(parts[1]) }
        }
        return nil
    }
}
