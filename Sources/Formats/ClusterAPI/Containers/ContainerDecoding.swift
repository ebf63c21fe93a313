public import ClusterModel
public import Diagnostics

extension WireObject {
    /// This object as a container's description.
    public func containerSpec() throws(Failure) -> ContainerSpec {
        let kind = try required("type", choice("type", of: ContainerSpec.Kind.self))
        var spec = ContainerSpec(
            kind: kind, hostname: try string("hostname"), linux: try object("linux_info")?.linux(),
            processLimits: try processLimits(),
            terminal: try object("tty_info").map { info throws(Failure) in
                Terminal(size: try info.object("window_size")?.terminalSize())
            })
        switch kind {
        case .docker:
            let docker = try part("docker")
            let isForced = try docker.bool("force_pull_image") ?? false
            let name = try docker.required("image", docker.string("image"))
            spec.image = name.isEmpty ? nil : ContainerImage(.docker(name: name), isCached: !isForced)
            spec.docker = try docker.dockerOptions()
        case .mesos: spec.image = try object("mesos")?.object("image")?.image()
        }
        for volume in try objects("volumes") { spec.volumes.append(try volume.volumeMount()) }
        spec.unused = try unusedMembers(kind)
        for network in try objects("network_infos") { spec.networks.append(try network.networkInfo()) }
        return spec
    }

    /// Of several members of which one counts, those that do not.
    private func unusedMembers(_ kind: ContainerSpec.Kind) throws(Failure) -> [String] {
        var unused = try others(than: kind.rawValue.lowercased(), of: ["docker", "mesos"])
        if let image = try object("mesos")?.object("image") { unused += try image.unusedOfImage("mesos.image") }
        for (index, volume) in try objects("volumes").enumerated() {
            let origins = ["source", "host_path", "image"]
            guard let origin = origins.first(where: { volume.has($0) }) else { continue }
            unused += try volume.others(than: origin, of: origins).map { "volumes[\(index)].\($0)" }
            if origin == "image", let image = try volume.object("image") {
                unused += try image.unusedOfImage("volumes[\(index)].image")
            }
            guard let source = try volume.object("source"), let type = try source.string("type") else { continue }
            unused += try source.others(
                than: type.lowercased(),
                of: ["docker_volume", "sandbox_path", "secret", "host_path", "csi_volume"]
            ).map { "volumes[\(index)].source.\($0)" }
        }
        if let linux = try object("linux_info"), linux.has("effective_capabilities"),
            linux.has("capability_info")
        {
            unused.append("linux_info.capability_info")
        }
        return unused
    }

    private func unusedOfImage(_ path: String) throws(Failure) -> [String] {
        var unused = try others(than: string("type")?.lowercased() ?? "", of: ["docker", "appc"])
        // As old clients gave them; there is a member of their own for them.
        if try object("docker")?.has("credential") == true { unused.append("docker.credential") }
        return unused.map { "\(path).\($0)" }
    }

    private func others(than used: String, of names: [String]) throws(Failure) -> [String] {
        names.filter { $0 != used && has($0) }
    }

    public func image() throws(Failure) -> ContainerImage {
        let isCached = try bool("cached") ?? true
        switch try required("type", string("type")) {
        case "DOCKER":
            let docker = try part("docker")
            let name = try docker.required("name", docker.string("name"))
            return ContainerImage(
                .docker(name: name, config: try docker.object("config")?.ownSecret()), isCached: isCached)
        case "APPC":
            let appc = try part("appc")
            let name = try appc.required("name", appc.string("name"))
            return ContainerImage(
                .appc(name: name, id: try appc.string("id"), labels: try appc.labels("labels")), isCached: isCached)
        default: throw invalid("type", "an image is DOCKER or APPC")
        }
    }

    func ownSecret() throws(Failure) -> Secret {
        if let reference = try object("reference") {
            return .reference(
                name: try reference.required("name", reference.string("name")), key: try reference.string("key"))
        }
        let value = try part("value")
        return .bytes(try value.required("data", value.bytes("data")))
    }

    private func dockerOptions() throws(Failure) -> DockerOptions {
        var options = DockerOptions(
            network: try choice("network", of: DockerOptions.Network.self), portMappings: try portMappings(),
            isPrivileged: try bool("privileged") ?? false, volumeDriver: try string("volume_driver"))
        for parameter in try objects("parameters") {
            options.parameters.append(
                DockerOptions.Parameter(
                    try parameter.required("key", parameter.string("key")),
                    try parameter.required("value", parameter.string("value"))))
        }
        return options
    }

    private func portMappings() throws(Failure) -> [PortMapping] {
        var mappings: [PortMapping] = []
        for mapping in try objects("port_mappings") {
            mappings.append(
                PortMapping(
                    host: try mapping.required("host_port", mapping.integer("host_port")),
                    container: try mapping.required("container_port", mapping.integer("container_port")),
                    transport: try mapping.string("protocol")))
        }
        return mappings
    }

