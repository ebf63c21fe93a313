/// cpu.weight of version 2 of cgroups for the cpu.shares of version 1; pure.
///
/// The curve that runc and crun use: 2, 1024 and 262144, the least, the usual and the most, become 1, 100 and 10000.
/// A straight line, used before, made 39 of the usual.
enum ProcessorWeight {
    static func of(shares: UInt64) -> UInt64 {
        if shares <= 2 { return 1 }
        if shares >= 262_144 { return 10_000 }
        let logarithm = logarithm(Double(shares))
        let exponent = (logarithm * logarithm + 125 * logarithm) / 612 - 7.0 / 34
        // The least weight that is not below the curve, compared by logarithms.
        let wanted = exponent * self.logarithm(10) - 1e-9
        var (low, high): (UInt64, UInt64) = (1, 10_000)
        while low < high {
            let middle = (low + high) / 2
            if self.logarithm(Double(middle)) >= wanted { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// To the base 2, of a number from 1 on: bit by bit, because only the kernel's layer has the C library.
    private static func logarithm(_ number: Double) -> Double {
        var (result, rest, bit) = (Double(number.exponent), number.significand, 0.5)
        for _ in 0..<45 {
            rest *= rest
            if rest >= 2 {
                rest /= 2
                result += bit
            }
            bit /= 2
        }
        return result
    }
}
