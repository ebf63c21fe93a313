import Determinism

/// Refusals by the moment they run out, the next one first. Entries of filters dropped early stay until then.
struct ExpiryHeap: Sendable {
    struct Entry: Sendable {
        var at: Instant
        var agent: Int
        var client: Int
    }
    private(set) var entries: [Entry] = []

    var first: Entry? { entries.first }

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if entries[parent].at <= entries[child].at { return }
            entries.swapAt(parent, child)
            child = parent
        }
    }

    /// Takes the first entry if its moment has come.
    mutating func popExpired(at now: Instant) -> Entry? {
        guard let first = entries.first, first.at <= now else { return nil }
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].at < entries[least].at {
                least = child
            }
            if least == parent { return first }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
