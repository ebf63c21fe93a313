public import Determinism

/// A machine as the maintenance schedule names it: agents with both parts equal run on it.
public struct MachineID: Hashable, Comparable, Sendable {
    public var hostname: String?
    public var address: String?

    public init(hostname: String? = nil, address: String? = nil) {
        self.hostname = hostname
        self.address = address
    }

    public static func < (left: MachineID, right: MachineID) -> Bool {
        (left.hostname ?? "", left.address ?? "") < (right.hostname ?? "", right.address ?? "")
    }
}

public enum MachineMode: String, Sendable, CaseIterable {
    case up = "UP"
    /// In the schedule.
    case draining = "DRAINING"
    case down = "DOWN"
}

/// Machines that are away together.
public struct MaintenanceWindow: Hashable, Sendable {
    public var machines: [MachineID]
    public var unavailability: Unavailability

    public init(machines: [MachineID], unavailability: Unavailability) {
        self.machines = machines
        self.unavailability = unavailability
    }
}

/// The whole of it: a new schedule takes the place of the old one.
public struct MaintenanceSchedule: Hashable, Sendable {
    public var windows: [MaintenanceWindow]

    public init(_ windows: [MaintenanceWindow] = []) {
        self.windows = windows
    }
}

/// How an agent is emptied.
public struct DrainConfiguration: Hashable, Sendable {
    /// No task gets longer between the polite signal and the end; nil: what each asked for.
    public var maxGracePeriod: Duration?
    /// Once empty, it never comes back.
    public var marksGone: Bool

    public init(maxGracePeriod: Duration? = nil, marksGone: Bool = false) {
        self.maxGracePeriod = maxGracePeriod
        self.marksGone = marksGone
    }
}

public enum DrainState: String, Sendable, CaseIterable {
    case draining = "DRAINING"
    case drained = "DRAINED"
}

/// How far the emptying of an agent has come.
public struct DrainInfo: Hashable, Sendable {
    public var state: DrainState
    public var configuration: DrainConfiguration
    public var startedAt: Instant?

    public init(state: DrainState, configuration: DrainConfiguration, startedAt: Instant? = nil) {
        self.state = state
        self.configuration = configuration
        self.startedAt = startedAt
    }
}
