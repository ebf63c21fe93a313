/// What somebody may have meant who wrote a word that nothing is called. Pure.
public struct Spelling: Sendable {
    public var known: [String]

    /// So many are told at most: a longer list helps nobody.
    private static let toldMax = 3

    public init(_ known: [String]) { self.known = known }

    /// The nearest of the known words, in their order; none where no word is near.
    ///
    /// Near is one slip of the fingers (a letter more, less, another, or two the other way round) for every three
    /// letters, or a beginning of at least three letters: `--mem`.
    public func near(_ word: String) -> [String] {
        let bare = Self.bare(word)
        guard bare.count > 1 else { return [] }
        let slips = known.map { (word: $0, slips: Self.slips(bare, Self.bare($0))) }
        let bound = max(1, bare.count / 3)
        if let least = slips.map(\.slips).min(), least <= bound {
            return Array(slips.filter { $0.slips == least }.map(\.word).prefix(Self.toldMax))
        }
        let begun = bare.count < 3 ? [] : known.filter { Self.bare($0).starts(with: bare) }
        return begun.count <= Self.toldMax ? begun : []
    }

    /// `did you mean --memory?`, or nil.
    public func question(_ word: String) -> String? {
        let near = near(word)
        guard let last = near.last else { return nil }
        let others = near.dropLast().joined(separator: ", ")
        return "did you mean \(others.isEmpty ? last : "\(others) or \(last)")?"
    }

    private static func bare(_ word: String) -> [UInt8] {
        Array(word.lowercased().utf8.drop { $0 == UInt8(ascii: "-") })
    }

    /// Words are short; whoever writes a longer one means nothing we know.
    private static let lengthMax = 64

    /// How many slips make one word of the other.
    static func slips(_ one: [UInt8], _ other: [UInt8]) -> Int {
        guard one.count <= lengthMax, other.count <= lengthMax else { return .max }
        var before: [Int] = []
        var last = Array(0...other.count)
        for (row, letter) in one.enumerated() {
            var next = [row + 1]
            for (column, theirs) in other.enumerated() {
                var least = min(last[column] + (letter == theirs ? 0 : 1), last[column + 1] + 1, next[column] + 1)
                if row > 0, column > 0, letter == other[column - 1], one[row - 1] == theirs {
                    least = min(least, before[column - 1] + 1)
                }
                next.append(least)
            }
            (before, last) = (last, next)
        }
        return last[other.count]
    }
}
