/// Which entries were written a short while ago, and how often each was repeated since. Bounded, whoever asks: at most
/// `max` kinds of entry and one more are remembered, and of one caller `scopeMax` and one for each event.
struct RecentEntries: Sendable {
    /// What makes two entries the same: the event and some of its details, the first of which says whose it is.
    struct Key: Hashable, Sendable {
        var event: String
        /// The caller or container that the entry is charged to.
        var scope: String
        var marks: [String: String]

        init(_ event: String, _ details: [String: String], distinct names: [String]) {
            self.event = event
            scope = names.first.map { "\($0)=\(details[$0] ?? "")" } ?? ""
            marks = details.filter { names.contains($0.key) }
        }
    }

    /// An entry whose time is over, with how often it was left out.
    struct Repeated: Sendable {
        var key: Key
        var leftOut: Int

        var details: [String: String] {
            var details = key.marks
            details["of"] = key.event
            details["leftOut"] = "\(leftOut)"
            return details
        }
    }

    private struct Entry: Sendable {
        var until: Double
        var leftOut = 0
    }

    /// Different entries of one caller within an interval; what it does beyond these is one entry for each event.
    static let scopeMax = 16
    /// Of all callers together; beyond these everything is one entry.
    static let max = 4_096
    /// Of one text: who may repeat an entry may choose its texts as well.
    static let textBytesMax = 256

    private var entries: [Key: Entry] = [:]
    /// Before this nothing is over, so that whoever repeats a thing costs no search. It may be too early.
    private var earliest = Double.infinity

    static func cut(_ text: String) -> String {
        let bytes = text.utf8
        guard bytes.count > textBytesMax else { return text }
        return String(decoding: bytes.prefix(textBytesMax), as: UTF8.self) + "… (cut, of \(bytes.count) bytes)"
    }

    /// Forgets what is over and was not repeated, and gives what is over and was, oldest first.
    mutating func over(at now: Double) -> [Repeated] {
        guard now >= earliest else { return [] }
        entries = entries.filter { now < $0.value.until || $0.value.leftOut > 0 }
        earliest = entries.values.map { $0.until }.min() ?? .infinity
        let over = entries.filter { now >= $0.value.until }.sorted { $0.value.until < $1.value.until }
        return over.map { Repeated(key: $0.key, leftOut: $0.value.leftOut) }
    }

    mutating func remove(_ key: Key) { entries[key] = nil }

    /// What `key` is counted as: itself while there is room, else everything its caller does of this kind, else
    /// everything.
    func place(_ key: Key) -> Key {
        if entries[key] != nil { return key }
        let isCrowded = entries.count { $0.key.scope == key.scope } >= Self.scopeMax
        if !isCrowded, entries.count < Self.max { return key }
        var wider = key
        wider.marks = key.marks.filter { "\($0.key)=\($0.value)" == key.scope }
        // Of a container there is always a line that names it: whoever reads what was done in it must not miss that
        // something was. There are only as many as containers.
        if entries[wider] != nil || entries.count < Self.max || key.scope.begins(with: "container=") { return wider }
        return Key("any", [:], distinct: [])
    }

    /// Counts one more of `key`, if it was written less than an interval ago; else it is to be written.
    mutating func counts(_ key: Key, at now: Double) -> Bool {
        guard let entry = entries[key], now < entry.until else { return false }
        entries[key]?.leftOut += 1
        return true
    }

    func leftOut(_ key: Key) -> Int { entries[key]?.leftOut ?? 0 }

    /// `key` has been written.
    mutating func note(_ key: Key, until: Double) {
        entries[key] = Entry(until: until)
        earliest = min(earliest, until)
    }
}
