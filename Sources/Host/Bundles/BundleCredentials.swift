public import Diagnostics
public import LaunchPlanning
import RuntimeSpec

/// process.user, process.capabilities and process.noNewPrivileges.
public struct BundleCredentials: BundleContributor {
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "credentials")
        let user = context.process?.user
        let sets = Self.granted(context.process?.capabilities ?? .none, context)
        let groups = context.keptGroups.filter { user?.groups.contains($0) != true } + (user?.groups ?? [])
        try check(sets, context)
        // Without no_new_privs a filter needs CAP_SYS_ADMIN. Exec takes it away again: not in the bounding set, not
        // inheritable, not ambient, it cannot be in what exec computes (capabilities(7)).
        let filters = context.linux.seccomp != nil && context.process?.noNewPrivileges != true
        let extra: CapabilitySet = filters ? [CapabilitySet([.sysAdmin])] : []
        contribution.add(
            .credentials(
                Credentials(
                    uid: user?.uid ?? 0, gid: user?.gid ?? 0, groups: groups,
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
    }

    /// Without those that this process does not hold: the specification wants a container with less and a warning.
    private static func granted(
        _ sets: ProcessSpec.Capabilities, _ context: BundleContext
    ) -> ProcessSpec.Capabilities {
        if context.hasUserNamespace { return sets }
        let held = context.heldCapabilities
        return ProcessSpec.Capabilities(
            bounding: sets.bounding.intersection(held), effective: sets.effective.intersection(held),
            inheritable: sets.inheritable.intersection(held), permitted: sets.permitted.intersection(held),
            ambient: sets.ambient.intersection(held))
    }

    /// Sentences about the capabilities that are asked for and cannot be given, and about one that is given and goes
    /// further than it seems.
    static func notes(_ context: BundleContext) -> [String] {
        guard let sets = context.process?.capabilities, !context.hasUserNamespace else { return [] }
        let wanted = sets.bounding.union(sets.permitted).union(sets.inheritable)
        let missing = wanted.subtracting(context.heldCapabilities).names
        var notes: [String] = []
        if !missing.isEmpty {
            notes.append("\(missing.joined(separator: ", ")) is not given: this process does not hold it")
        }
        // No kernel keeps it from a process of root's that has no user namespace around it, not dumpable or not.
        if sets.bounding.intersection(context.heldCapabilities).contains(.sysPtrace) {
            notes.append("without a user namespace CAP_SYS_PTRACE can take over a process while it joins as root")
        }
        return notes
    }
}
