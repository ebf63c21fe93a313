import Crypto

/// A line of the log of launches: canonical JSON whose `hash` covers everything else in it, `prev` included, which is
/// the hash of the line before. Nothing can be changed, left out or put in without breaking the chain behind it.
public struct AuditLogEntry: Equatable, Sendable {
    public static let firstPrevious = String(repeating: "0", count: 64)

    public var sequence: Int64
    /// Milliseconds since 1970.
    public var time: Int64
    /// `launch`, `exec`, `refusal`; of an agent `session`, `attach-input`, `attach-output` too; `repeated` for those of
    /// the event `of` that were only counted.
    public var event: String
    public var details: [String: AuditDocument]
    public var previous: String

    public init(
        sequence: Int64, time: Int64, event: String, details: [String: AuditDocument], previous: String
    ) {
        self.sequence = sequence
        self.time = time
        self.event = event
        self.details = details
        self.previous = previous
    }

    private var content: [String: AuditDocument] {
        [
            "seq": .integer(sequence), "time": .integer(time), "event": .string(event), "details": .object(details),
            "prev": .string(previous),
        ]
    }

    public var hash: String { hexadecimal(SHA256.hash(data: Array(AuditDocument.object(content).canonical.utf8))) }

    public var line: String {
        var content = content
        content["hash"] = .string(hash)
        return AuditDocument.object(content).canonical + "\n"
    }

    /// Nil for a line that is not whole, not in canonical form, or whose hash is not its own.
    public init?(line: [UInt8]) {
        do {
            let document = try AuditDocument.read(line)
            guard let sequence = document["seq"]?.integerValue, let time = document["time"]?.integerValue,
                let event = document["event"]?.text, let previous = document["prev"]?.text,
                case .object(let details)? = document["details"]
            else { return nil }
            self.init(sequence: sequence, time: time, event: event, details: details, previous: previous)
            guard document["hash"]?.text == hash, self.line.utf8.dropLast().elementsEqual(line) else { return nil }
        } catch { return nil }
    }

    /// Whether `line` is the entry of that number and that hash, by the hash of its bytes: without taking it apart, so
    /// that a line can follow another at once. False says nothing.
    public static func isEntry(_ line: ArraySlice<UInt8>, sequence: Int64, hash: String) -> Bool {
        let member = Array("\"hash\":\"\(hash)\",".utf8), previous = Array("\"prev\":\"".utf8)
        let behind = Array("\",\"seq\":\(sequence),\"time\":".utf8)
        // From the end: a quote within a text has a backslash before it, so what is found is a member of the entry.
        var start = line.endIndex - member.count
        while start >= line.startIndex, !line[start...].starts(with: member) { start -= 1 }
        guard start >= line.startIndex else { return false }
        let rest = line[(start + member.count)...]
        guard rest.starts(with: previous), rest.dropFirst(previous.count + 64).starts(with: behind) else {
            return false
        }
        return hexadecimal(SHA256.hash(data: Array(line[..<start] + rest))) == hash
    }

    /// What stands in the chain for a line that was cut off by a power failure.
    public static func hash(ofDamaged line: [UInt8]) -> String { hexadecimal(SHA256.hash(data: line)) }
}

/// Checks a log, or what is left of one after its oldest parts were removed.
public struct AuditLogVerification: Equatable, Sendable {
    public var entries = 0
    public var first: Int64?
    public var last: Int64?
    /// Of the last line: what the next one has as `prev`.
    public var hash = AuditLogEntry.firstPrevious
    /// Lines that were cut off and are accounted for by the line behind them.
    public var torn = 0
    /// Nil while the chain holds; else where and how it breaks.
    public var fault: String?

    public init() {}

    /// Takes the next file, oldest first, and gives whether the chain still holds.
    @discardableResult
    public mutating func add(_ bytes: [UInt8], name: String) -> Bool {
        var damaged: [UInt8]?
        var isAnchored = entries > 0
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() where fault == nil {
            let place = "\(name) line \(index + 1)"
            guard let entry = AuditLogEntry(line: Array(line)) else {
                if damaged != nil { fault = "\(place) is not an entry" }
                damaged = Array(line)
                continue
            }
            var expected = hash
            if let cut = damaged {
                expected = AuditLogEntry.hash(ofDamaged: cut)
                torn += 1
                damaged = nil
            }
            if let last, entry.sequence > last + 1 {
                fault = "entries \(last + 1) to \(entry.sequence - 1) are missing before \(place)"
            } else if let last, entry.sequence != last + 1 {
                fault = "\(place) has the number \(entry.sequence) after \(last)"
            } else if isAnchored, entry.previous != expected {
                fault = "\(place) does not follow the line before it"
            } else if !isAnchored, entry.sequence == 1, entry.previous != AuditLogEntry.firstPrevious {
                fault = "\(place) is the first and follows another"
            }
            isAnchored = true
            first = first ?? entry.sequence
            last = entry.sequence
            hash = entry.hash
            entries += 1
        }
        if damaged != nil, fault == nil { fault = "the last line of \(name) is not whole" }
        return fault == nil
    }

    /// What is left to say when every file was taken: whether the log ends where it was last written to, and begins
    /// where it may. `head` is written after the line, so it may be one behind, never ahead; `filesAside` files of at
    /// most `filesMax` were put aside, and only when there are so many has the oldest gone by itself.
    public mutating func judge(head: (sequence: Int64, hash: String)?, filesAside: Int, of filesMax: Int) {
        guard fault == nil else { return }
        guard let head else {
            if entries > 1 { fault = "the file that says where the log ends is missing" }
            return
        }
        if head.sequence > last ?? 0 {
            fault = "line \(head.sequence) was written and is not the last one: the end is missing"
        } else if head.sequence == last, head.hash != hash {
            fault = "line \(head.sequence) is not the one that was written"
        } else if let first, first > 1, filesAside < filesMax {
            fault = "entries 1 to \(first - 1) are missing, and too few files are there for them to have been dropped"
        }
    }
}
