public import Diagnostics
import LinuxKernel
import Synchronization

/// The way into the log for a process that is asked things by others, who may ask again and again: an entry is written
/// before what it accounts for is done, its repetitions are only counted for an interval, and the next line says how
/// many there were. Otherwise whoever is refused often enough would rotate the log's launches away.
public final class AuditLedger: Sendable {
    /// Seconds for which an entry is not written again.
    public static let interval: Double = 60

    private let log: AuditLog
    private let clock: @Sendable () -> Double
    private let recent = Mutex(RecentEntries())

    public convenience init(_ log: AuditLog) { self.init(log, clock: { HostFacts.monotonicClock() }) }

    /// `clock` gives seconds and never goes back.
    public init(_ log: AuditLog, clock: @escaping @Sendable () -> Double) {
        self.log = log
        self.clock = clock
    }

    /// Writes an entry, or counts it: of entries that have the same event and the same details of the names
    /// `distinct`, one is written an interval. The first of the names says who is charged with it: nobody has more than
    /// a few different entries an interval, and what is beyond that is counted too. Without names it is always written.
    /// - Throws: `audit.unwritable`; then it was neither written nor counted.
    public func append(
        _ event: String, _ details: [String: String], distinct names: [String] = []
    ) throws(Failure) {
        // Held while it is written: a repetition must not be taken for accounted for before the first one is.
        try recent.withLock { table throws(Failure) in try write(event, details, distinct: names, &table) }
    }

    /// Writes what has been counted and not told yet, before the process ends. Idempotent.
    /// - Throws: `audit.unwritable`.
    public func settle() throws(Failure) {
        try recent.withLock { table throws(Failure) in try tell(table.over(at: .infinity), &table) }
    }

    private func write(
        _ event: String, _ details: [String: String], distinct names: [String], _ table: inout RecentEntries
    ) throws(Failure) {
        let now = clock()
        guard !names.isEmpty else {
            try tell(table.over(at: now), &table)
            return try log.append(event, details)
        }
        var details = details.mapValues { RecentEntries.cut($0) }
        let exact = RecentEntries.Key(event, details, distinct: names)
        // Its own count is told by the line itself.
        try tell(table.over(at: now).filter { $0.key != exact }, &table)
        let key = table.place(exact)
        if table.counts(key, at: now) { return }
        let leftOut = table.leftOut(key)
        if leftOut > 0 { details["leftOut"] = "\(leftOut)" }
        try log.append(event, details)
        table.note(key, until: now + Self.interval)
    }

    private func tell(_ over: [RecentEntries.Repeated], _ table: inout RecentEntries) throws(Failure) {
        for repeated in over {
            try log.append("repeated", repeated.details)
            table.remove(repeated.key)
        }
    }
}
