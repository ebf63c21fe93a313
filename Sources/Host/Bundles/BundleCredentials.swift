public import Diagnostics
public import LaunchPlanning
import RuntimeSpec

/// process.user, process.capabilities and process.noNewPrivileges.
public struct BundleCredentials: BundleContributor {
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "credentials")
        let user = context.process?.user
        let sets = context.process?.capabilities ?? .none
        try check(sets, context)
        // Without no_new_privs a filter needs CAP_SYS_ADMIN. Exec takes it away again: not in the bounding set, not
        // inheritable, not ambient, it cannot be in what exec computes (capabilities(7)).
        let filters = context.linux.seccomp != nil && context.process?.noNewPrivileges != true
        let extra: CapabilitySet = filters ? [CapabilitySet([.sysAdmin])] : []
        contribution.add(
            .credentials(
                Credentials(
                    uid: user?.uid ?? 0, gid: user?.gid ?? 0, groups: user?.groups ?? [],
                    bounding: sets.bounding.rawValue, effective: sets.effective.union(extra).rawValue,
                    permitted: sets.permitted.union(extra).rawValue, inheritable: sets.inheritable.rawValue,
                    ambient: sets.ambient.intersection(sets.permitted).intersection(sets.inheritable).rawValue)),
            at: .credentials)
        if context.process?.noNewPrivileges == true { contribution.add(.noNewPrivileges, at: .noNewPrivileges) }
        return contribution
    }

    /// An ambient capability that is not permitted and inheritable is not given, as by every other runtime: buildah
    /// asks for them.
    private func check(_ sets: ProcessSpec.Capabilities, _ context: BundleContext) throws(Failure) {
        guard sets.effective.isSubset(of: sets.permitted) else {
            throw SpecObject.refusal("process.capabilities.effective", "an effective capability must be permitted")
        }
        if context.hasUserNamespace { return }
        let wanted = sets.bounding.union(sets.permitted).union(sets.inheritable)
        let missing = wanted.subtracting(context.heldCapabilities)
        guard missing.isEmpty else {
            throw SpecObject.refusal(
                "process.capabilities", "\(missing.names.joined(separator: ", ")) is not held by this process itself",
                remedy: "run it with every capability, or leave these out")
        }
    }
}
