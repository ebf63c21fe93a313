public import Diagnostics

/// Points in time between seconds since 1970 and RFC 3339, always UTC.
public enum Timestamp {
    /// `2026-01-31T09:05:00.250Z`, with as many digits after the point as asked for.
    public static func text(_ seconds: Double, digits: Int = 3) -> String {
        let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
        let units = Int64((seconds * scale).rounded(.down))
        return text(
            whole: units.floorDivided(by: Int64(scale)).quotient,
            fraction: units.floorDivided(by: Int64(scale)).remainder, digits)
    }

    public static func text(nanoseconds: UInt64) -> String {
        text(whole: Int64(nanoseconds / 1_000_000_000), fraction: Int64(nanoseconds % 1_000_000_000), 9)
    }

    private static func text(whole: Int64, fraction: Int64, _ digits: Int) -> String {
        let (days, second) = whole.floorDivided(by: 86_400)
        let (year, month, day) = civil(days)
        let clock = [second / 3_600, second / 60 % 60, second % 60].map { padded($0, 2) }.joined(separator: ":")
        let rest = digits > 0 ? "." + padded(fraction, digits) : ""
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T\(clock)\(rest)Z"
    }

    /// Seconds since 1970 of an RFC 3339 time, a plain number of seconds, or a span such as `10m` before `now`.
    public static func parse(_ text: String, flag: String, now: Double) throws(Failure) -> Double {
        if let seconds = Double(text) { return seconds }
        if let span = span(text) { return now - span }
        if let seconds = date(text) { return seconds }
        throw .flag(
            flag, text, cause: "it is not a time",
            remedy: "write a span such as 10m or 1h30m, seconds since 1970, or 2026-01-31T09:05:00Z")
    }

    private static func span(_ text: String) -> Double? {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        var total = 0.0
        var digits = ""
        for character in text {
            if character.isASCII, character.isNumber || character == "." {
                digits.append(character)
            } else {
                guard let unit = units[character], let count = Double(digits) else { return nil }
                total += count * unit
                digits = ""
            }
        }
        return digits.isEmpty && !text.isEmpty ? total : nil
    }

    private static func date(_ text: String) -> Double? {
        guard text.utf8.count >= 10, text.allSatisfy(\.isASCII) else { return nil }
        let fields = text.split { !$0.isNumber && $0 != "." }
        let numbers = fields.compactMap { Double($0) }
        guard numbers.count == fields.count, (3...6).contains(numbers.count), !text.has("+"),
            (1...12).contains(numbers[1]), (1...31).contains(numbers[2]), numbers[0] < 10_000
        else { return nil }
        let clock = numbers.dropFirst(3).enumerated().reduce(0) { $0 + $1.element * [3_600, 60, 1][$1.offset] }
        return Double(days(Int64(numbers[0]), Int64(numbers[1]), Int64(numbers[2]))) * 86_400 + clock
    }

    /// Gregorian date of a day counted from 1970-01-01, by the 400-year cycle that begins on 1 March.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = (days + 719_468).floorDivided(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let (era, yearOfEra) = (month <= 2 ? year - 1 : year).floorDivided(by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// How long ago something was, for people.
public enum Age {
    public static func text(_ seconds: Double) -> String {
        let steps: [(Double, Double, String)] = [
            (60, 1, "second"), (3_600, 60, "minute"), (172_800, 3_600, "hour"), (1_209_600, 86_400, "day"),
            (5_184_000, 604_800, "week"), (63_072_000, 2_592_000, "month"), (.infinity, 31_536_000, "year"),
        ]
        let elapsed = max(0, seconds)
        guard elapsed >= 1, let step = steps.first(where: { elapsed < $0.0 }) else { return "now" }
        let count = Int(elapsed / step.1)
        return "\(count) \(step.2)\(count == 1 ? "" : "s") ago"
    }
}
