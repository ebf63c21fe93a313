import ClusterModel
import Diagnostics

/// Rules about what runs, and in what.
extension TaskRules {
    /// Capabilities by the names of the protocol.
    static let capabilities: Set<String> = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ]
    /// What uname(2) has room for.
    static let hostnameBytesMax = 64

    // MARK: Commands

    func check(_ command: CommandSpec, hasImage: Bool, _ at: Place) throws(Failure) {
        if let name = command.unused.first {
            throw at.refused(name, "nothing would come of it beside its other members")
        }
        switch command.program {
        case .shell(let line):
            if line.isEmpty { throw at.refused("value", "the line for the shell is empty") }
        case .execute(let path, _):
            if path == nil, !hasImage {
                throw at.refused("value", "without a program the container needs an image that names one")
            }
            if path?.isEmpty == true { throw at.refused("value", "the program's path is empty") }
        }
        try checkEnvironment(command.environment, at)
        for (index, fetch) in command.fetches.enumerated() {
            if fetch.address.isEmpty { throw at.refused("uris[\(index)].value", "it is empty") }
            if let file = fetch.outputFile { try checkRelative(file, at.inside("uris[\(index)].output_file")) }
        }
        if let user = command.user {
            let isFit = !user.isEmpty && user.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7f }
            if !isFit { throw at.refused("user", "it is no name of a user") }
        }
    }

    private func checkEnvironment(
        _ environment: [CommandSpec.EnvironmentVariable], _ at: Place
    ) throws(Failure) {
        guard environment.count <= Self.environmentMax else {
            throw at.refused("environment", "it has more than \(Self.environmentMax) variables")
        }
        for (index, variable) in environment.enumerated() {
            let place = at.inside("environment.variables[\(index)]")
            if variable.name.isEmpty { throw place.refused("name", "it is empty") }
            if variable.name.utf8.contains(where: { $0 == UInt8(ascii: "=") || $0 == 0 }) {
                throw place.refused("name", "it contains '=' or a zero byte")
            }
            if case .text(let text) = variable.value, text.utf8.contains(0) {
                throw place.refused("value", "it contains a zero byte")
            }
        }
    }

    // MARK: Containers

    /// `isNested`: in the container of an executor.
    func checkContainer(_ container: ContainerSpec?, _ at: Place, isNested: Bool) throws(Failure) {
        guard let container else { return }
        if let name = container.unused.first {
            throw at.refused(name, "nothing would come of it beside its other members")
        }
        try checkImage(container, at)
        if let hostname = container.hostname {
            let isFit =
                !hostname.isEmpty && hostname.utf8.count <= Self.hostnameBytesMax
                && hostname.utf8.allSatisfy { Self.isHostnameByte($0) }
            if !isFit {
                throw at.refused("hostname", "it is not 1 to \(Self.hostnameBytesMax) letters, digits, '-', '.'")
            }
        }
        try checkVolumes(container.volumes, at, isNested: isNested)
        try checkNetworks(container, at)
        if let linux = container.linux { try checkLinux(linux, at.inside("linux_info"), isNested: isNested) }
        try checkProcessLimits(container.processLimits, at.inside("rlimit_info"))
    }

    private static func isHostnameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private func checkImage(_ container: ContainerSpec, _ at: Place) throws(Failure) {
        let field = container.kind == .docker ? "docker.image" : "mesos.image"
        guard let image = container.image else {
            if container.kind == .docker { throw at.refused(field, "a container of type DOCKER has an image") }
            return
        }
        try check(image, at.inside(field))
    }

    private func check(_ image: ContainerImage, _ at: Place) throws(Failure) {
        if case .appc = image.source { throw at.refused("type", "images of type APPC are not served; use DOCKER") }
        let isFit = !image.name.isEmpty && image.name.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7f }
        if !isFit || image.name.utf8.count > 4_096 { throw at.refused("name", "it is no name of an image") }
    }

    private func checkVolumes(_ volumes: [VolumeMount], _ at: Place, isNested: Bool) throws(Failure) {
        var met: Set<String> = []
        for (index, volume) in volumes.enumerated() {
            let place = at.inside("volumes[\(index)]")
            try checkContainerPath(volume.containerPath, place.inside("container_path"))
            if !met.insert(Self.place(volume.containerPath)).inserted {
                throw place.refused("container_path", "two volumes are at '\(volume.containerPath)'")
            }
            switch volume.source {
            case .hostPath(let path, _)?:
                if !path.begins(with: "/") || path.utf8.contains(0) || Self.climbs(path) {
                    throw place.refused("host_path", "it is not an absolute path without '..'")
                }
            case .image(let image)?: try check(image, place.inside("image"))
            case .sandbox(let origin, let path)?:
                if origin == .parent, !isNested {
                    throw place.refused("source.sandbox_path.type", "only a task of a group has a parent's sandbox")
                }
                try checkRelative(path, place.inside("source.sandbox_path.path"))
            case .driver(let name, _, _)?:
                if name.isEmpty { throw place.refused("source.docker_volume.name", "it is empty") }
            case .storage(let storage)?:
                if storage.plugin.isEmpty { throw place.refused("source.csi_volume.plugin_name", "it is empty") }
            case .secret?, nil: break
            }
        }
    }

    private func checkNetworks(_ container: ContainerSpec, _ at: Place) throws(Failure) {
        let names = container.networks.compactMap(\.name)
        if Set(names).count != names.count { throw at.refused("network_infos", "it names a network twice") }
        for (index, network) in container.networks.enumerated() {
            try checkPorts(network.portMappings, at.inside("network_infos[\(index)]"))
        }
        guard let docker = container.docker else { return }
        if docker.network == .user, names.count != 1 {
            throw at.refused("network_infos", "a docker network of type USER is named by exactly one of them")
        }
        if !docker.portMappings.isEmpty, docker.network == .host || docker.network == DockerOptions.Network.none {
            throw at.refused("docker.port_mappings", "there are none with network \(docker.network?.rawValue ?? "")")
        }
        try checkPorts(docker.portMappings, at.inside("docker"))
        for (index, parameter) in docker.parameters.enumerated() where parameter.key.isEmpty {
            throw at.refused("docker.parameters[\(index)].key", "it is empty")
        }
    }

    private func checkPorts(_ mappings: [PortMapping], _ at: Place) throws(Failure) {
        var met: Set<String> = []
        for (index, mapping) in mappings.enumerated() {
            let place = at.inside("port_mappings[\(index)]")
            if mapping.container == 0 { throw place.refused("container_port", "it is zero") }
            let transport = mapping.transport ?? "tcp"
            guard ["tcp", "udp"].contains(transport) else {
                throw place.refused("protocol", "it is neither tcp nor udp")
            }
            if mapping.host != 0, !met.insert("\(mapping.host)/\(transport)").inserted {
                throw place.refused("host_port", "port \(mapping.host) is mapped twice")
            }
        }
    }

    private func checkLinux(_ linux: LinuxOptions, _ at: Place, isNested: Bool) throws(Failure) {
        for (name, list) in [
            ("bounding_capabilities", linux.boundingCapabilities),
            ("effective_capabilities", linux.effectiveCapabilities),
        ] {
            if let unknown = list?.first(where: { !Self.capabilities.contains($0) }) {
                throw at.refused(name, "there is no capability '\(unknown)'")
            }
        }
        if let bounding = linux.boundingCapabilities, let effective = linux.effectiveCapabilities,
            let outside = effective.first(where: { !bounding.contains($0) })
        {
            throw at.refused("effective_capabilities", "\(outside) is not among the bounding ones")
        }
        if linux.sharedMemoryMegabytes != nil, linux.ipcMode != .private {
            throw at.refused("shm_size", "it needs ipc_mode PRIVATE")
        }
        if case .profile(let name)? = linux.seccomp, name.isEmpty || name.has("/") || name == ".." {
            throw at.refused("seccomp.profile_name", "it is no name of a profile")
        }
    }

    private func checkProcessLimits(_ limits: [ProcessLimit], _ at: Place) throws(Failure) {
        var met: Set<ProcessLimit.Kind> = []
        for (index, limit) in limits.enumerated() {
            let place = at.inside("rlimits[\(index)]")
            if !met.insert(limit.kind).inserted { throw place.refused("type", "\(limit.kind.rawValue) is there twice") }
            switch (limit.soft, limit.hard) {
            case (nil, nil): break
            case (let soft?, let hard?):
                if soft > hard { throw place.refused("soft", "it is above the hard limit") }
            default: throw place.refused(limit.soft == nil ? "soft" : "hard", "both are given, or none")
            }
        }
    }

    // MARK: Paths

    func checkContainerPath(_ path: String, _ at: Place) throws(Failure) {
        if path.isEmpty { throw at.refused("", "it is empty") }
        if path.utf8.contains(0) || Self.climbs(path) { throw at.refused("", "it contains '..' or a zero byte") }
        if path.cut(at: "/").allSatisfy({ $0 == "." }) { throw at.refused("", "it is the whole container") }
    }

    private func checkRelative(_ path: String, _ at: Place) throws(Failure) {
        if path.isEmpty || path.begins(with: "/") || path.utf8.contains(0) || Self.climbs(path) {
            throw at.refused("", "it is not a relative path without '..'")
        }
    }

    private static func climbs(_ path: String) -> Bool { path.cut(at: "/").contains("..") }

    /// One text for all that name the same place of a container. A relative path is one of the sandbox, which is where
    /// its agent has it, so it is never the same as an absolute one here.
    private static func place(_ path: String) -> String {
        (path.begins(with: "/") ? "/" : "") + path.cut(at: "/").filter { $0 != "." }.joined(separator: "/")
    }

    // MARK: Probes

    func checkHealth(_ check: HealthCheck, _ at: Place) throws(Failure) {
        try self.check(check.probe, at)
        try checkTimes(check.delay, check.interval, check.timeout, at)
        if check.gracePeriod < .zero { throw at.refused("grace_period_seconds", "it is negative") }
    }

    func checkTimes(_ delay: Duration, _ interval: Duration, _ timeout: Duration, _ at: Place) throws(Failure) {
        if delay < .zero { throw at.refused("delay_seconds", "it is negative") }
        if interval < .zero { throw at.refused("interval_seconds", "it is negative") }
        if timeout < .zero { throw at.refused("timeout_seconds", "it is negative") }
    }

    func check(_ probe: Probe, _ at: Place) throws(Failure) {
        switch probe {
        case .command(let command): try check(command, hasImage: false, at.inside("command"))
        case .http(let http):
            if http.port == 0 { throw at.refused("http.port", "it is zero") }
            if let scheme = http.scheme, scheme != "http", scheme != "https" {
                throw at.refused("http.scheme", "it is neither http nor https")
            }
            if let path = http.path, !path.isEmpty, !path.begins(with: "/") {
                throw at.refused("http.path", "it does not start with '/'")
            }
            // It becomes part of a line of the request.
            if http.path?.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) == false {
                throw at.refused("http.path", "it is not plain ASCII without spaces; write other bytes as %XX")
            }
            if let status = http.statuses.first(where: { !(100...599).contains($0) }) {
                throw at.refused("http.statuses", "\(status) is not a status of HTTP")
            }
        case .tcp(let port, _):
            if port == 0 { throw at.refused("tcp.port", "it is zero") }
        }
    }
}