    private func linux() throws(Failure) -> LinuxOptions {
        var options = LinuxOptions(
            boundingCapabilities: try object("bounding_capabilities")?.strings("capabilities"),
            effectiveCapabilities: try object("effective_capabilities")?.strings("capabilities"),
            sharesProcessNamespace: try bool("share_pid_namespace") ?? false,
            ipcMode: try choice("ipc_mode", of: LinuxOptions.IPCMode.self),
            sharedMemoryMegabytes: try integer("shm_size"), sharesControlGroup: try bool("share_cgroups"))
        if options.effectiveCapabilities == nil {
            options.effectiveCapabilities = try object("capability_info")?.strings("capabilities")
        }
        if let seccomp = try object("seccomp") { options.seccomp = try seccomp.seccomp() }
        return options
    }

    private func seccomp() throws(Failure) -> LinuxOptions.Seccomp? {
        let isUnconfined = try bool("unconfined") ?? false
        let profile = try string("profile_name")
        guard !(isUnconfined && profile != nil) else {
            throw invalid("profile_name", "an unconfined container has no profile")
        }
        return isUnconfined ? .unconfined : profile.map { .profile($0) }
    }

    private func processLimits() throws(Failure) -> [ProcessLimit] {
        var limits: [ProcessLimit] = []
        for limit in try object("rlimit_info")?.objects("rlimits") ?? [] {
            let kind = try limit.required("type", limit.choice("type", of: ProcessLimit.Kind.self))
            let bounds = ProcessLimit(kind, soft: try limit.integer("soft"), hard: try limit.integer("hard"))
            guard (bounds.soft == nil) == (bounds.hard == nil) else {
                throw limit.invalid("hard", "both bounds are set or none")
            }
            limits.append(bounds)
        }
        return limits
    }

    func terminalSize() throws(Failure) -> Terminal.Size {
        Terminal.Size(
            rows: try required("rows", integer("rows")), columns: try required("columns", integer("columns")))
    }
}

// MARK: - Volumes and networks

extension WireObject {
    private func volumeMount() throws(Failure) -> VolumeMount {
        VolumeMount(
            containerPath: try required("container_path", string("container_path")),
            mode: try required("mode", choice("mode", of: Disk.Volume.Mode.self)), source: try volumeSource())
    }

    private func volumeSource() throws(Failure) -> VolumeMount.Source? {
        if let source = try object("source") { return try source.namedVolumeSource() }
        if let path = try string("host_path") { return .hostPath(path) }
        return try object("image").map { image throws(Failure) in .image(try image.image()) }
    }

    private func namedVolumeSource() throws(Failure) -> VolumeMount.Source {
        switch try required("type", string("type")) {
        case "HOST_PATH":
            let host = try part("host_path")
            return .hostPath(
                try host.required("path", host.string("path")),
                propagation: try host.object("mount_propagation")?.choice("mode", of: VolumeMount.Propagation.self))
        case "DOCKER_VOLUME":
            let volume = try part("docker_volume")
            var options: [String: String] = [:]
            for option in try volume.object("driver_options")?.objects("parameter") ?? [] {
                options[try option.required("key", option.string("key"))] =
                    try option.required("value", option.string("value"))
            }
            return .driver(
                name: try volume.required("name", volume.string("name")), driver: try volume.string("driver"),
                options: options)
        case "SANDBOX_PATH":
            let sandbox = try part("sandbox_path")
            return .sandbox(
                try sandbox.choice("type", of: VolumeMount.Origin.self) ?? .own,
                path: try sandbox.required("path", sandbox.string("path")))
        case "SECRET": return .secret(try part("secret").ownSecret())
        case "CSI_VOLUME": return .storage(try part("csi_volume").storageVolume())
        default: throw invalid("type", "there is no such source of a volume")
        }
    }

    private func storageVolume() throws(Failure) -> StorageVolume {
        let provisioning = try part("static_provisioning")
        let capability = try provisioning.part("volume_capability")
        let mount = try capability.object("mount")
        let access = try capability.part("access_mode")
        var volume = StorageVolume(
            plugin: try required("plugin_name", string("plugin_name")),
            volume: try provisioning.required("volume_id", provisioning.string("volume_id")),
            isBlock: try capability.object("block") != nil, fileSystem: try mount?.string("fs_type"),
            mountFlags: try mount?.strings("mount_flags") ?? [],
            accessMode: try access.required("mode", access.string("mode")))
        volume.context = try provisioning.texts("volume_context")
        return volume
    }

    /// A map of texts.
    func texts(_ name: String) throws(Failure) -> [String: String] {
        guard let map = try object(name) else { return [:] }
        var texts: [String: String] = [:]
        for key in map.names { texts[key] = try map.string(key) }
        return texts
    }

