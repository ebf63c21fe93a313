public import ClusterModel

extension WireSink {
    mutating func container(_ name: StaticString, _ container: ContainerSpec?) {
        object(name, container) { sink, container in
            sink.docker(container)
            sink.member("hostname", container.hostname)
            sink.object("linux_info", container.linux) { $0.linux($1) }
            if container.kind == .mesos { sink.object("mesos") { $0.image("image", container.image) } }
            sink.objects("network_infos", container.networks) { $0.network($1) }
            sink.processLimits(container.processLimits)
            sink.object("tty_info", container.terminal) { sink, terminal in
                sink.object("window_size", terminal.size) { $0.terminalSize($1) }
            }
            sink.member("type", container.kind)
            sink.objects("volumes", container.volumes) { $0.volume($1) }
        }
    }

    private mutating func docker(_ container: ContainerSpec) {
        guard container.kind == .docker else { return }
        let options = container.docker ?? DockerOptions()
        object("docker") { sink in
            if container.image?.isCached == false { sink.member("force_pull_image", true) }
            sink.member("image", container.image?.name ?? "")
            sink.member("network", options.network)
            sink.objects("parameters", options.parameters) { sink, parameter in
                sink.member("key", parameter.key)
                sink.member("value", parameter.value)
            }
            sink.objects("port_mappings", options.portMappings) { $0.portMapping($1) }
            sink.member("privileged", options.isPrivileged)
            sink.member("volume_driver", options.volumeDriver)
        }
    }

    mutating func image(_ name: StaticString, _ image: ContainerImage?) {
        object(name, image) { $0.image($1) }
    }

    mutating func image(_ image: ContainerImage) {
        switch image.source {
        case .docker(let name, let config):
            member("cached", image.isCached)
            object("docker") { sink in
                sink.object("config", config) { $0.secret($1) }
                sink.member("name", name)
            }
            member("type", "DOCKER")
        case .appc(let name, let id, let labels):
            object("appc") { sink in
                sink.member("id", id)
                sink.labels("labels", labels)
                sink.member("name", name)
            }
            member("cached", image.isCached)
            member("type", "APPC")
        }
    }

    mutating func secret(_ secret: Secret) {
        switch secret {
        case .reference(let name, let key):
            object("reference") { sink in
                sink.member("key", key)
                sink.member("name", name)
            }
            member("type", "REFERENCE")
        case .bytes(let bytes):
            member("type", "VALUE")
            object("value") { $0.member("data", bytes) }
        }
    }

    private mutating func portMapping(_ mapping: PortMapping) {
        member("container_port", mapping.container)
        member("host_port", mapping.host)
        member("protocol", mapping.transport)
    }

    private mutating func linux(_ linux: LinuxOptions) {
        object("bounding_capabilities", linux.boundingCapabilities) { $0.texts("capabilities", $1) }
        object("effective_capabilities", linux.effectiveCapabilities) { $0.texts("capabilities", $1) }
        member("ipc_mode", linux.ipcMode)
        object("seccomp", linux.seccomp) { sink, seccomp in
            switch seccomp {
            case .profile(let name): sink.member("profile_name", name)
            case .unconfined: sink.member("unconfined", true)
            }
        }
        member("share_cgroups", linux.sharesControlGroup)
        member("share_pid_namespace", linux.sharesProcessNamespace)
        member("shm_size", linux.sharedMemoryMegabytes)
    }

    private mutating func processLimits(_ limits: [ProcessLimit]) {
        if limits.isEmpty { return }
        object("rlimit_info") { sink in
            sink.objects("rlimits", limits) { sink, limit in
                sink.member("hard", limit.hard)
                sink.member("soft", limit.soft)
                sink.member("type", limit.kind)
            }
        }
    }

    mutating func terminalSize(_ size: Terminal.Size) {
        member("columns", size.columns)
        member("rows", size.rows)
    }
}

// MARK: - Volumes and networks

extension WireSink {
    private mutating func volume(_ volume: VolumeMount) {
        member("container_path", volume.containerPath)
        switch volume.source {
        case .hostPath(let path, propagation: nil):
            member("host_path", path)
            member("mode", volume.mode)
        case .image(let image):
            self.image("image", image)
            member("mode", volume.mode)
        case let source:
            member("mode", volume.mode)
            object("source", source) { $0.volumeSource($1) }
        }
    }

    private mutating func volumeSource(_ source: VolumeMount.Source) {
        switch source {
        case .hostPath(let path, let propagation):
            object("host_path") { sink in
                sink.object("mount_propagation", propagation) { $0.member("mode", $1) }
                sink.member("path", path)
            }
            member("type", "HOST_PATH")
        case .driver(let name, let driver, let options):
            object("docker_volume") { sink in
                sink.member("driver", driver)
                if !options.isEmpty {
                    sink.object("driver_options") { sink in
                        sink.objects("parameter", options.sorted { $0.key < $1.key }) { sink, option in
                            sink.member("key", option.key)
                            sink.member("value", option.value)
                        }
                    }
                }
                sink.member("name", name)
            }
            member("type", "DOCKER_VOLUME")
        case .sandbox(let origin, let path):
            object("sandbox_path") { sink in
                sink.member("path", path)
                sink.member("type", origin)
            }
            member("type", "SANDBOX_PATH")
        case .secret(let secret):
            object("secret") { $0.secret(secret) }
            member("type", "SECRET")
        case .storage(let volume):
            object("csi_volume") { $0.storage(volume) }
            member("type", "CSI_VOLUME")
        case .image: break
        }
    }

