import Crypto

/// A line of the log of launches: canonical JSON whose `hash` covers everything else in it, `prev` included, which is
/// the hash of the line before. Nothing can be changed, left out or put in without breaking the chain behind it.
public struct AuditLogEntry: Equatable, Sendable {
    public static let firstPrevious = String(repeating: "0", count: 64)

    public var sequence: Int64
    /// Milliseconds since 1970.
    public var time: Int64
    /// `launch`, `exec`, `refusal`.
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
            if isAnchored, entry.previous != expected {
                fault = "\(place) does not follow the line before it"
            } else if let last, entry.sequence != last + 1 {
                fault = "\(place) has the number \(entry.sequence) after \(last)"
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
}