    public func networkInfo() throws(Failure) -> NetworkInfo {
        var network = NetworkInfo(
            name: try string("name"), groups: try strings("groups"), labels: try labels("labels"),
            portMappings: try portMappings())
        for address in try objects("ip_addresses") {
            network.addresses.append(
                NetworkInfo.Address(
                    family: try address.choice("protocol", of: NetworkInfo.Family.self),
                    text: try address.string("ip_address")))
        }
        return network
    }

    /// `{"value": "c", "parent": {"value": "P"}}`.
    public func containerPath(_ name: String) throws(Failure) -> ContainerPath? {
        guard let object = try object(name) else { return nil }
        return try object.ownContainerPath(depth: 1)
    }

    private func ownContainerPath(depth: Int) throws(Failure) -> ContainerPath {
        guard depth <= ContainerPath.depthMax else { throw invalid("parent", "it is nested too deeply") }
        let text = try required("value", string("value"))
        let own = try placed("value") { () throws(Failure) in try ContainerName(text) }
        guard let parent = try object("parent") else { return ContainerPath(own) }
        let outer = try parent.ownContainerPath(depth: depth + 1)
        return try placed("parent") { () throws(Failure) in try outer.appending(own) }
    }

    public func containerStatus() throws(Failure) -> ContainerStatusInfo {
        var status = ContainerStatusInfo(
            container: try containerPath("container_id"), executorPID: try integer("executor_pid"))
        for network in try objects("network_infos") { status.networks.append(try network.networkInfo()) }
        return status
    }
}

// MARK: - Probes and discovery

extension WireObject {
    public func healthCheck() throws(Failure) -> HealthCheck {
        HealthCheck(
            try probe(command: object("command")), delay: try seconds("delay_seconds", standard: 15),
            interval: try seconds("interval_seconds", standard: 10),
            timeout: try seconds("timeout_seconds", standard: 20),
            failuresMax: try integer("consecutive_failures") ?? 3,
            gracePeriod: try seconds("grace_period_seconds", standard: 10))
    }

    public func check() throws(Failure) -> CheckSpec {
        CheckSpec(
            try probe(command: object("command")?.object("command")),
            delay: try seconds("delay_seconds", standard: 15), interval: try seconds("interval_seconds", standard: 10),
            timeout: try seconds("timeout_seconds", standard: 20))
    }

    private func probe(command: WireObject?) throws(Failure) -> Probe {
        // Old clients leave the type out.
        var type = try string("type")
        if type == nil { type = command != nil ? "COMMAND" : has("http") ? "HTTP" : "TCP" }
        switch type {
        case "COMMAND": return .command(try required("command", command).command())
        case "HTTP": return .http(try part("http").httpProbe())
        case "TCP":
            let tcp = try part("tcp")
            return .tcp(
                port: try tcp.required("port", tcp.integer("port")),
                family: try tcp.choice("protocol", of: NetworkInfo.Family.self))
        default: throw invalid("type", "a check is COMMAND, HTTP or TCP")
        }
    }

    private func httpProbe() throws(Failure) -> HTTPProbe {
        HTTPProbe(
            port: try required("port", integer("port")), path: try string("path"), scheme: try string("scheme"),
            statuses: try integers("statuses"), family: try choice("protocol", of: NetworkInfo.Family.self))
    }

    private func seconds(_ name: String, standard: Int64) throws(Failure) -> Duration {
        guard let seconds = try double(name) else { return .seconds(standard) }
        guard seconds >= 0, let duration = Duration(clamping: seconds, to: .zero...Duration.seconds(9_000_000_000))
        else { throw invalid(name, "it is negative") }
        return duration
    }

    public func checkStatus() throws(Failure) -> CheckStatus {
        switch try required("type", string("type")) {
        case "COMMAND": return .command(exitCode: try object("command")?.integer("exit_code"))
        case "HTTP": return .http(statusCode: try object("http")?.integer("status_code"))
        case "TCP": return .tcp(succeeded: try object("tcp")?.bool("succeeded"))
        default: throw invalid("type", "a check is COMMAND, HTTP or TCP")
        }
    }

    public func discovery() throws(Failure) -> DiscoveryInfo {
        var info = DiscoveryInfo(
            visibility: try required("visibility", choice("visibility", of: DiscoveryInfo.Visibility.self)),
            name: try string("name"), environment: try string("environment"), location: try string("location"),
            version: try string("version"), labels: try labels("labels"))
        for port in try object("ports")?.objects("ports") ?? [] {
            info.ports.append(
                DiscoveryInfo.Port(
                    number: try port.required("number", port.integer("number")), name: try port.string("name"),
                    transport: try port.string("protocol"),
                    visibility: try port.choice("visibility", of: DiscoveryInfo.Visibility.self),
                    labels: try port.labels("labels")))
        }
        return info
    }
}
