public import AuditFormat
public import Auditing
public import AuditTrail

/// Which processes are looked at, and what is known of them beforehand.
public struct ObservationTarget: Sendable {
    public var subject: Subject
    /// The first process, as this host numbers it.
    public var process: Int32
    /// Our own processes inside: init. Known by its record, never by its name.
    public var ownProcesses: Set<Int32>
    /// Path in the version 2 tree; nil: the one the process is in.
    public var controlGroup: String?
    public var declared: DeclaredFacts?
    public var plannedFilter: [UInt8]?
    public var plannedInitFilter: [UInt8]?
    /// The writable layer's directory on this host.
    public var writableLayer: String?
    /// The program our own processes inside are, to know those of an exec.
    public var launcher: String?
    /// Its plan makes a session keyring; nil where nobody has a plan.
    public var hasOwnKeyring: Bool?
    /// Our process that answers calls for it, none when it has ended; nil where nobody asked for one.
    public var emulators: Observed<[Int32]>?
    /// Where it is written down who enters it.
    public var log: AuditLog?

    public init(subject: Subject, process: Int32) {
        self.subject = subject
        self.process = process
        ownProcesses = []
    }
}
