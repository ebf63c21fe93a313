import Containers
public import Diagnostics
import HostProbe
public import LaunchPlanning
import LinuxKernel

/// Resource limits of the process, getrlimit(2), and its place in line when memory runs out, proc(5) oom_score_adj.
public struct ResourceLimitIsolator: Isolator {
    public let name = "resource-limits"
    public init() {}

    /// Never unlimited: programs that close every possible descriptor would loop for minutes.
    static let defaults = [
        NamedLimit(name: "nofile", soft: 1_024, hard: 65_536), NamedLimit(name: "core", soft: 0, hard: 0),
        NamedLimit(name: "memlock", soft: 65_536, hard: 65_536),
        NamedLimit(name: "msgqueue", soft: 819_200, hard: 819_200),
        NamedLimit(name: "sigpending", soft: 8_192, hard: 8_192),
        NamedLimit(name: "nice", soft: 0, hard: 0), NamedLimit(name: "rtprio", soft: 0, hard: 0),
    ]

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        var limits: [(limit: NamedLimit, asked: Bool)] = Self.defaults.map { ($0, false) }
        if let fallback = processFallback(context) { limits.append((fallback, false)) }
        for asked in context.request.isolation.resourceLimits {
            limits.removeAll { $0.limit.name == asked.name }
            limits.append((asked, true))
        }
        for (limit, asked) in limits {
            contribution.add(.limit(try resolve(limit, asked: asked, host: context.host)), at: .resources)
        }
        if context.request.isolation.oomScore != 0 {
            contribution.memoryScore = context.request.isolation.oomScore
        }
        return contribution
    }

    /// Where the pids controller is missing, RLIMIT_NPROC still stops a fork bomb: the kernel counts it for each user
    /// of the container's own user namespace.
    private func processFallback(_ context: LaunchContext) -> NamedLimit? {
        guard context.host.ability(.pids).state != .enforced, let pids = context.request.limits.pids else { return nil }
        return NamedLimit(name: "nproc", soft: pids, hard: pids)
    }

    private func resolve(_ limit: NamedLimit, asked: Bool, host: HostAbilities) throws(Failure) -> ResourceLimit {
        guard let resource = HostFacts.resourceLimitNames.first(where: { $0.name == limit.name }) else {
            throw Failure(
                "isolation.unknown-ulimit", doing: "set the resource limit", on: limit.name,
                cause: "there is no such limit",
                remedy:
                    "known are \(HostFacts.resourceLimitNames.map(\.name).joined(separator: ", ")), see getrlimit(2)",
                field: "ulimit")
        }
        var soft = limit.soft ?? .max
        var hard = limit.hard ?? .max
        let ceiling = host.hardLimits[limit.name] ?? .max
        if hard > ceiling && host.ability(.raiseLimits).state != .enforced {
            if asked {
                throw Failure(
                    "host.cannot-raise-limit", doing: "raise the resource limit \(limit.name) to \(hard)",
                    cause: "the hard limit here is \(ceiling) and CAP_SYS_RESOURCE is missing",
                    remedy: "ask for at most \(ceiling)", field: "ulimit", limit: "\(limit.name) \(ceiling)")
            }
            hard = ceiling
            soft = min(soft, hard)
        }
        return ResourceLimit(resource: resource.number, soft: soft, hard: hard)
    }
}
