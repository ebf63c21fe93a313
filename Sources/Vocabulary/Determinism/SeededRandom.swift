/// Chance that a seed reproduces: xoshiro256** by Blackman and Vigna, its state filled from the seed by SplitMix64.
///
/// 256 bits of state, period 2^256 - 1, passes the usual statistical batteries, a few instructions a number. It is not
/// for secrets. The derived draws (`below`, `shuffle`, ...) are written here and not taken from the standard library,
/// whose algorithms may differ between releases; a seed means the same numbers for ever.
public struct SeededRandom: RandomNumberGenerator, Hashable, Sendable {
    private var a: UInt64
    private var b: UInt64
    private var c: UInt64
    private var d: UInt64

    public init(seed: UInt64) {
        var filler = seed
        a = SeededRandom.mix(&filler)
        b = SeededRandom.mix(&filler)
        c = SeededRandom.mix(&filler)
        d = SeededRandom.mix(&filler)
    }

    /// One step of SplitMix64: never fills four words with zeros, whatever the seed.
    private static func mix(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return scrambled(state)
    }

    /// Spreads the bits of `number` so that neighbours end far apart: a stateless, reproducible shuffle key.
    public static func scrambled(_ number: UInt64) -> UInt64 {
        var word = number
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    public mutating func next() -> UInt64 {
        let product = b &* 5
        let result = ((product << 7) | (product >> 57)) &* 9
        let carried = b << 17
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= carried
        d = (d << 45) | (d >> 19)
        return result
    }

    /// A number in `0..<bound`, each equally likely. `bound` must be above zero.
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "there is no number below \(bound)")
        let width = UInt64(bound)
        // The lowest `surplus` products would make small numbers likelier: draw again.
        let surplus = (0 &- width) % width
        while true {
            let (high, low) = next().multipliedFullWidth(by: width)
            if low >= surplus { return Int(high) }
        }
    }

    /// A number in `range`, each equally likely.
    public mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    /// True `numerator` times out of `denominator`.
    public mutating func chance(_ numerator: Int, outOf denominator: Int) -> Bool { below(denominator) < numerator }

    /// A number in `0..<1` with 53 random bits.
    public mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// One element, each equally likely; nil of none.
    public mutating func pick<Elements: RandomAccessCollection>(_ elements: Elements) -> Elements.Element? {
        guard !elements.isEmpty else { return nil }
        return elements[elements.index(elements.startIndex, offsetBy: below(elements.count))]
    }

    /// Puts `elements` in an order of which each is equally likely (Fisher and Yates).
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        for last in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(last, below(last + 1)) }
    }

    /// A generator of its own for one part of a simulation, so that a draw more here changes nothing there.
    public mutating func split() -> SeededRandom { SeededRandom(seed: next()) }
}
