import ClusterModel

/// Whether an agent that was one thing may go on as another. More than before is always possible; less where nothing
/// has what is missing. Anything else would be another agent, and what runs here would be nobody's.
enum Reconfiguration: Equatable {
    /// With what there is to give from now on; nil: what is configured.
    case possible(totals: [Resource]?)
    /// Says what differs, and what to do.
    case impossible(String)

    /// - Parameter hasRebooted: what ran when the journal was written runs no more, and uses nothing.
    init(from old: AgentIdentity, to new: AgentIdentity, of state: AgentState, hasRebooted: Bool) {
        var faults: [String] = []
        if new.hostname != old.hostname {
            faults.append("its host name was '\(old.hostname)' and is '\(new.hostname)'")
        }
        if let domain = old.domain, domain != new.domain { faults.append("its fault domain has changed") }
        let (before, now) = (Resources(old.resources), Resources(new.resources))
        let less = before - now
        // Reservations and volumes stay; what is new is added beside them, what is missing is taken from the rest.
        let totals = Resources(state.totals ?? old.resources)
        let left = totals - less + (now - before)
        let used = hasRebooted ? .none : state.resourcesInUse
        for missing in less
        where !totals.contains(missing) || !left.contains(used.only { $0.isSameKind(as: missing) }) {
            faults.append("it has not got \(missing) any more, and that is in use")
        }
        // What the host probe found may change with the host.
        for attribute in old.attributes
        where !attribute.name.begins(with: "bulkhead.") && !new.attributes.contains(attribute) {
            faults.append("its attribute '\(attribute.name)' is gone or different")
        }
        guard faults.isEmpty else {
            self = .impossible(
                "this configuration is not that of the agent that ran here before: "
                    + "\(faults.joined(separator: "; ")). "
                    + "Start it as it was, or once with --recover=cleanup, which ends its tasks")
            return
        }
        self = .possible(totals: state.totals == nil ? nil : Array(left))
    }
}

extension AgentState {
    /// What tasks and executors that are not over have, in nobody's hands.
    var resourcesInUse: Resources {
        var used = Resources.none
        for task in tasks.values where !task.state.isTerminal { used += Resources(task.spec.resources).unallocated() }
        for run in executors.values where containers[run.container]?.exit == nil {
            used += Resources(run.spec.resources).unallocated()
        }
        return used
    }
}
