import ClusterModel
import Containers
import Diagnostics
import SeccompFormat

/// Options of another engine's command line that clients send along. Those that narrow, or stay within what the task
/// has, are carried out; those that open a wall if the operator's policy allows them; any other refuses the launch by
/// its name, since a wall or a limit might hang on it. Docs/Decisions/0088.
extension TaskLaunch {
    func applyDockerParameters(to draft: inout Draft) throws(Failure) {
        draft.walls.sharedMemoryBytes = policy.sharedMemoryBytes
        guard let docker = draft.container?.docker else { return }
        if let driver = docker.volumeDriver {
            throw Failure(
                "launch.volume", doing: "launch it", on: driver, cause: "this agent has no volume drivers",
                remedy: "use host paths or persistent volumes", field: "container.docker.volume_driver")
        }
        for (index, parameter) in docker.parameters.enumerated() {
            let option = DockerOption(
                key: parameter.key, value: parameter.value, field: "container.docker.parameters[\(index)]")
            try apply(option, to: &draft)
        }
    }

    private func apply(_ option: DockerOption, to draft: inout Draft) throws(Failure) {
        if try draft.applyToProcess(option) { return }
        if try draft.applyToLimits(option) { return }
        if try draft.applyToFiles(option) { return }
        if try draft.applyToWalls(option) { return }
        if try applyByPolicy(option, to: &draft) { return }
        throw unknown(option)
    }

    /// Where what it asks for is said here.
    private static let elsewhere = [
        "network": "name the network in docker.network or network_infos", "net": "use docker.network or network_infos",
        "publish": "use docker.port_mappings, with ports the task was offered",
        "p": "use docker.port_mappings, with ports the task was offered",
        "memory": "a task's memory is its resource mem, bounded by limits",
        "m": "a task's memory is its resource mem, bounded by limits",
        "cpus": "a task's processors are its resource cpus, bounded by limits",
        "cpu-shares": "a task's share follows from its resource cpus", "c": "it follows from the resource cpus",
        "memory-swap": "tasks have no swap beside their memory", "gpus": "ask for the resource gpus",
        "storage-opt": "a task's disk is its resource disk", "tty": "use tty_info", "t": "use tty_info",
        "name": "a task's name is its own", "health-cmd": "use health_check",
    ]

    private func unknown(_ option: DockerOption) -> Failure {
        Failure(
            "launch.docker-parameter", doing: "launch it", on: Untrusted.shown(option.key),
            cause: "this agent does not know the option",
            remedy: Self.elsewhere[option.key] ?? "leave it out, or use the container's own fields",
            field: option.field)
    }

    // MARK: What the operator decides

    private func applyByPolicy(_ option: DockerOption, to draft: inout Draft) throws(Failure) -> Bool {
        switch option.key {
        // Asked where all capabilities are.
        case "cap-add": draft.addedCapabilities.append(option.value)
        case "privileged": if try option.flag() { draft.container?.docker?.isPrivileged = true }
        case "volume", "v": draft.hostVolumes.append((try option.hostVolume(), field: option.field))
        case "device": draft.devices.append(try allowed(option))
        case "security-opt": try applySecurity(option, to: &draft.walls)
        case "oom-score-adj":
            let score = try option.number(in: -1_000...1_000)
            if score < 0, !policy.allowsPrivileged {
                throw option.forbidden("outlive others when memory runs out", "--allow-privileged")
            }
            draft.walls.oomScore = Int32(score)
        case "pid", "ipc", "uts", "userns", "cgroupns":
            if option.value != "private" { throw option.forbidden("share that namespace", nil) }
        default: return false
        }
        return true
    }

    private func allowed(_ option: DockerOption) throws(Failure) -> DeviceOrder {
        let order = try option.device()
        let kind = order.name.prefix { $0 != "=" }
        let keeper = policy.deviceResources.first { resource in
            resource.devices.contains { $0 == order.name || (!order.isNode && $0.begins(with: kind + "=")) }
        }
        if let keeper {
            throw option.invalid(
                "those are given out one to a task", remedy: "ask for the resource \(keeper.resource) instead")
        }
        let rule = policy.devices.first { $0.name == order.name || (!order.isNode && $0.name == kind) }
        guard let rule, (order.access ?? "").allSatisfy(rule.access.contains) else {
            let wanted = order.isNode ? "\(order.name):\(order.access ?? "rw")" : order.name
            throw option.forbidden("have the device", "--allow-device \(wanted)")
        }
        return order
    }

