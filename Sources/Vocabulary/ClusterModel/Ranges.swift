/// A set of whole numbers such as ports, kept as closed ranges that are sorted, apart and never adjacent, so that
/// equal sets are equal values.
public struct Ranges: Hashable, Sendable {
    public private(set) var ranges: [ClosedRange<UInt64>]

    public static let empty = Ranges([])

    /// The union of `ranges`, which may overlap and come in any order.
    public init(_ ranges: some Sequence<ClosedRange<UInt64>>) {
        self.ranges = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) { append(range) }
    }

    public var isEmpty: Bool { ranges.isEmpty }

    /// How many numbers there are, `UInt64.max` when there are more.
    public var count: UInt64 {
        ranges.reduce(0) { sum, range in
            let (more, overflow) = (range.upperBound - range.lowerBound).addingReportingOverflow(1)
            let (total, carried) = sum.addingReportingOverflow(more)
            return overflow || carried ? .max : total
        }
    }

    /// `range` starts at or after every range there is: joins it to the last one where they touch.
    private mutating func append(_ range: ClosedRange<UInt64>) {
        guard let last = ranges.last else {
            ranges.append(range)
            return
        }
        let touches = last.upperBound == .max || range.lowerBound <= last.upperBound + 1
        if touches {
            ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
        } else {
            ranges.append(range)
        }
    }

    public func contains(_ number: UInt64) -> Bool {
        ranges.contains { $0.contains(number) }
    }

    public func contains(_ other: Ranges) -> Bool {
        var index = 0
        for range in other.ranges {
            while index < ranges.count, ranges[index].upperBound < range.lowerBound { index += 1 }
            guard index < ranges.count, ranges[index].lowerBound <= range.lowerBound,
                ranges[index].upperBound >= range.upperBound
            else { return false }
        }
        return true
    }

    public func union(_ other: Ranges) -> Ranges {
        if other.isEmpty { return self }
        if isEmpty { return other }
        var result = Ranges.empty
        result.ranges.reserveCapacity(ranges.count + other.ranges.count)
        var mine = ranges[...]
        var theirs = other.ranges[...]
        while let left = mine.first, let right = theirs.first {
            if left.lowerBound <= right.lowerBound {
                result.append(left)
                mine.removeFirst()
            } else {
                result.append(right)
                theirs.removeFirst()
            }
        }
        for range in mine { result.append(range) }
        for range in theirs { result.append(range) }
        return result
    }

    public func subtracting(_ other: Ranges) -> Ranges {
        var result = Ranges.empty
        var index = 0
        for range in ranges {
            while index < other.ranges.count, other.ranges[index].upperBound < range.lowerBound { index += 1 }
            var start = range.lowerBound
            var isUsedUp = false
            var cut = index
            while cut < other.ranges.count, other.ranges[cut].lowerBound <= range.upperBound {
                let hole = other.ranges[cut]
                if hole.lowerBound > start { result.append(start...(hole.lowerBound - 1)) }
                if hole.upperBound >= range.upperBound {
                    isUsedUp = true
                    break
                }
                start = hole.upperBound + 1
                cut += 1
            }
            if !isUsedUp { result.append(start...range.upperBound) }
        }
        return result
    }

    public func intersection(_ other: Ranges) -> Ranges { subtracting(subtracting(other)) }
}

extension Ranges: CustomStringConvertible {
    /// `[31000-32000,33000-33000]`.
    public var description: String {
        "[" + ranges.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",") + "]"
    }
}
