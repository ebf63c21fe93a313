import Containerizing
import Containers
import Diagnostics
import OCIFormat

/// A launch as the Docker Engine is asked for it. Pure: what the engine cannot hold is refused here, in words.
struct DockerLaunch {
    /// Of GET /info: what this engine enforces on its host.
    struct Abilities: Sendable {
        var memory = false
        var swap = false
        var cpu = false
        var cpuWeight = false
        var cpuset = false
        var pids = false
    }

    static let processorPeriod = 100_000.0
    /// The engine's own copy of a task's output: so many files of so many mebibytes, as JSON, the oldest dropped.
    static let logFilesMax = 3
    static let logFileMebibytesMax = 32
    private static let logBounds: JSONValue = [
        "max-size": .string("\(logFileMebibytesMax)m"), "max-file": .string("\(logFilesMax)"),
    ]
    static let installationLabel = "org.bulkhead.installation"
    static let containerLabel = "org.bulkhead.container"
    static let parentLabel = "org.bulkhead.parent"

    let launch: ContainerLaunch
    let installation: String
    let abilities: Abilities
    let image: String
    let config: ImageConfig
    /// Whether the task starts as root inside.
    let startsAsRoot: Bool

    /// A name the engine gives to one container at a time.
    static func name(_ id: ContainerID, _ installation: String) -> String { "bulkhead.\(installation).\(id)" }

    // MARK: What it cannot do

    static func refusal(of launch: ContainerLaunch) -> Failure? {
        let isolation = launch.isolation
        let problem: (String, String)? =
            if launch.program == .hold {
                ("it cannot hold namespaces for others", "command")
            } else if isolation.sharesWithContainer {
                ("it cannot share another container's user namespace", "isolation.network")
            } else if isolation.network.isOwn, isolation.network != .none {
                ("it does not know this host's networks", "isolation.network")
            } else if launch.endpointPort != nil {
                ("it cannot listen inside before the task runs", "endpointPort")
            } else if isolation.procView == .processes {
                ("it cannot show processes alone", "isolation.procView")
            } else if isolation.seccomp == .strict {
                ("it has no strict profile", "isolation.seccomp")
            } else if !isolation.devices.isEmpty {
                ("it takes devices by their paths, and these are known by their numbers", "device")
            } else if isolation.emulated?.isEmpty == false {
                ("no call in its containers can be answered for them", "emulate")
            } else if isolation.securityLabel != nil || isolation.mountLabel != nil {
                ("labels are not passed on to it", "security-label")
            } else if launch.secrets?.isEmpty == false {
                ("it would write secrets into its own files", "secret")
            } else if launch.volumes.contains(where: \.noExecute) {
                ("it cannot forbid executing from a volume", "volume")
            } else if !launch.limits.io.isEmpty || launch.limits.ioWeight != nil {
                ("limits on disks are not passed on to it", "io")
            } else if launch.limits.disk != nil || launch.limits.diskInodes != nil {
                ("it has no limit on what a container writes", "disk")
            } else {
                switch launch.root {
                case .image: nil
                case .hostTools: ("it needs an image", "image")
                case .layers: ("it does not take directories for layers", "image")
                }
            }
        return problem.map { cause, field in
            Failure(
                "docker.not-supported", doing: "run the container with the Docker Engine", on: launch.id.text,
                cause: cause, remedy: "let the native runtime run it: --containerizers native", field: field)
        }
    }

    /// Limits that were asked for and that this engine does not hold.
    static func unenforced(_ limits: ContainerLimits, _ abilities: Abilities) -> [String] {
        let asked: [(String, Bool, Bool)] = [
            ("cpu", limits.cpus != nil, abilities.cpu), ("cpu", limits.cpuWeight != nil, abilities.cpuWeight),
            ("memory", limits.memory != nil, abilities.memory), ("swap", limits.swap != nil, abilities.swap),
            ("cpuset", limits.cpuset != nil, abilities.cpuset), ("pids", limits.pidsAsked, abilities.pids),
        ]
        return asked.filter { $0.1 && !$0.2 }.map(\.0)
    }

    static func check(
        _ limits: ContainerLimits, allowed: [String], _ abilities: Abilities, on id: ContainerID
    ) throws(Failure) {
        guard let feature = unenforced(limits, abilities).first(where: { !allowed.contains($0) }) else { return }
        throw Failure(
            "host.cannot-enforce", doing: "limit the container", on: id.text,
            cause: "the Docker Engine says that its host cannot hold the limit \(feature)",
            remedy: "run it where it can, or allow it to go unenforced", field: feature)
    }

    // MARK: What it is told

    func body() throws(Failure) -> JSONValue {
        let words = try launch.program.words(config)
        var labels = launch.labels
        labels[Self.installationLabel] = installation
        labels[Self.containerLabel] = launch.id.text
        if let parent = launch.parent { labels[Self.parentLabel] = parent.text }
        var members: [(String, JSONValue)] = [
            ("Image", .string(image)), ("Entrypoint", .array(words.map { .string($0) })), ("Cmd", []),
            ("Env", .array(launch.environment.map { .string($0) })),
            ("Labels", Self.object(labels.mapValues { .string($0) })),
            ("Tty", .bool(launch.terminal != nil)), ("OpenStdin", .bool(launch.interactive)),
            ("StdinOnce", .bool(launch.interactive)), ("HostConfig", .object(.init(uniqueKeysWithValues: try host()))),
        ]
        if launch.isolation.network != .host {
            let name = launch.isolation.hostname.isEmpty ? String(launch.id.text.prefix(12)) : launch.isolation.hostname
            members.append(("Hostname", .string(name)))
            members.append(("NetworkDisabled", .bool(launch.isolation.network == .none)))
        }
        if let domain = launch.isolation.domainname { members.append(("Domainname", .string(domain))) }
        if let user = launch.user { members.append(("User", .string(user))) }
        let fallback = config.workingDirectory.isEmpty ? launch.fallbackDirectory : nil
        if let directory = launch.workingDirectory ?? fallback { members.append(("WorkingDir", .string(directory))) }
        if let signal = launch.stopSignal { members.append(("StopSignal", .string("\(signal)"))) }
        return .object(.init(uniqueKeysWithValues: members))
    }

