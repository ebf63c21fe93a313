/// The last lines of a log, and none before them.
struct LogTail {
    /// How many.
    let most: Int
    private var kept: [(lines: LoggedLines, count: Int)] = []
    /// Where in `kept` the lines that matter begin.
    private var first = 0
    private var total = 0

    init(most: Int) { self.most = most }

    mutating func add(_ lines: LoggedLines) {
        let count = lines.count
        kept.append((lines, count))
        total += count
        while first < kept.count, total - kept[first].count >= most {
            total -= kept[first].count
            first += 1
        }
        // Now and then, so that each is moved once at most.
        if first > 64, first > kept.count / 2 {
            kept.removeFirst(first)
            first = 0
        }
    }

    /// The lines kept, oldest first.
    var lines: [LoggedLines] {
        var rest = kept[first...].map(\.lines)
        if total > most, !rest.isEmpty { rest[0] = rest[0].dropping(total - most) }
        return rest
    }
}
