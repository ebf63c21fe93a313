import LinuxKernel

/// Finds out what this host is and what it can enforce. Reads only; a few system calls and small files.
public enum HostProbe {
    /// The answers a launch needs, about a millisecond's worth. `store` is where containers' files will be.
    public static func abilities(store: String = "/var/lib/bulkhead") -> HostAbilities {
        let kernel = KernelVersion(release: HostFacts.kernelRelease())
        let groups = ControlGroupLayout.probe()
        let capabilities = HostFacts.effectiveCapabilities()
        return HostAbilities(
            kernel: kernel, groups: groups,
            features: features(kernel: kernel, groups: groups, capabilities: capabilities)
                .merging([.disk: DiskProbe.ability(of: store)]) { $1 },
            hardLimits: HostFacts.hardLimits(), capabilities: capabilities,
            throttleCounters: throttleCounters(in: "/sys/devices/system/cpu"))
    }

    /// Processors in `directory` that have counters. They all have, or none has; the first is always there.
    static func throttleCounters(in directory: String) -> [Int]? {
        guard HostFacts.exists("\(directory)/cpu0/thermal_throttle") else { return nil }
        do throws(KernelError) {
            let names = try OwnedDescriptor.open(RawPath(directory), [.directory]).entries().map(\.name.description)
            return names.filter { $0.begins(with: "cpu") }.compactMap { Int($0.dropFirst(3)) }.sorted()
        } catch {
            return [0]
        }
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
            .apparmor: SecurityModules.appArmor(), .selinux: SecurityModules.selinux(),
            .landlock: SecurityModules.landlock(),
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
}
