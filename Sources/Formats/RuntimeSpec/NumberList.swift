/// Numbers of processors or NUMA nodes as the kernel lists them: `0-3,8`, cpuset(7) "List format".
public enum NumberList {
    /// In ascending order, each once; nil when the text is no such list, or names a number that is not below `limit`.
    public static func numbers(_ text: String, below limit: Int) -> [Int]? {
        var found: Set<Int> = []
        if text.isEmpty { return [] }
        for part in text.cut(at: ",", omittingEmptySubsequences: false) {
            let ends = part.cut(at: "-", omittingEmptySubsequences: false).map { decimal($0) }
            guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1], first <= last, last < limit
            else { return nil }
            found.formUnion(first...last)
        }
        return found.sorted()
    }

    private static func decimal(_ text: Substring) -> Int? {
        text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ? Int(text) : nil
    }

    /// A bit each, as the kernel takes sets of them; empty for none.
    public static func words(_ numbers: [Int]) -> [UInt64] {
        guard let most = numbers.max() else { return [] }
        var words = [UInt64](repeating: 0, count: most / 64 + 1)
        for number in numbers { words[number / 64] |= 1 << UInt64(number % 64) }
        return words
    }
}