    private func host() throws(Failure) -> [(String, JSONValue)] {
        let isolation = launch.isolation
        let base = startsAsRoot ? CapabilitySet.rootDefault : CapabilitySet.userDefault
        let held = try base.adjusted(adding: launch.addedCapabilities, dropping: launch.droppedCapabilities)
        var options: [String] = isolation.noNewPrivileges ? ["no-new-privileges"] : []
        switch isolation.seccomp {
        case .standard, .strict: break
        case .unconfined: options.append("seccomp=unconfined")
        case .profile(_, let json): options.append("seccomp=" + json)
        }
        switch isolation.appArmor {
        case nil, .standard: break
        case .named(let profile): options.append("apparmor=" + profile)
        case .unconfined: options.append("apparmor=unconfined")
        }
        let texts = { (list: [String]) in JSONValue.array(list.map { .string($0) }) }
        return Self.limits(launch.limits) + [
            ("NetworkMode", .string(isolation.network == .host ? "host" : "none")), ("IpcMode", "private"),
            ("Privileged", .bool(false)), ("Init", .bool(isolation.hasInit)), ("AutoRemove", .bool(false)),
            ("RestartPolicy", ["Name": "no"]), ("CapDrop", ["ALL"]), ("CapAdd", texts(held.names)),
            ("SecurityOpt", texts(options)), ("ReadonlyRootfs", .bool(isolation.readOnlyRoot)),
            ("MaskedPaths", texts(isolation.maskedPaths)), ("ReadonlyPaths", texts(isolation.readOnlyPaths)),
            ("Sysctls", Self.object(isolation.sysctls.mapValues { .string($0) })),
            ("OomScoreAdj", .number(isolation.oomScore)), ("ShmSize", .number(isolation.sharedMemoryBytes)),
            ("Dns", texts(isolation.nameServers)), ("ExtraHosts", texts(isolation.extraHosts.map(Self.hostEntry))),
            ("Ulimits", .array(isolation.resourceLimits.map(Self.limit))), ("Mounts", .array(mounts)),
            ("Tmpfs", Self.object(temporaryFilesystems)),
            ("GroupAdd", texts((launch.groups ?? []).map { "\($0)" })),
            // What is copied from: enough for an agent that is away for a while, and never the whole disk.
            ("LogConfig", ["Type": "json-file", "Config": Self.logBounds]),
        ]
    }

    static func limits(_ limits: ContainerLimits) -> [(String, JSONValue)] {
        var members: [(String, JSONValue)] = []
        if let cpus = limits.cpus {
            members.append(("CpuPeriod", .number(Int64(processorPeriod))))
            members.append(("CpuQuota", .number(Int64((cpus * processorPeriod).rounded()))))
        }
        if let weight = limits.cpuWeight {
            // 1 to 10000 there is 2 to 262144 here, and the usual 100 is about the usual 1024.
            members.append(("CpuShares", .number(2 + (min(max(weight, 1), 10_000) - 1) * 262_142 / 9_999)))
        }
        if let memory = limits.memory {
            members.append(("Memory", .number(memory)))
            members.append(("MemorySwap", .number(memory + (limits.swap ?? 0))))
        }
        if let pids = limits.pids { members.append(("PidsLimit", .number(pids))) }
        if let processors = limits.cpuset { members.append(("CpusetCpus", .string(processors))) }
        return members
    }

    /// `address name` is `name:address` there.
    private static func hostEntry(_ line: String) -> String {
        let words = line.cut(at: " ", maxSplits: 1).map(String.init)
        return words.count == 2 ? "\(words[1]):\(words[0])" : line
    }

    private static func limit(_ limit: NamedLimit) -> JSONValue {
        func number(_ value: UInt64?) -> JSONValue { .number(value.map { Int64(clamping: $0) } ?? -1) }
        return ["Name": .string(limit.name), "Soft": number(limit.soft), "Hard": number(limit.hard)]
    }

    private var mounts: [JSONValue] {
        launch.volumes.map { volume in
            [
                "Type": "bind", "Source": .string(volume.source), "Target": .string(volume.target),
                "ReadOnly": .bool(volume.readOnly), "BindOptions": ["Propagation": "rprivate"],
            ]
        }
    }

    private var temporaryFilesystems: [String: JSONValue] {
        var result: [String: JSONValue] = [:]
        for filesystem in launch.temporaryFilesystems {
            var options = ["mode=" + String(filesystem.mode, radix: 8), filesystem.execute ? "exec" : "noexec"]
            if filesystem.readOnly { options.append("ro") }
            options.append("size=\(filesystem.limit)")
            result[filesystem.target] = .string(options.joined(separator: ","))
        }
        return result
    }

    private static func object(_ members: [String: JSONValue]) -> JSONValue {
        .object(.init(uniqueKeysWithValues: members.sorted { $0.key < $1.key }))
    }
}
