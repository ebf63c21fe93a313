public import Diagnostics
public import LaunchPlanning
import LinuxKernel
import RuntimeSpec

/// process.rlimits, process.scheduler, process.ioPriority and linux.personality: of the task, so set late.
public struct BundleLimits: BundleContributor {
    public init() {}

    private static let limits = [
        "CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING",
        "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
    ]
    /// Limits that are lowered to what this process may give, a sentence each.
    static func notes(_ process: ProcessSpec?, ceilings: [UInt32: UInt64]) -> [String] {
        (process?.limits ?? []).compactMap { limit in
            guard let number = limits.firstIndex(of: String(limit.type.dropFirst("RLIMIT_".count))),
                let ceiling = ceilings[UInt32(number)], limit.hard > ceiling
            else { return nil }
            return "\(limit.type) is \(ceiling) and not \(limit.hard): CAP_SYS_RESOURCE is missing to raise it"
        }
    }

    /// What may not be raised here.
    static func ceilings(_ process: ProcessSpec?, held: CapabilitySet) -> [UInt32: UInt64] {
        guard let process, !held.contains(.sysResource) else { return [:] }
        var result: [UInt32: UInt64] = [:]
        for limit in process.limits {
            guard let number = limits.firstIndex(of: String(limit.type.dropFirst("RLIMIT_".count))) else { continue }
            result[UInt32(number)] = HostFacts.hardLimit(of: UInt32(number))
        }
        return result
    }

    private static let classes: [String: UInt32] = ["IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3]

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "limits")
        if let (domain, flags) = context.linux.personality {
            let values: [String: UInt64] = ["LINUX": 0, "LINUX32": 8]
            guard let value = values[domain] else {
                throw SpecObject.refusal("linux.personality.domain", "there is no domain \(Untrusted.shown(domain))")
            }
            guard flags.isEmpty else { throw SpecObject.refusal("linux.personality.flags", "no flag is supported") }
            contribution.add(.personality(value), at: .resources)
        }
        guard let process = context.process else { return contribution }
        for limit in process.limits {
            guard let number = Self.limits.firstIndex(of: String(limit.type.dropFirst("RLIMIT_".count))) else {
                throw SpecObject.refusal("process.rlimits", "there is no limit \(Untrusted.shown(limit.type))")
            }
            // Less than was asked for is stricter, never weaker; `create` says so.
            let ceiling = context.ceilings[UInt32(number)] ?? .max
            contribution.add(
                .limit(
                    ResourceLimit(
                        resource: UInt32(number), soft: min(limit.soft, ceiling), hard: min(limit.hard, ceiling))),
                at: .resources)
        }
        if let priority = process.ioPriority {
            guard let kind = Self.classes[priority.class] else {
                throw SpecObject.refusal(
                    "process.ioPriority.class", "there is no class \(Untrusted.shown(priority.class))")
            }
            guard (0...7).contains(priority.priority) else {
                throw SpecObject.refusal("process.ioPriority.priority", "\(priority.priority) is not between 0 and 7")
            }
            contribution.add(.ioPriority(kind << 13 | UInt32(priority.priority)), at: .resources)
        }
        if let scheduling = process.scheduling {
            contribution.add(.schedule(try BundleScheduling.request(scheduling)), at: .resources)
        }
        return contribution
    }
}
