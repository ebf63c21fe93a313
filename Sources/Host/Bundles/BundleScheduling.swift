import Diagnostics
import LaunchPlanning
import RuntimeSpec

/// process.scheduler, judged by what sched(7) allows before anything is made: the kernel answers EINVAL to all of it.
enum BundleScheduling {
    private static let policies: [String: UInt32] = [
        "SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4, "SCHED_IDLE": 5,
        "SCHED_DEADLINE": 6,
    ]
    private static let flags: [String: UInt64] = [
        "SCHED_FLAG_RESET_ON_FORK": 1, "SCHED_FLAG_RECLAIM": 2, "SCHED_FLAG_DL_OVERRUN": 4,
        "SCHED_FLAG_KEEP_POLICY": 8, "SCHED_FLAG_KEEP_PARAMS": 0x10, "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
        "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
    ]
    /// Nanoseconds, sched(7).
    private static let times: ClosedRange<UInt64> = 1_024...(1 << 63 - 1)

    static func request(_ scheduling: ProcessSpec.Scheduling) throws(Failure) -> SchedulingRequest {
        guard let policy = policies[scheduling.policy] else {
            throw refused("policy", "there is no policy \(Untrusted.shown(scheduling.policy))")
        }
        var request = SchedulingRequest(
            policy: policy, nice: scheduling.nice, runtime: scheduling.runtime ?? 0,
            deadline: scheduling.deadline ?? 0, period: scheduling.period ?? 0)
        for name in scheduling.flags {
            guard let flag = flags[name] else { throw refused("flags", "there is no flag \(Untrusted.shown(name))") }
            request.flags |= flag
        }
        guard (-20...19).contains(scheduling.nice) else {
            throw refused("nice", "\(scheduling.nice) is not between -20 and 19")
        }
        request.priority = try priority(scheduling)
        if scheduling.policy == "SCHED_DEADLINE" {
            try checkTimes(scheduling)
        } else if request.runtime | request.deadline | request.period != 0 {
            throw SpecObject.refusal("process.scheduler", "runtime, deadline and period belong to SCHED_DEADLINE")
        }
        return request
    }

    private static func priority(_ scheduling: ProcessSpec.Scheduling) throws(Failure) -> UInt32 {
        let isRealtime = scheduling.policy == "SCHED_FIFO" || scheduling.policy == "SCHED_RR"
        guard scheduling.priority >= 0 else { throw refused("priority", "it is less than 0") }
        guard isRealtime ? (1...99).contains(scheduling.priority) : scheduling.priority == 0 else {
            let range = isRealtime ? "between 1 and 99" : "0"
            throw refused("priority", "\(scheduling.policy) has a priority of \(range), not \(scheduling.priority)")
        }
        return UInt32(scheduling.priority)
    }

    /// Runtime, deadline and period are none longer than the next; no period is one as long as the deadline.
    private static func checkTimes(_ scheduling: ProcessSpec.Scheduling) throws(Failure) {
        let (runtime, deadline) = (try time("runtime", scheduling.runtime), try time("deadline", scheduling.deadline))
        guard runtime <= deadline else { throw tooLong("runtime", runtime, "deadline", deadline) }
        guard let period = scheduling.period, period > 0 else { return }
        guard deadline <= (try time("period", period)) else { throw tooLong("deadline", deadline, "period", period) }
    }

    private static func time(_ name: String, _ value: UInt64?) throws(Failure) -> UInt64 {
        guard let value else { throw wrongTime(name, "requires `\(name)`") }
        guard value > 0 else { throw wrongTime(name, "\(name) must be greater than 0") }
        guard times.contains(value) else {
            throw wrongTime(name, "\(name) (\(value)) must be between \(times.lowerBound) and \(times.upperBound)")
        }
        return value
    }

    private static func tooLong(_ name: String, _ value: UInt64, _ other: String, _ most: UInt64) -> Failure {
        wrongTime(name, "\(name) (\(value)) must be <= \(other) (\(most))")
    }

    /// In the words that others have for these, which callers look for.
    private static func wrongTime(_ name: String, _ cause: String) -> Failure {
        refused(name, "sched_setattr: `SCHED_DEADLINE` \(cause)")
    }

    private static func refused(_ name: String, _ cause: String) -> Failure {
        SpecObject.refusal("process.scheduler.\(name)", cause, remedy: "see sched(7)")
    }
}