    private mutating func storage(_ volume: StorageVolume) {
        member("plugin_name", volume.plugin)
        object("static_provisioning") { sink in
            sink.object("volume_capability") { sink in
                sink.object("access_mode") { $0.member("mode", volume.accessMode) }
                if volume.isBlock {
                    sink.object("block") { _ in }
                } else {
                    sink.object("mount") { sink in
                        sink.member("fs_type", volume.fileSystem)
                        sink.texts("mount_flags", volume.mountFlags)
                    }
                }
            }
            sink.dictionary("volume_context", volume.context)
            sink.member("volume_id", volume.volume)
        }
    }

    mutating func network(_ network: NetworkInfo) {
        texts("groups", network.groups)
        objects("ip_addresses", network.addresses) { sink, address in
            sink.member("ip_address", address.text)
            sink.member("protocol", address.family)
        }
        labels("labels", network.labels)
        member("name", network.name)
        objects("port_mappings", network.portMappings) { $0.portMapping($1) }
    }

    mutating func containerPath(_ name: StaticString, _ path: ContainerPath?) {
        guard let path else { return }
        object(name) { $0.containerPath(path.names[...]) }
    }

    private mutating func containerPath(_ names: ArraySlice<ContainerName>) {
        if names.count > 1 { object("parent") { $0.containerPath(names.dropLast()) } }
        member("value", names.last?.text)
    }

    mutating func containerStatus(_ name: StaticString, _ status: ContainerStatusInfo?) {
        object(name, status) { sink, status in
            sink.containerPath("container_id", status.container)
            sink.member("executor_pid", status.executorPID)
            sink.objects("network_infos", status.networks) { $0.network($1) }
        }
    }
}

// MARK: - Probes and discovery

extension WireSink {
    mutating func healthCheck(_ name: StaticString, _ check: HealthCheck?) {
        object(name, check) { sink, check in
            if case .command(let command) = check.probe { sink.member("command", WireValue.command(command)) }
            sink.member("consecutive_failures", check.failuresMax)
            sink.seconds("delay_seconds", check.delay)
            sink.seconds("grace_period_seconds", check.gracePeriod)
            if case .http(let probe) = check.probe { sink.object("http") { $0.http(probe) } }
            sink.seconds("interval_seconds", check.interval)
            if case .tcp(let port, let family) = check.probe {
                sink.object("tcp") { sink in
                    sink.member("port", port)
                    sink.member("protocol", family)
                }
            }
            sink.seconds("timeout_seconds", check.timeout)
            sink.member("type", check.probe.typeName)
        }
    }

    mutating func check(_ name: StaticString, _ check: CheckSpec?) {
        object(name, check) { sink, check in
            if case .command(let command) = check.probe {
                sink.object("command") { $0.member("command", WireValue.command(command)) }
            }
            sink.seconds("delay_seconds", check.delay)
            if case .http(let probe) = check.probe { sink.object("http") { $0.http(probe) } }
            sink.seconds("interval_seconds", check.interval)
            if case .tcp(let port, _) = check.probe { sink.object("tcp") { $0.member("port", port) } }
            sink.seconds("timeout_seconds", check.timeout)
            sink.member("type", check.probe.typeName)
        }
    }

    private mutating func http(_ probe: HTTPProbe) {
        member("path", probe.path)
        member("port", probe.port)
        member("protocol", probe.family)
        member("scheme", probe.scheme)
        if !probe.statuses.isEmpty { member("statuses", WireValue.array(probe.statuses.map { .number($0) })) }
    }

    mutating func checkStatus(_ name: StaticString, _ status: CheckStatus?) {
        object(name, status) { sink, status in
            switch status {
            case .command(let code):
                sink.object("command") { $0.member("exit_code", code) }
                sink.member("type", "COMMAND")
            case .http(let code):
                sink.object("http") { $0.member("status_code", code) }
                sink.member("type", "HTTP")
            case .tcp(let succeeded):
                sink.object("tcp") { $0.member("succeeded", succeeded) }
                sink.member("type", "TCP")
            }
        }
    }

    mutating func discovery(_ name: StaticString, _ discovery: DiscoveryInfo?) {
        object(name, discovery) { sink, discovery in
            sink.member("environment", discovery.environment)
            sink.labels("labels", discovery.labels)
            sink.member("location", discovery.location)
            sink.member("name", discovery.name)
            if !discovery.ports.isEmpty {
                sink.object("ports") { sink in
                    sink.objects("ports", discovery.ports) { sink, port in
                        sink.labels("labels", port.labels)
                        sink.member("name", port.name)
                        sink.member("number", port.number)
                        sink.member("protocol", port.transport)
                        sink.member("visibility", port.visibility)
                    }
                }
            }
            sink.member("version", discovery.version)
            sink.member("visibility", discovery.visibility)
        }
    }
}

extension Probe {
    fileprivate var typeName: String {
        switch self {
        case .command: "COMMAND"
        case .http: "HTTP"
        case .tcp: "TCP"
        }
    }
}

// MARK: - As values

extension WireValue {
    public static func container(_ container: ContainerSpec) -> WireValue {
        written("x") { $0.container("x", container) }
    }
    public static func healthCheck(_ check: HealthCheck) -> WireValue { written("x") { $0.healthCheck("x", check) } }
    public static func check(_ check: CheckSpec) -> WireValue { written("x") { $0.check("x", check) } }
    public static func discovery(_ info: DiscoveryInfo) -> WireValue { written("x") { $0.discovery("x", info) } }
    public static func checkStatus(_ status: CheckStatus) -> WireValue { written("x") { $0.checkStatus("x", status) } }
    public static func containerStatus(_ status: ContainerStatusInfo) -> WireValue {
        written("x") { $0.containerStatus("x", status) }
    }
    public static func containerPath(_ path: ContainerPath) -> WireValue {
        written("x") { $0.containerPath("x", path) }
    }
    public static func image(_ image: ContainerImage) -> WireValue { written("x") { $0.image("x", image) } }
}
