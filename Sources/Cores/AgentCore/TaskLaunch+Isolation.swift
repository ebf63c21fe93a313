import ClusterModel
import Containers
import Diagnostics

/// Walls: capabilities, system calls, shared memory, limits of processes and of the container.
extension TaskLaunch {
    func isolation(of draft: Draft) throws(Failure) -> IsolationRequest {
        var isolation = draft.walls
        isolation.hostname = draft.hostname ?? ""
        isolation.network = try network(of: draft)
        for limit in draft.container?.processLimits ?? [] {
            let name = limit.kind.rawValue.dropFirst("RLMT_".count).lowercased()
            if (limit.soft == nil) != (limit.hard == nil) {
                throw refusal(
                    "launch.rlimit", "\(limit.kind.rawValue) has only one of soft and hard",
                    remedy: "give both, or neither for no limit", field: "container.rlimit_info")
            }
            let asked = NamedLimit(name: name, soft: limit.soft, hard: limit.hard)
            if asked.putsBeforeOthers {
                throw refusal(
                    "launch.rlimit", "\(limit.kind.rawValue) above 0 would put it before all other tasks",
                    remedy: "leave it out: its processors are its resource cpus", field: "container.rlimit_info")
            }
            isolation.resourceLimits.removeAll { $0.name == name }
            isolation.resourceLimits.append(asked)
        }
        if draft.container?.docker?.isPrivileged == true {
            guard policy.allowsPrivileged else {
                throw refusal(
                    "launch.privileged", "this agent runs nothing privileged",
                    remedy: "ask for the capabilities it needs, or start the agent with --allow-privileged",
                    field: "container.docker.privileged")
            }
            isolation.seccomp = .unconfined
            isolation.maskedPaths = []
            isolation.readOnlyPaths = []
        }
        try apply(draft.container?.linux, of: draft, to: &isolation)
        return isolation
    }

    private func apply(_ linux: LinuxOptions?, of draft: Draft, to isolation: inout IsolationRequest) throws(Failure) {
        guard let linux else { return }
        if linux.sharesProcessNamespace {
            throw refusal(
                "launch.pid-namespace", "every container here has a process namespace of its own",
                remedy: "leave share_pid_namespace out", field: "container.linux_info.share_pid_namespace")
        }
        switch (linux.ipcMode, draft.parent != nil) {
        case (.shareParent, false):
            throw refusal(
                "launch.ipc", "it has no parent whose shared memory it could share",
                remedy: "leave ipc_mode out", field: "container.linux_info.ipc_mode")
        case (.private, true):
            throw refusal(
                "launch.ipc", "the containers of a group share their shared memory",
                remedy: "leave ipc_mode out, or run the task by itself", field: "container.linux_info.ipc_mode")
        default: break
        }
        if linux.sharedMemoryMegabytes != nil, draft.parent != nil {
            throw refusal(
                "launch.ipc", "the containers of a group share their executor's shared memory",
                remedy: "give the size at the executor", field: "container.linux_info.shm_size")
        }
        if let megabytes = linux.sharedMemoryMegabytes { isolation.sharedMemoryBytes = UInt64(megabytes) << 20 }
        switch linux.seccomp {
        case nil: break
        case .unconfined:
            guard policy.allowsUnconfined else {
                throw refusal(
                    "launch.unconfined", "this agent runs nothing without a system call filter",
                    remedy: "name a profile, or start the agent with --allow-unconfined",
                    field: "container.linux_info.seccomp.unconfined")
            }
            isolation.seccomp = .unconfined
        case .profile(let name):
            isolation.seccomp = try seccomp(named: name, field: "container.linux_info.seccomp.profile_name")
        }
    }

    func seccomp(named name: String, field: String) throws(Failure) -> IsolationRequest.Seccomp {
        switch name {
        case "standard", "builtin", "default", "default.json": return .standard
        case "strict": return .strict
        default:
            guard let profile = policy.seccompProfiles.first(where: { $0.name == name }) else {
                let known = (["standard", "strict"] + policy.seccompProfiles.map(\.name)).joined(separator: ", ")
                throw refusal(
                    "launch.seccomp-profile", "this agent has no seccomp profile '\(name)'",
                    remedy: "use one of \(known), or start the agent with --seccomp-profile "
                        + "\(Untrusted.shown(name))=FILE",
                    field: field)
            }
            return .profile(name: profile.name, json: profile.json)
        }
    }

    // MARK: Capabilities

