/// Sizes as people write them: bytes, or a number with k, m, g, t or p (powers of 1,024), `b` or `ib` behind it or not.
public enum SizeText {
    private static let units = Array("kmgtp")

    /// Nil for what is no size, and for more than a signed number of 64 bits has; parts of a byte are left out.
    public static func bytes(_ text: String) -> UInt64? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        return shift(of: text.dropFirst(number.count)).flatMap { product(number, $0) }
    }

    /// `k`, `kb` and `kib` in any case, after at most one space.
    private static func shift(of ending: Substring) -> UInt64? {
        var unit = (ending.first == " " ? ending.dropFirst() : ending).lowercased()[...]
        if unit.isEmpty { return ending.isEmpty ? 0 : nil }
        if unit == "b" { return 0 }
        guard let first = unit.first, let index = units.firstIndex(of: first) else { return nil }
        unit = unit.dropFirst()
        return ["", "b", "i", "ib"].contains(unit) ? UInt64(index + 1) * 10 : nil
    }

    private static func product(_ number: Substring, _ shift: UInt64) -> UInt64? {
        let parts = number.cut(at: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty, parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else {
            return nil
        }
        if parts.count == 2 {
            let bytes = (Double(number) ?? -1) * Double(UInt64(1) << shift)
            return bytes >= 0 && bytes < 9.2e18 ? UInt64(bytes) : nil
        }
        let (bytes, overflow) = (UInt64(whole) ?? .max).multipliedReportingOverflow(by: 1 << shift)
        return overflow || bytes > UInt64(Int64.max) ? nil : bytes
    }
}
