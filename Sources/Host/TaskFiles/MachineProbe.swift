public import AgentCore
public import ClusterModel
public import Diagnostics
public import HostProbe
import LinuxKernel
import Waiting

/// What an agent says of its machine, found out by looking.
public enum MachineProbe {
    /// Sizes, attributes and what cannot be enforced. Not for Swift's own threads to wait on: it runs on one of ours.
    ///
    /// - Parameter workDirectory: whose file system counts as the agent's disk; or its nearest parent that is there.
    public static func facts(workDirectory: String) async throws(Failure) -> MachineFacts {
        try await ThreadPool.shared.run { () throws(Failure) in
            let host = HostDescription.probe()
            let abilities = HostProbe.abilities()
            return MachineFacts(
                processors: host.processors, memory: host.memoryBytes == 0 ? nil : host.memoryBytes,
                disk: disk(under: workDirectory), attributes: attributes(of: host, abilities),
                unenforceable: unenforceable(abilities))
        }
    }

    private static func disk(under path: String) -> UInt64? {
        var path = path
        while !path.isEmpty, !HostFacts.exists(path) {
            path = String(path[..<(path.lastPosition(of: "/") ?? path.startIndex)])
        }
        // Of a disk that cannot be measured nothing is offered beyond the least.
        do throws(KernelError) { return try FilesystemSpace.at(path.isEmpty ? "/" : path).total } catch { return nil }
    }

    /// `bulkhead.host.kind`, `.hypervisor`, `bulkhead.kernel`, `bulkhead.cgroup`, and for each wall or limit
    /// `bulkhead.isolation.NAME`: `enforced`, or `weakened: why`, or `unavailable: why`.
    public static func attributes(of host: HostDescription, _ abilities: HostAbilities) -> [Attribute] {
        var found = [
            Attribute("bulkhead.host.kind", .text(host.kind.rawValue)),
            Attribute("bulkhead.kernel", .text(host.kernel)),
            Attribute("bulkhead.cgroup", .text(groups(abilities.groups.kind))),
        ]
        if let hypervisor = host.hypervisor { found.append(Attribute("bulkhead.host.hypervisor", .text(hypervisor))) }
        for feature in Feature.allCases {
            let ability = abilities.ability(feature)
            let state = ability.state.rawValue
            let text = ability.state == .enforced ? state : ability.why.map { "\(state): \($0)" } ?? state
            found.append(Attribute("bulkhead.isolation.\(feature.rawValue)", .text(text)))
        }
        return found
    }

    private static func groups(_ kind: ControlGroupLayout.Kind) -> String {
        switch kind {
        case .unified: "v2"
        case .hybrid: "hybrid"
        case .legacy: "v1"
        case .none: "none"
        }
    }

    /// Limits a task is refused for, or runs without where the agent's policy allows it.
    public static func unenforceable(_ abilities: HostAbilities) -> [String] {
        [Feature.cpu, .memory, .swap, .cpuset, .io, .pids].filter { abilities.ability($0).state != .enforced }
            .map(\.rawValue)
    }
}
