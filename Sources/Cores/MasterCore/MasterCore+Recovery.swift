import Allocation
import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics

/// How a master begins: with what the registry has, and time for the others to come back.
extension MasterCore {
    /// Fills the tables. Timers and everything else that needs the time is for `start`.
    mutating func recover(_ registry: RegistrySnapshot) {
        for (role, weight) in weights.sorted(by: { $0.key < $1.key }) { allot(weight, to: role) }
        for (role, quota) in quotas.sorted(by: { $0.key < $1.key }) { allot(quota, to: role) }
        var former: [(at: Instant, id: AgentID)] = []
        for (id, entry) in registry.agents.sorted(by: { $0.key < $1.key }) {
            if let key = entry.key { agentKeys[key] = id }
            switch entry.standing {
            case .registered:
                agents[id] = AgentRecord(entry: entry, isRecovered: true)
                recoveredAgents += 1
            case .unreachable(let at), .gone(let at):
                formerAgents[id] = FormerAgent(entry: entry)
                former.append((at, id))
            }
        }
        formerOrder = former.sorted { ($0.at, $0.id) < ($1.at, $1.id) }.map(\.id)
        var removed: [(at: Instant, id: FrameworkID)] = []
        for (id, entry) in registry.frameworks.sorted(by: { $0.key < $1.key }) {
            if let at = entry.removed {
                removedFrameworks[id] = at
                removed.append((at, id))
            } else {
                var record = FrameworkRecord(
                    info: entry.info, connection: .recovered, isActive: false, registered: entry.registered)
                record.failoverDeadline = entry.failoverDeadline
                record.storedDeadline = entry.failoverDeadline
                frameworks[id] = record
            }
        }
        removalOrder = removed.sorted { ($0.at, $0.id) < ($1.at, $1.id) }.map(\.id)
    }

    /// What the registry has was valid when it was written; should it not be, the rest counts all the same.
    private mutating func allot(_ weight: Double, to role: RoleName) {
        do throws(Failure) { try allocator.setWeight(weight, for: role) } catch { noteUnfit(error) }
    }

    private mutating func allot(_ quota: Quota, to role: RoleName) {
        do throws(Failure) { try allocator.setQuota(quota, for: role) } catch { noteUnfit(error) }
    }

    private mutating func noteUnfit(_ failure: Failure) {
        recoveryNotes.append(
            Note(
                "registry.unfit", "A record of the registry does not fit and is not applied", level: .error,
                ["failure": failure.description]))
    }

    mutating func start(at now: Instant) {
        elected = now
        for note in recoveryNotes { emit(.note(note)) }
        recoveryNotes = []
        note(
            "master.started", "This master leads",
            [
                "master": configuration.master.id, "agents": "\(agents.count)", "frameworks": "\(frameworks.count)",
                "former-agents": "\(formerAgents.count)",
            ])
        _ = setTimer(.heartbeat, at: now + configuration.heartbeatInterval)
        _ = setTimer(.forgetting, at: now + Self.forgettingInterval)
        if !agents.isEmpty {
            recoveryEnds = now + configuration.agentReturnWindow
            _ = setTimer(.agentReturn, at: now + configuration.agentReturnWindow)
        }
        for id in frameworks.keys.sorted() { awaitReturn(of: id, at: now) }
        maintenanceStarted(at: now)
    }

    /// A framework that was away has the rest of its time, one that was not has all of it; neither less than the
    /// window, for it could not come back while there was no master. One that was connected has as long as the agents,
    /// whatever it asked for: that a master changes must not end anybody's tasks.
    private mutating func awaitReturn(of id: FrameworkID, at now: Instant) {
        guard let record = frameworks[id] else { return }
        let deadline: Instant
        if let stored = record.failoverDeadline {
            deadline = max(stored, now + configuration.frameworkReturnWindow)
        } else {
            deadline = now + max(record.info.failoverTimeout, configuration.agentReturnWindow)
        }
        frameworks[id]?.failoverDeadline = deadline
        let timer = setTimer(.failover(id), at: deadline)
        frameworks[id]?.failoverTimer = timer
    }

    /// Agents that have not come back in time are unreachable, one by one as the rate allows.
    mutating func returnWindowEnded(at now: Instant) {
        recoveryEnds = nil
        for id in agents.keys.sorted() where agents[id]?.isRecovered == true && agents[id]?.transition == nil {
            counters.recoveredAgentRemovals += 1
            scheduleRemoval(of: id, at: now)
        }
    }

    // MARK: Forgetting

    static let forgettingInterval = Duration.seconds(900)

    /// Drops what the registry knows of agents that have been away for very long, or when there are too many.
    mutating func forgetFormerAgents(at now: Instant) {
        _ = setTimer(.forgetting, at: now + Self.forgettingInterval)
        var kept: [AgentID] = []
        var met: Set<AgentID> = []
        var changes: [RegistryChange] = []
        var excess = formerOrder.count - configuration.limits.formerAgentsMax
        for id in formerOrder {
            // Who came back and left again stands in line twice.
            guard let former = formerAgents[id], met.insert(id).inserted else { continue }
            let isOld = former.since + configuration.agentMemory <= now
            if former.transition == nil, isOld || excess > 0 {
                formerAgents[id] = nil
                forgetKey(former.entry)
                changes.append(.remove(.agent(id)))
                excess -= 1
            } else {
                kept.append(id)
            }
        }
        formerOrder = kept
        if !changes.isEmpty {
            note("agents.forgotten", "Agents that were away for long are forgotten", ["agents": "\(changes.count)"])
            persist(changes, then: .kept)
        }
    }
}

extension FormerAgent {
    var since: Instant {
        switch entry.standing {
        case .registered: entry.registered
        case .unreachable(let at), .gone(let at): at
        }
    }
}
