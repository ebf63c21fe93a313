public import Diagnostics

/// How long something lasts, as flags say it: `90`, `90s`, `1m30s`, `250ms`, `2h`, `7d`.
public enum TimeSpan {
    private static let units: [(name: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("ms", 1e6), ("secs", 1e9), ("sec", 1e9), ("mins", 60e9), ("min", 60e9),
        ("hrs", 3_600e9),
        ("days", 86_400e9), ("weeks", 604_800e9), ("s", 1e9), ("m", 60e9), ("h", 3_600e9), ("d", 86_400e9),
        ("w", 604_800e9),
    ]
    /// Longer than any of them makes sense, and far from where the arithmetic of clocks ends.
    private static let secondsMax = 1e9

    /// A number without a unit is seconds.
    public static func parse(_ text: String, flag: String) throws(Failure) -> Duration {
        guard let nanoseconds = nanoseconds(text), nanoseconds <= secondsMax * 1e9 else {
            throw .flag(flag, text, cause: "it is not a time", remedy: "write for example 30s, 1m30s or 250ms")
        }
        return .nanoseconds(Int64(nanoseconds))
    }

    private static func nanoseconds(_ text: String) -> Double? {
        if let seconds = number(text[...]) { return seconds * 1e9 }
        var total = 0.0
        var rest = text[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let after = rest[digits.endIndex...]
            let name = after.prefix { $0.isASCII && $0.isLetter }
            guard let count = number(digits), let unit = units.first(where: { $0.name == name }) else { return nil }
            total += count * unit.nanoseconds
            rest = after[name.endIndex...]
        }
        return total
    }

    private static func number(_ text: Substring) -> Double? {
        guard let first = text.first, first.isNumber, text.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") })
        else { return nil }
        return Double(text)
    }
}
