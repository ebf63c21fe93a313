public import Diagnostics
public import LaunchPlanning
import RuntimeSpec

/// linux.memoryPolicy: from which NUMA nodes the task gets its memory, set_mempolicy(2).
public struct BundleMemoryPolicy: BundleContributor {
    public init() {}

    /// Modes that are about no node in particular.
    private static let nodeless: Set<String> = ["MPOL_DEFAULT", "MPOL_LOCAL"]
    /// As many as Linux can be built for.
    static let nodesMax = 1_024

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "memory-policy")
        guard let policy = context.linux.memoryPolicy else { return contribution }
        let field = "linux.memoryPolicy"
        guard let mode = MemoryPolicyNames.modes.firstIndex(of: policy.mode) else {
            throw SpecObject.refusal(
                "\(field).mode",
                policy.mode.isEmpty
                    ? "invalid memory policy mode: it is missing"
                    : "invalid memory policy mode: there is no \(Untrusted.shown(policy.mode))",
                remedy: "name one of set_mempolicy(2), such as MPOL_BIND")
        }
        var value = UInt32(mode)
        for name in policy.flags {
            guard let flag = MemoryPolicyNames.flags.first(where: { $0.name == name }) else {
                throw SpecObject.refusal(
                    "\(field).flags", "invalid memory policy flag: there is no \(Untrusted.shown(name))")
            }
            value |= flag.bit
        }
        guard let nodes = NumberList.numbers(policy.nodes, below: Self.nodesMax) else {
            throw SpecObject.refusal(
                "\(field).nodes", "invalid memory policy node in \(Untrusted.shown(policy.nodes))",
                remedy: "give numbers below \(Self.nodesMax), such as 0-3,8")
        }
        guard nodes.isEmpty || !Self.nodeless.contains(policy.mode) else {
            throw SpecObject.refusal("\(field).nodes", "\(policy.mode) mode requires 0 nodes but got \(nodes.count)")
        }
        contribution.add(.memoryPolicy(mode: value, nodes: NumberList.words(nodes)), at: .resources)
        return contribution
    }
}
