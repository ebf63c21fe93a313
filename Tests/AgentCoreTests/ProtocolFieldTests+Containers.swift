import Testing

/// The fields of a container's description.
extension ProtocolFieldTests {
    static let containerCases: [Case] = [
        Case("container.type", #""DOCKER""#, .refused("container.docker")),
        Case("container.hostname", #""web""#, .honoured),
        Case("container.mesos.image.type", #""APPC""#, .refused("appc")),
        Case("container.mesos.image.appc", #"{"name": "a"}"#, .refused("container.mesos.image.appc")),
        Case("container.mesos.image.docker.name", #""alpine""#, .honoured),
        Case(
            "container.mesos.image.docker.credential", #"{"principal": "p"}"#,
            .refused("container.mesos.image.docker.credential")),
        Case(
            "container.mesos.image.docker.config", #"{"type": "REFERENCE", "reference": {"name": "s"}}"#,
            .refused("uses no credentials")),
        Case("container.mesos.image.cached", "false", .refused("cannot look for a newer one")),
        // A description of kind DOCKER.
        Case("container.docker.image", #""j""#, .honoured, "docker"),
        Case("container.docker.network", #""BRIDGE""#, .honoured, "docker"),
        Case("container.docker.port_mappings.host_port", "31002", .honoured, "docker", "docker-bridge", "docker-port"),
        Case(
            "container.docker.port_mappings.container_port", "81", .honoured, "docker", "docker-bridge", "docker-port"),
        Case(
            "container.docker.port_mappings.protocol", #""udp""#, .honoured, "docker", "docker-bridge", "docker-port"),
        Case(
            "container.docker.port_mappings.protocol", #""sctp""#, .refused("neither tcp nor udp"), "docker",
            "docker-bridge", "docker-port"),
        Case("container.docker.privileged", "true", .refused("--allow-privileged"), "docker"),
        Case("container.docker.parameters.key", #""label""#, .honoured, "docker", "parameter"),
        Case("container.docker.parameters.key", #""flavour""#, .refused("flavour"), "docker", "parameter"),
        Case("container.docker.parameters.value", #""A=2""#, .honoured, "docker", "parameter"),
        Case("container.docker.force_pull_image", "true", .refused("force_pull_image"), "docker"),
        Case("container.docker.volume_driver", #""d""#, .refused("volume drivers"), "docker"),
        // Networks.
        Case("container.network_infos.name", #""bridge""#, .honoured),
        Case("container.network_infos.groups", #""g""#, .refused("groups"), "bridge"),
        Case(
            "container.network_infos.labels", #"{"labels": [{"key": "k"}]}"#, .refused("labels"), "bridge"),
        Case("container.network_infos.ip_addresses.ip_address", #""10.1.2.3""#, .honoured, "bridge", "address"),
        Case("container.network_infos.ip_addresses.ip_address", #""10.1.2.3""#, .refused("on a bridge"), "address"),
        Case(
            "container.network_infos.ip_addresses.protocol", #""IPv6""#, .refused("version 6"), "bridge", "address"),
        Case("container.network_infos.port_mappings.host_port", "31002", .honoured, "bridge", "port"),
        Case("container.network_infos.port_mappings.container_port", "81", .honoured, "bridge", "port"),
        Case("container.network_infos.port_mappings.protocol", #""udp""#, .honoured, "bridge", "port"),
        // Walls.
        Case("container.linux_info.capability_info.capabilities", #""CHOWN""#, .honoured),
        Case("container.linux_info.bounding_capabilities.capabilities", #""CHOWN""#, .honoured),
        Case("container.linux_info.effective_capabilities.capabilities", #""CHOWN""#, .honoured),
        Case("container.linux_info.effective_capabilities.capabilities", #""SYS_ADMIN""#, .refused("SYS_ADMIN")),
        Case("container.linux_info.share_pid_namespace", "true", .refused("share_pid_namespace")),
        Case("container.linux_info.seccomp.profile_name", #""strict""#, .honoured),
        Case("container.linux_info.seccomp.unconfined", "true", .refused("--allow-unconfined")),
        Case("container.linux_info.ipc_mode", #""SHARE_PARENT""#, .refused("no parent")),
        Case("container.linux_info.ipc_mode", #""PRIVATE""#, .always("a task by itself shares no memory")),
        Case("container.linux_info.shm_size", "8", .honoured),
        Case(
            "container.linux_info.share_cgroups", "false",
            .always("each container has a control group of its own; whether a task may say so is the master's rule")),
        Case("container.rlimit_info.rlimits.type", #""RLMT_NOFILE""#, .honoured, "rlimit"),
        Case("container.rlimit_info.rlimits.hard", "3", .honoured, "rlimit"),
        Case("container.rlimit_info.rlimits.soft", "0", .honoured, "rlimit"),
        Case("container.tty_info.window_size.rows", "40", .honoured, "terminal"),
        Case("container.tty_info.window_size.columns", "80", .honoured, "terminal"),
    ]

    static let volumeCases: [Case] = [
        Case("container.volumes.container_path", #""/y""#, .honoured, "volume"),
        Case("container.volumes.mode", #""RW""#, .honoured, "volume"),
        Case("container.volumes.host_path", #""/etc""#, .refused("--host-path /etc"), "volume"),
        Case("container.volumes.image.type", #""APPC""#, .refused("appc"), "volume", "volume-image"),
        Case("container.volumes.image.appc", #"{"name": "a"}"#, .refused("appc"), "volume", "volume-image"),
        Case("container.volumes.image.docker.name", #""j""#, .refused("images as volumes"), "volume", "volume-image"),
        Case(
            "container.volumes.image.docker.credential", #"{"principal": "p"}"#, .refused("docker.credential"),
            "volume", "volume-image"),
        Case(
            "container.volumes.image.docker.config", #"{"reference": {"name": "s"}}"#, .refused("images as volumes"),
            "volume", "volume-image"),
        Case("container.volumes.image.cached", "false", .refused("images as volumes"), "volume", "volume-image"),
        Case("container.volumes.source.type", #""DOCKER_VOLUME""#, .refused("docker_volume"), "volume"),
        Case("container.volumes.source.docker_volume.name", #""w""#, .refused("drivers"), "volume", "volume-driver"),
        Case("container.volumes.source.docker_volume.driver", #""d""#, .refused("drivers"), "volume", "volume-driver"),
        Case(
            "container.volumes.source.docker_volume.driver_options.parameter.key", #""l""#, .refused("drivers"),
            "volume", "volume-driver", "volume-option"),
        Case(
            "container.volumes.source.docker_volume.driver_options.parameter.value", #""w""#, .refused("drivers"),
            "volume", "volume-driver", "volume-option"),
        Case("container.volumes.source.sandbox_path.path", #""q""#, .honoured, "volume", "volume-sandbox"),
        Case(
            "container.volumes.source.sandbox_path.type", #""PARENT""#, .refused("no parent"), "volume",
            "volume-sandbox"),
        Case(
            "container.volumes.source.secret", #"{"reference": {"name": "s"}}"#, .honoured, "volume", "volume-secret"),
        Case("container.volumes.source.host_path.path", #""q""#, .honoured, "volume", "volume-host"),
        Case(
            "container.volumes.source.host_path.path", #""q""#, .refused("volumes[0].source.host_path"), "volume",
            "volume-sandbox"),
        Case(
            "container.volumes.source.host_path.mount_propagation.mode", #""BIDIRECTIONAL""#,
            .refused("mount_propagation"), "volume", "volume-host"),
        Case(
            "container.volumes.source.host_path.mount_propagation.mode", #""HOST_TO_CONTAINER""#,
            .refused("mount_propagation"), "volume", "volume-host"),
        Case(
            "container.volumes.source.csi_volume",
            """
            {"plugin_name": "p", "static_provisioning": {"volume_id": "v", "volume_capability": {"mount": {},
              "access_mode": {"mode": "SINGLE_NODE_WRITER"}}}}
            """, .refused("storage plug-ins"), "volume", "volume-storage"),
    ]
}
