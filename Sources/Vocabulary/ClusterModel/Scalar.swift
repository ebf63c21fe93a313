public import Diagnostics

/// An amount of something countable, exact to a thousandth and never negative: 0.1 + 0.2 is 0.3 here.
///
/// Kept as whole thousandths. Adding saturates at `greatest`, taking away stops at zero: neither can trap, whatever a
/// client sent. What must not be taken away is asked beforehand with `<=`.
public struct Scalar: Hashable, Comparable, Sendable {
    public let thousandths: Int64

    /// Two to the 53rd power thousandths: every amount up to here survives a trip through a `Double`.
    public static let greatest = Scalar(unchecked: 9_007_199_254_740_992)
    public static let zero = Scalar(unchecked: 0)

    private init(unchecked thousandths: Int64) { self.thousandths = thousandths }

    /// Held between zero and `greatest`.
    public init(thousandths: Int64) {
        self.thousandths = max(0, min(Scalar.greatest.thousandths, thousandths))
    }

    public init(_ whole: Int) {
        let (product, overflow) = Int64(whole).multipliedReportingOverflow(by: 1_000)
        self.init(thousandths: overflow ? (whole < 0 ? 0 : .max) : product)
    }

    /// The nearest thousandth.
    ///
    /// - Throws: `Failure` `scalar.invalid` for what is negative, too large or no number.
    public init(_ value: Double) throws(Failure) {
        let scaled = (value * 1_000).rounded()
        guard scaled >= 0, scaled <= Double(Scalar.greatest.thousandths) else {
            throw Failure(
                "scalar.invalid", doing: "use amount", on: "\(value)",
                cause: "an amount is between 0 and \(Scalar.greatest)", remedy: "give a number in this range")
        }
        self.init(unchecked: Int64(scaled))
    }

    public var value: Double { Double(thousandths) / 1_000 }
    public var isZero: Bool { thousandths == 0 }
    public var isWhole: Bool { thousandths % 1_000 == 0 }

    public static func + (left: Scalar, right: Scalar) -> Scalar {
        Scalar(thousandths: left.thousandths + right.thousandths)
    }

    /// Zero when `right` is more than `left`.
    public static func - (left: Scalar, right: Scalar) -> Scalar {
        Scalar(thousandths: left.thousandths - right.thousandths)
    }

    public static func += (left: inout Scalar, right: Scalar) { left = left + right }
    public static func -= (left: inout Scalar, right: Scalar) { left = left - right }
    public static func < (left: Scalar, right: Scalar) -> Bool { left.thousandths < right.thousandths }
}

extension Scalar: CustomStringConvertible {
    /// As short as it is exact: `4`, `0.5`, `1.125`.
    public var description: String {
        let whole = thousandths / 1_000
        let rest = thousandths % 1_000
        if rest == 0 { return "\(whole)" }
        var digits = String(1_000 + rest).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
    }
}