    private func applySecurity(_ option: DockerOption, to walls: inout IsolationRequest) throws(Failure) {
        let (name, value) = option.pair("=:")
        switch (name, value) {
        case ("no-new-privileges", nil), ("no-new-privileges", "true"): walls.noNewPrivileges = true
        case ("no-new-privileges", "false"):
            guard policy.allowsPrivileged else { throw option.forbidden("gain privileges", "--allow-privileged") }
            walls.noNewPrivileges = false
        case ("seccomp", "unconfined"):
            guard policy.allowsUnconfined else {
                throw option.forbidden("run without a system call filter", "--allow-unconfined")
            }
            walls.seccomp = .unconfined
        case ("seccomp", let profile?): walls.seccomp = try seccomp(named: profile, field: option.field)
        case ("apparmor", "unconfined"):
            guard policy.allowsUnconfined else {
                throw option.forbidden("run without an AppArmor profile", "--allow-unconfined")
            }
            walls.appArmor = .unconfined
        case ("apparmor", "standard"), ("apparmor", "default"), ("apparmor", "docker-default"):
            walls.appArmor = .standard
        case ("apparmor", let profile?):
            guard policy.appArmorProfiles.contains(profile) else {
                throw option.forbidden("choose that AppArmor profile", "--apparmor-profile \(profile)")
            }
            walls.appArmor = .named(profile)
        case ("systempaths", "unconfined"):
            guard policy.allowsPrivileged else {
                throw option.forbidden("see what the kernel tells of the host", "--allow-privileged")
            }
            (walls.maskedPaths, walls.readOnlyPaths) = ([], [])
        case ("proc", "subset"): walls.procView = .processes
        default:
            throw option.invalid(
                "this agent does not know it",
                remedy: "known are no-new-privileges, seccomp=NAME, apparmor=NAME, proc=subset, systempaths=unconfined")
        }
    }
}

// MARK: - What narrows, or stays within the task

extension Draft {
    fileprivate mutating func applyToProcess(_ option: DockerOption) throws(Failure) -> Bool {
        switch option.key {
        case "env", "e":
            let (name, text) = try option.variable()
            environment.set(name, text)
        case "label", "l":
            let (name, text) = option.pair("=")
            guard !name.begins(with: "bulkhead."), !name.isEmpty else {
                throw option.invalid("labels that begin with bulkhead. are the agent's own", remedy: "choose another")
            }
            labels[name] = text ?? ""
        case "user", "u": user = option.value
        case "workdir", "w": workingDirectory = try option.absolutePath()
        case "entrypoint":
            guard case .execute(nil, _) = command.program, !option.value.isEmpty else {
                throw option.invalid("the command names its program already", remedy: "leave it out")
            }
            entrypoint = option.value
        case "stop-signal": stopSignal = try option.signal()
        // Asked where tasks are killed.
        case "stop-timeout": _ = try option.number(in: 0...86_400)
        case "interactive", "i": isInteractive = try option.flag()
        case "init": if try !option.flag() { throw option.invalid("every container has an init here") }
        case "rm": if try !option.flag() { throw option.invalid("a task's container is always removed") }
        default: return false
        }
        return true
    }

    fileprivate mutating func applyToLimits(_ option: DockerOption) throws(Failure) -> Bool {
        switch option.key {
        case "ulimit":
            let limit = try option.processLimit()
            if limit.putsBeforeOthers { throw option.forbidden("go before all others", nil) }
            walls.resourceLimits.removeAll { $0.name == limit.name }
            walls.resourceLimits.append(limit)
        case "pids-limit", "pids": pids = UInt64(try option.number(in: 1...4_194_304))
        case "cpuset-cpus", "cpuset": cpuset = try option.processors()
        case "device-read-bps", "io-read-bps": add(try option.rate(.readBytes))
        case "device-write-bps", "io-write-bps": add(try option.rate(.writeBytes))
        case "device-read-iops", "io-read-iops": add(try option.rate(.readOperations))
        case "device-write-iops", "io-write-iops": add(try option.rate(.writeOperations))
        // 100 is what everybody has: above it others would have less.
        case "io-weight": ioWeight = UInt64(try option.number(in: 1...100))
        default: return false
        }
        return true
    }

    private mutating func add(_ limit: IOLimit) {
        io.removeAll { $0.kind == limit.kind && $0.device == limit.device }
        io.append(limit)
    }

    fileprivate mutating func applyToFiles(_ option: DockerOption) throws(Failure) -> Bool {
        switch option.key {
        case "tmpfs": temporaryFilesystems.append(try option.temporaryFilesystem())
        case "read-only": walls.readOnlyRoot = try option.flag()
        case "shm-size": walls.sharedMemoryBytes = try option.bytes()
        default: return false
        }
        return true
    }

    fileprivate mutating func applyToWalls(_ option: DockerOption) throws(Failure) -> Bool {
        switch option.key {
        case "hostname", "h": hostname = option.value
        case "domainname": walls.domainname = option.value
        case "add-host": walls.extraHosts.append(try option.hostLine())
        case "dns": walls.nameServers.append(try option.address())
        case "cap-drop": droppedCapabilities.append(option.value)
        // Which of them are a container's own is known where it is made.
        case "sysctl":
            let (name, text) = try option.variable()
            walls.sysctls[name.replacing("/", with: ".")] = text
        case "emulate":
            for word in option.value.cut(at: ",", omittingEmptySubsequences: false) {
                guard let call = EmulatedCall(rawValue: String(word)) else {
                    throw option.invalid("it is no call that can be emulated", remedy: "give mknod, sysinfo or both")
                }
                if walls.emulated?.contains(call) != true { walls.emulated = (walls.emulated ?? []) + [call] }
            }
        default: return false
        }
        return true
    }
}

extension TaskSpec {
    /// From the polite signal to the end, as the task says it: `kill_policy`, else the parameter `stop-timeout`.
    var stopTimeout: Duration? {
        if let killGracePeriod { return killGracePeriod }
        let parameter = container?.docker?.parameters.last { $0.key == "stop-timeout" }
        return parameter.flatMap { Int64($0.value) }.map { .seconds($0) }
    }
}