    /// What is added to the default set and taken from it.
    func capabilities(of draft: Draft) throws(Failure) -> (added: [String], dropped: [String]) {
        var added = draft.addedCapabilities
        var dropped = draft.droppedCapabilities
        if let linux = draft.container?.linux, let asked = linux.effectiveCapabilities ?? linux.boundingCapabilities {
            if let bounding = linux.boundingCapabilities {
                let allowed = try CapabilitySet(names: bounding)
                guard allowed.isSuperset(of: try CapabilitySet(names: asked)) else {
                    throw refusal(
                        "launch.capabilities", "effective_capabilities go beyond bounding_capabilities",
                        remedy: "name each of them in both", field: "container.linux_info.effective_capabilities")
                }
            }
            added += asked
            dropped.append("ALL")
        }
        if draft.container?.docker?.isPrivileged == true { added.append("ALL") }
        let wanted = try CapabilitySet(names: added)
        let grantable = policy.allowsPrivileged ? .all : policy.grantableCapabilities.union(.rootDefault)
        let refused = wanted.subtracting(grantable)
        guard refused.isEmpty else {
            throw refusal(
                "launch.capabilities", "this agent does not give out \(refused.names.joined(separator: ", "))",
                remedy: "do without, or start the agent with --allow-capability",
                field: "container.linux_info.effective_capabilities")
        }
        return (added, dropped)
    }

    // MARK: Limits

    /// Less cannot be held: a millisecond of every tenth of a second.
    static let processorsMin = 0.01

    /// Processors and memory as cgroups hold them. A request is a share and, unless the task's limits say otherwise, a
    /// bound as well.
    func limits(_ resources: [Resource], _ bounds: [String: ResourceLimit] = [:]) -> ContainerLimits {
        let bag = Resources(resources)
        var limits = ContainerLimits()
        let cpus = bag.amount(of: "cpus")
        if !cpus.isZero {
            limits.cpus = bound(bounds["cpus"], cpus).map { max(Self.processorsMin, $0.value) }
            limits.cpuWeight = UInt64(max(1, min(10_000, (cpus.value * 100).rounded())))
        }
        let memory = bag.amount(of: "mem")
        if !memory.isZero { limits.memory = bound(bounds["mem"], memory).map { UInt64($0.value * 1_048_576) } }
        if policy.limitsDisk { limits.disk = diskLimit(resources, bounds["disk"]) }
        return limits
    }

    /// Bytes; what a persistent volume takes is its own.
    private func diskLimit(_ resources: [Resource], _ limit: ResourceLimit?) -> UInt64? {
        let disk = Resources(resources.filter { !$0.isPersistentVolume }).amount(of: "disk")
        if disk.isZero { return nil }
        return bound(limit, disk).map { max(1 << 20, UInt64($0.value * 1_048_576)) }
    }

    private func bound(_ limit: ResourceLimit?, _ request: Scalar) -> Scalar? {
        switch limit {
        case nil: request
        case .infinite: nil
        case .atMost(let most): most
        }
    }

    func checkedLimits(_ draft: Draft, _ isolation: inout IsolationRequest) throws(Failure) -> ContainerLimits {
        if draft.isHold { return ContainerLimits() }
        var limits = limits(draft.resources, draft.limits)
        (limits.cpuset, limits.io, limits.ioWeight) = (draft.cpuset, draft.io, draft.ioWeight)
        if let pids = draft.pids {
            limits.pids = pids
            limits.pidsAsked = true
        }
        // The master gave out nothing for it: it may have what its parent was given, and no more.
        if draft.isOrdered, let parent = draft.parent { limits = limits.narrowed(to: parent.launch.limits) }
        // Whether it can be held is known where the container is made: by the file systems its files are on.
        if policy.allowsUnenforced {
            if limits.disk != nil { isolation.allowedUnenforced.append("disk") }
            if limits.cpuset != nil { isolation.allowedUnenforced.append("cpuset") }
            if !limits.io.isEmpty || limits.ioWeight != nil { isolation.allowedUnenforced.append("io") }
        }
        if let name = draft.limits.keys.sorted().first(where: { !["cpus", "mem", "disk"].contains($0) }) {
            throw refusal(
                "launch.limits", "this agent bounds cpus, mem and disk, not \(Untrusted.shown(name))",
                remedy: "leave it out", field: "limits")
        }
        var asked: [String] = []
        if limits.cpus != nil || limits.cpuWeight != nil { asked.append("cpu") }
        if limits.memory != nil { asked += ["memory", "swap"] }
        if limits.pidsAsked { asked.append("pids") }
        let lacking = asked.filter(policy.unenforceable.contains)
        guard !lacking.isEmpty else { return limits }
        guard policy.allowsUnenforced else {
            throw refusal(
                "launch.unenforceable", "this host cannot hold a task to its \(lacking.joined(separator: ", ")) limit",
                remedy: "use another host, or start the agent with --unenforced allow", field: "resources")
        }
        isolation.allowedUnenforced += lacking
        return limits
    }
}

extension NamedLimit {
    /// Whether a process may raise its own priority. A real-time one goes before everybody else's, and no processor
    /// limit holds it.
    var putsBeforeOthers: Bool { ["rtprio", "nice"].contains(name) && (soft != 0 || hard != 0) }
}
