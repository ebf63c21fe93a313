public import Diagnostics

/// An ordered list of records that outlives the process: what a core said must be durable before anything else happens.
///
/// The promises every implementation keeps, and one contract suite checks:
/// - `append` has made its record durable when it returns, and a record is seen whole or not at all after any crash;
/// - records come back in the order in which their appends were called, duplicates and all;
/// - a record that was acknowledged is never silently lost to damage in the middle of the journal: opening fails;
/// - after a failed append nothing is known of that record, and every later append fails too, until a replacement
///   succeeds: it leaves nothing of which nothing is known.
public protocol Journal: Sendable {
    /// The largest record taken, in bytes.
    var recordBytesMax: Int { get }

    /// Makes `record` durable. Safe to call from many tasks at once; they share one write to the disk.
    ///
    /// - Throws: `journal.record-too-large`, `journal.overloaded` (try later) and `journal.write`, which is final until
    ///   a replacement succeeds.
    func append(_ record: [UInt8]) async throws(Failure)

    /// Every record, oldest first.
    func records() async throws(Failure) -> [[UInt8]]

    /// Puts `records` in the place of everything, at once: a crash leaves all the old ones or all the new ones.
    /// Appends called before this one are replaced, later ones follow the new records. To be tried as often as one
    /// likes, also after a failed append.
    func replace(with records: [[UInt8]]) async throws(Failure)

    /// Bytes the journal takes, for deciding when to replace it.
    func byteCount() async -> UInt64
}

extension Failure {
    /// What every journal answers for a record over its bound.
    public static func recordTooLarge(_ count: Int, limit: Int) -> Failure {
        Failure(
            "journal.record-too-large", doing: "write to the journal", cause: "the record has \(count) bytes",
            remedy: "make the record smaller", limit: "record bytes \(limit)")
    }
}

/// A journal that lives as long as the object: for tests, and for clusters that are allowed to forget.
public actor MemoryJournal: Journal {
    public nonisolated let recordBytesMax: Int
    private var stored: [[UInt8]]

    public init(_ records: [[UInt8]] = [], recordBytesMax: Int = 1 << 20) {
        stored = records
        self.recordBytesMax = recordBytesMax
    }

    public func append(_ record: [UInt8]) throws(Failure) {
        guard record.count <= recordBytesMax else {
            throw Failure.recordTooLarge(record.count, limit: recordBytesMax)
        }
        stored.append(record)
    }

    public func records() -> [[UInt8]] { stored }

    public func replace(with records: [[UInt8]]) throws(Failure) {
        for record in records where record.count > recordBytesMax {
            throw Failure.recordTooLarge(record.count, limit: recordBytesMax)
        }
        stored = records
    }

    public func byteCount() -> UInt64 { UInt64(stored.reduce(0) { $0 + $1.count }) }
}
