/// What can be seen of a container's process from outside, at one moment.
public struct ContainerObservation: Equatable, Sendable {
    /// The recorded process exists and is the recorded one.
    public var isAlive: Bool
    /// Wait status and end (nanoseconds since 1970) from the exit record init wrote, if it did.
    public var record: (waitStatus: Int32, endedAt: UInt64)?
    /// Wait status of init or the monitor, when the caller is its parent and reaped it.
    public var reaped: Int32?
    /// `oom_kill` and `oom_group_kill` of memory.events.
    public var outOfMemoryKills: UInt64
    /// `memory.max` in bytes and the highest use seen, for the message.
    public var memoryLimit: UInt64?
    public var memoryPeak: UInt64?
    /// The host has booted since the container started.
    public var rebooted: Bool

    public init(
        isAlive: Bool, record: (waitStatus: Int32, endedAt: UInt64)? = nil, reaped: Int32? = nil,
        outOfMemoryKills: UInt64 = 0, memoryLimit: UInt64? = nil, memoryPeak: UInt64? = nil, rebooted: Bool = false
    ) {
        self.isAlive = isAlive
        self.record = record
        self.reaped = reaped
        self.outOfMemoryKills = outOfMemoryKills
        self.memoryLimit = memoryLimit
        self.memoryPeak = memoryPeak
        self.rebooted = rebooted
    }

    public static func == (left: ContainerObservation, right: ContainerObservation) -> Bool {
        left.isAlive == right.isAlive && left.record?.waitStatus == right.record?.waitStatus
            && left.record?.endedAt == right.record?.endedAt && left.reaped == right.reaped
            && left.outOfMemoryKills == right.outOfMemoryKills && left.memoryLimit == right.memoryLimit
            && left.memoryPeak == right.memoryPeak && left.rebooted == right.rebooted
    }
}

extension ContainerExit {
    /// How a container that is not alive any more ended. `killOrdered` is the signal a user had us send, if any; `now`
    /// is in seconds since 1970.
    public static func concluded(
        from observation: ContainerObservation, killOrdered: Int32?, now: Double
    ) -> ContainerExit {
        let endedAt = observation.record.map { Double($0.endedAt) / 1e9 } ?? now
        let status = observation.record?.waitStatus ?? observation.reaped
        let signal = status.map { $0 & 0x7f }
        let code = status.map { ($0 & 0x7f) == 0 ? ($0 >> 8) & 0xff : 128 + ($0 & 0x7f) }

        // The kernel's kill of the whole group takes init with it, so no record is there to say it.
        if observation.outOfMemoryKills > 0, signal == 9 || status == nil || code == 137 {
            return ContainerExit(
                reason: .memoryLimit, code: 137, signal: 9, endedAt: endedAt, message: memoryMessage(observation))
        }
        guard let code, let signal else {
            return withoutStatus(observation, killOrdered: killOrdered, endedAt: endedAt)
        }
        if let ordered = killOrdered, signal == ordered || code == 128 + ordered {
            return ContainerExit(
                reason: .killed, code: code, signal: ordered, endedAt: endedAt,
                message: "killed with signal \(ordered) on request")
        }
        if signal != 0 {
            return ContainerExit(
                reason: .ended, code: code, signal: signal, endedAt: endedAt, message: "ended by signal \(signal)")
        }
        return ContainerExit(
            reason: .ended, code: code, endedAt: endedAt, message: code == 0 ? "ended" : "ended with exit code \(code)")
    }

    private static func withoutStatus(
        _ observation: ContainerObservation, killOrdered: Int32?, endedAt: Double
    ) -> ContainerExit {
        if observation.rebooted {
            return ContainerExit(
                reason: .unknown, code: 137, endedAt: endedAt, message: "the host was started anew while it ran")
        }
        if let killOrdered {
            return ContainerExit(
                reason: .killed, code: 128 + killOrdered, signal: killOrdered, endedAt: endedAt,
                message: "killed with signal \(killOrdered) on request")
        }
        return ContainerExit(
            reason: .unknown, code: 137, endedAt: endedAt,
            message: "its first process was killed from outside, so its exit code is not known")
    }

    private static func memoryMessage(_ observation: ContainerObservation) -> String {
        let limit = observation.memoryLimit.map { "its memory limit of \(ByteCount.text($0))" } ?? "the host's memory"
        let peak = observation.memoryPeak.map { " (highest use \(ByteCount.text($0)))" } ?? ""
        return "killed by the kernel: it reached \(limit)\(peak); give it more with --memory"
    }
}

/// Sizes as people read them.
public enum ByteCount {
    /// `64 MiB`, `1.5 GiB`; exact below 1 KiB.
    public static func text(_ bytes: UInt64) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
        guard bytes >= 1_024 else { return "\(bytes) B" }
        var value = Double(bytes)
        var unit = -1
        while value >= 1_024 && unit < units.count - 1 {
            value /= 1_024
            unit += 1
        }
        let tenths = (value * 10).rounded() / 10
        return tenths == tenths.rounded() ? "\(Int(tenths)) \(units[unit])" : "\(tenths) \(units[unit])"
    }
}
