import LinuxKernel

/// Finds out what this host is and what it can enforce. Reads only; a few system calls and small files.
public enum HostProbe {
    /// The answers a launch needs, about a millisecond's worth.
    public static func abilities() -> HostAbilities {
        let kernel = KernelVersion(release: HostFacts.kernelRelease())
        let groups = ControlGroupLayout.probe()
        let capabilities = HostFacts.effectiveCapabilities()
        return HostAbilities(
            kernel: kernel, groups: groups,
            features: features(kernel: kernel, groups: groups, capabilities: capabilities),
            hardLimits: HostFacts.hardLimits(), capabilities: capabilities)
    }

    private static func features(
        kernel: KernelVersion, groups: ControlGroupLayout, capabilities: UInt64
    ) -> [Feature: Ability] {
        var features: [Feature: Ability] = [
            .userNamespaces: userNamespaces(),
            .timeNamespaces: exists(
                "/proc/self/ns/time", why: "the kernel has no time namespaces",
                remedy: "boot Linux 5.6 or newer with CONFIG_TIME_NS"),
            .detachedMounts: since(kernel, 5, 12, "mount_setattr(2)"),
            .idmappedLayers: since(kernel, 5, 19, "overlay on idmapped layers"),
            .seccomp: exists(
                "/proc/sys/kernel/seccomp/actions_avail", why: "the kernel has no seccomp filters",
                remedy: "a kernel with CONFIG_SECCOMP_FILTER"),
            .pressure: exists(
                "/proc/pressure", why: "pressure stall information is off", remedy: "boot with psi=1"),
            .raiseLimits: capabilities & (1 << 24) != 0
                ? .enforced
                : Ability(
                    .unavailable, why: "CAP_SYS_RESOURCE is missing here, so no limit can be raised above ours",
                    remedy: "start bulkhead with CAP_SYS_RESOURCE"),
            .apparmor: appArmor(),
            .landlock: securityModule("landlock"),
        ]
        for (feature, controller) in [
            (Feature.memory, "memory"), (.swap, "memory"), (.cpu, "cpu"), (.cpuset, "cpuset"), (.io, "io"),
        ] {
            features[feature] = groups.ability(controller)
        }
        features[.pids] = pids(groups)
        for feature in [Feature.deviceFilter, .freezer] { features[feature] = core(groups) }
        features[.killGroup] = groups.mountPoint == nil ? core(groups) : since(kernel, 5, 14, "cgroup.kill")
        return features
    }

    private static func pids(_ groups: ControlGroupLayout) -> Ability {
        let ability = groups.ability("pids")
        guard ability.state == .unavailable else { return ability }
        return Ability(
            .weakened, why: (ability.why ?? "") + "; RLIMIT_NPROC stands in, for each user id of the container",
            remedy: ability.remedy)
    }

    private static func core(_ groups: ControlGroupLayout) -> Ability {
        groups.mountPoint != nil
            ? .enforced
            : Ability(
                .unavailable, why: "no cgroup version 2 tree is mounted",
                remedy: "mount -t cgroup2 none /sys/fs/cgroup/unified")
    }

    private static func userNamespaces() -> Ability {
        let text = probed { try TextFile.read("/proc/sys/user/max_user_namespaces", limit: 64) } ?? "0"
        let count = UInt64(text.filter(\.isNumber)) ?? 0
        return count > 0
            ? .enforced
            : Ability(
                .unavailable, why: "user.max_user_namespaces is 0",
                remedy: "sysctl user.max_user_namespaces=65536")
    }

    private static func since(_ kernel: KernelVersion, _ major: Int, _ minor: Int, _ what: String) -> Ability {
        kernel.isAtLeast(major, minor)
            ? .enforced
            : Ability(
                .unavailable, why: "\(what) needs Linux \(major).\(minor), this is \(kernel)",
                remedy: "boot a newer kernel")
    }

    private static func exists(_ path: String, why: String, remedy: String) -> Ability {
        HostFacts.exists(path) ? .enforced : Ability(.unavailable, why: why, remedy: remedy)
    }

    private static func appArmor() -> Ability {
        let text = probed { try TextFile.read("/sys/module/apparmor/parameters/enabled", limit: 16) }
        return text?.hasPrefix("Y") == true
            ? unused("AppArmor")
            : Ability(.unavailable, why: "AppArmor is not active on this host", remedy: "boot with lsm=…,apparmor")
    }

    /// A wall that the host has and that this version does not put up is none.
    private static func unused(_ name: String) -> Ability {
        Ability(.unavailable, why: "\(name) is active on this host, but this version gives containers no profile of it")
    }

    private static func securityModule(_ name: String) -> Ability {
        let text = probed { try TextFile.read("/sys/kernel/security/lsm", limit: 1_024) } ?? ""
        return text.split(separator: ",").contains { $0.filter { !$0.isWhitespace } == name }
            ? unused(name)
            : Ability(
                .unavailable, why: "\(name) is not among the active security modules",
                remedy: "boot with lsm=\(name),…"
            )
    }
}
