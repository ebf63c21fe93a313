public import Diagnostics

/// Sizes as Docker's flags take them: bytes, or a number with k, m, g, t or p (powers of 1,024).
public enum ByteSize {
    public static func parse(_ text: String, flag: String) throws(Failure) -> UInt64 {
        guard let bytes = SizeText.bytes(text) else {
            throw .flag(
                flag, text, cause: "it is not a size",
                remedy: "write a number of bytes, or one with k, m, g or t such as 512m or 1.5g")
        }
        return bytes
    }
}

/// Whole numbers within bounds.
public enum WholeNumber {
    public static func parse(
        _ text: String, flag: String, in range: ClosedRange<Int64>, remedy: String? = nil
    ) throws(Failure) -> Int64 {
        guard let number = Int64(text), range.contains(number) else {
            throw .flag(
                flag, text, cause: "it is not a whole number from \(range.lowerBound) to \(range.upperBound)",
                remedy: remedy)
        }
        return number
    }
}

public enum ProcessorCount {
    /// A share of this machine's processors, such as 0.5 or 2.
    public static func parse(_ text: String, flag: String = "cpus", available: Int) throws(Failure) -> Double {
        let isPlain = text.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard isPlain, let count = Double(text), count >= 0.01 else {
            throw .flag(
                flag, text, cause: "it is not a number of processors",
                remedy: "write a number from 0.01, such as 0.5 or 2")
        }
        guard count <= Double(available) else {
            throw .flag(
                flag, text, cause: "this host has \(available) processors", remedy: "ask for at most \(available)",
                limit: "processors \(available)")
        }
        return count
    }
}

/// Processor numbers as the kernel lists them: `0-2,4`.
public enum ProcessorList {
    public static func parse(_ text: String, flag: String = "cpuset") throws(Failure) -> Set<Int> {
        var numbers: Set<Int> = []
        for part in text.cut(at: ",", omittingEmptySubsequences: false) {
            let ends = part.cut(at: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let low = ends[0], let high = ends[ends.count - 1], low <= high,
                low >= 0, high < 65_536
            else {
                throw .flag(flag, text, cause: "it is not a list of processors", remedy: "write it as 0-2,4")
            }
            numbers.formUnion(low...high)
        }
        return numbers
    }

    /// Refuses processors that `online`, the kernel's own list, does not have.
    public static func check(_ text: String, online: String, flag: String = "cpuset") throws(Failure) {
        let absent = try parse(text, flag: flag).subtracting(try parse(online.filter { !$0.isWhitespace }))
        guard let first = absent.min() else { return }
        throw .flag(
            flag, text, cause: "this host has no processor \(first)",
            remedy: "choose from \(online.filter { !$0.isWhitespace })")
    }
}
