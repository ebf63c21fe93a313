import AuditFormat

/// The mount table, and what covers the dangerous parts of /proc and /sys.
enum MountRules {
    static let all: [Inquiry<ContainerFacts>] = [
        sensitive, runtimeSocket, propagation, setuid, devices, rootAttributes, readOnlyRoot, masked, quiet,
        readOnlyPaths, writableSys, writableGroups, second, kernelFilesystems, hostPaths,
    ]

    private static let standard: [AuditProfile] = [.standard, .nist800190]
    private static let both: [AuditProfile] = [.standard, .cisDocker5, .nist800190]

    /// Host directories that hand the host over, CIS 5.6's and what is below them that matters as much.
    static let sensitivePaths = [
        "/", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sys", "/usr", "/var", "/var/lib",
        "/var/run", "/home", "/var/lib/docker", "/var/lib/containers", "/var/lib/bulkhead", "/var/lib/kubelet",
        "/etc/kubernetes",
    ]
    static let socketNames = [
        "docker.sock", "containerd.sock", "crio.sock", "podman.sock", "bulkhead.sock", "cri-dockerd.sock",
        "dockershim.sock", "kubelet.sock",
    ]

    private static let openPaths = "--security-opt systempaths=unconfined"

    private static func source(_ facts: ContainerFacts, _ mount: MountFacts) -> String {
        "/proc/\(facts.subject.process ?? 0)/mountinfo line \(mount.id)"
    }

    /// In the host's mount namespace every other rule about mounts would be about the host.
    private static func hostsOwn(_ facts: ContainerFacts) -> Answer? {
        let isHost = facts.namespaces.value?.contains { $0.kind == "mnt" && $0.isHost } ?? false
        return isHost ? .notApplicable("it has no mount namespace of its own, which BH-CON-005 is about") : nil
    }

    private static func mounts(
        _ facts: ContainerFacts, found: String, none: String, asked: Bool = false,
        declared: (MountFacts) -> String? = { _ in nil }, where wrong: (MountFacts) -> String?
    ) -> Answer {
        if let elsewhere = hostsOwn(facts) { return elsewhere }
        return facts.mounts.ask { mounts in
            let evidence = mounts.compactMap { mount in
                wrong(mount).map { Evidence($0, source: source(facts, mount), declared: declared(mount)) }
            }
            return .findings(evidence, asked: asked, found: { _ in found }, none: none)
        }
    }

    private static let sensitive = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-060", "No sensitive directory of the host is mounted", .high,
            risk: "Who writes to the host's configuration, libraries or devices is the host's root.",
            remedy: "mount a directory made for this purpose, read-only if you can", override: "--volume",
            profiles: both + [.podBaseline, .podRestricted],
            mappings: RuleMappings(
                cis: ["5.6"], pss: ["baseline: HostPath Volumes"], nist: ["4.5.5"], attack: ["T1611", "T1610"]))
    ) { facts in
        mounts(
            facts, found: "it shows sensitive directories of the host", none: "none is shown",
            asked: facts.declared.map { !$0.volumes.isEmpty } ?? false, declared: { facts.declared?.volumes[$0.target] }
        ) { mount in
            guard let path = mount.hostPath, sensitivePaths.contains(path) else { return nil }
            return "\(mount.target) is the host's \(path), \(mount.isReadOnly ? "read-only" : "writable")"
        }
    }

    private static let runtimeFiles: Set = [
        "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv", "/dev/shm", "/run/secrets",
    ]

    private static let hostPaths = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-074", "No path of the host is mounted at all", .medium,
            risk: "What a container writes to the host outlives it, and others read it.",
            remedy: "use a volume that belongs to the container", override: "--volume",
            profiles: [.podBaseline, .podRestricted],
            mappings: RuleMappings(pss: ["baseline: HostPath Volumes"], nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        let whole = whole(facts)
        return mounts(
            facts, found: "it shows paths of the host", none: "none is shown",
            asked: facts.declared.map { !$0.volumes.isEmpty } ?? false, declared: { facts.declared?.volumes[$0.target] }
        ) { mount in
            // What a runtime writes for the container is nobody's choice.
            if runtimeFiles.contains(mount.target) || isOwn(mount, facts.declared) { return nil }
            // Of a container of ours it is what the launch made for it: secrets, and the null device over masked paths.
            if mount.hostPath == nil, facts.declared == nil, isBrought(mount, besides: whole),
                mount.isPartOfAnothers(besides: whole)
            {
                return "\(mount.target) is \(mount.root) of another's memory"
            }
            return mount.hostPath.map { "\(mount.target) is the host's \($0)" }
        }
    }

    /// A directory that was made for the container and goes with it, where it is what was declared.
    private static func isOwn(_ mount: MountFacts, _ declared: DeclaredFacts?) -> Bool {
        guard let declared, declared.ownVolumes?.contains(mount.target) == true else { return false }
        return mount.hostPath == declared.volumes[mount.target]
    }

    private static let runtimeSocket = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-061", "No socket of a container runtime is mounted", .critical,
            risk: "Whoever talks to the runtime starts a privileged container.",
            remedy: "do not mount it; use an API with authorization instead", override: "--volume", profiles: both,
            mappings: RuleMappings(cis: ["5.32"], nist: ["4.4.3"], attack: ["T1611", "T1610"]))
    ) { facts in
        mounts(
            facts, found: "it reaches a container runtime", none: "none is there",
            asked: facts.declared.map { !$0.volumes.isEmpty } ?? false, declared: { facts.declared?.volumes[$0.target] }
        ) { mount in
            let names = [mount.root, mount.target, mount.hostPath ?? ""].compactMap { $0.cut(at: "/").last }
            return names.contains { socketNames.contains(String($0)) } ? "\(mount.target) from \(mount.root)" : nil
        }
    }

    private static let propagation = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-062", "No mount propagates to or from the host", .medium,
            risk: "A mount made inside appears on the host, or the other way round.",
            remedy: "start it without shared or slave propagation", profiles: both,
            mappings: RuleMappings(cis: ["5.20"], nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        mounts(facts, found: "mounts are shared with the host", none: "every mount is private") { mount in
            mount.propagation.isEmpty ? nil : "\(mount.target) \(mount.propagation.joined(separator: " "))"
        }
    }

    /// File systems of the kernel's own, in which nobody can leave a file.
    private static let kernelTypes: Set = [
        "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "nsfs", "securityfs", "selinuxfs", "debugfs",
        "tracefs", "bpf", "configfs", "fusectl", "pstore", "efivarfs", "binfmt_misc", "hugetlbfs", "devtmpfs",
    ]

    /// Devices of file systems in memory, or made of layers, that are mounted whole in the container.
    private static func whole(_ facts: ContainerFacts) -> Set<String> {
        Set((facts.mounts.value ?? []).filter { $0.isPrivateType && $0.root == "/" }.map(\.device))
    }

    /// A mount that shows files of the host, or a file system somebody brought along, of whatever type; memory in which
    /// the container can make files too, except /dev itself, where devices are to work.
    private static func isBrought(_ mount: MountFacts, besides whole: Set<String>) -> Bool {
        if mount.hostPath != nil { return true }
        if kernelTypes.contains(mount.type) { return false }
        guard mount.isPrivateType else { return true }
        if mount.root == "/" { return !mount.isReadOnly && mount.target != "/dev" }
        // What covers a path of the kernel's is judged where that is looked at.
        let isCover = mount.target.begins(with: "/proc/") || mount.target.begins(with: "/sys/")
        return !isCover && mount.isPartOfAnothers(besides: whole)
    }

    private static let setuid = attribute(
        AuditRule(
            "BH-CON-063", "Volumes honour no setuid files", .medium,
            risk: "A setuid file left there gives its owner's rights to whoever starts it, also on the host.",
            remedy: "mount it with nosuid", profiles: standard,
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1068"])), "nosuid")

    private static let devices = attribute(
        AuditRule(
            "BH-CON-064", "Volumes honour no device nodes", .medium,
            risk: "A device node there reaches the device.", remedy: "mount it with nodev", profiles: standard,
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1611"])), "nodev")

    private static func attribute(_ rule: AuditRule, _ option: String) -> Inquiry<ContainerFacts> {
        Inquiry(rule) { facts in
            let whole = whole(facts)
            return mounts(
                facts, found: "volumes without \(option) are mounted", none: "every volume has \(option)"
            ) { mount in
                // The null device itself stands over what is masked, and must stay one.
                if mount.target == "/" || mount.type == "devtmpfs" || mount.options.contains(option) { return nil }
                return isBrought(mount, besides: whole) ? mount.text : nil
            }
        }
    }

    private static let rootAttributes = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-065", "The root file system honours neither setuid files nor device nodes", .low,
            risk: "Setuid files and device nodes of the image are live.",
            remedy: "use a runtime that mounts it with nosuid and nodev", profiles: [.standard],
            mappings: RuleMappings(nist: ["4.1.2"], attack: ["T1068"]))
    ) { facts in
        mounts(facts, found: "the root file system is mounted without them", none: "it has nosuid and nodev") { mount in
            guard mount.target == "/" else { return nil }
            return mount.options.contains("nosuid") && mount.options.contains("nodev") ? nil : mount.text
        }
    }

    private static let readOnlyRoot = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-066", "The root file system is read-only", .low,
            risk: "An intruder can leave programs where they will be started again.",
            remedy: "start it with --read-only and --tmpfs where it must write", profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.13"], nist: ["4.5.5"], attack: ["T1525"]))
    ) { facts in
        mounts(
            facts, found: "the root file system can be written", none: "it is read-only",
            declared: { _ in facts.declared.map { $0.isReadOnlyRoot ? "read-only" : "writable" } }
        ) { $0.target == "/" && !$0.isReadOnly ? $0.text : nil }
    }

    private static let masked = paths(
        AuditRule(
            "BH-CON-067", "Paths that tell about the host are masked", .high,
            risk: "Kernel memory, keys, timers and addresses of the host can be read.",
            remedy: "leave \(openPaths) out", override: openPaths,
            profiles: standard + [.podBaseline, .podRestricted],
            mappings: RuleMappings(pss: ["baseline: /proc Mount Type"], nist: ["4.4.3"], attack: ["T1082", "T1611"])),
        .masked, where: secretPaths.contains)

    /// What every runtime masks, because it gives away secrets or lets the host be changed.
    private static let secretPaths: Set = [
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/kallsyms", "/proc/keys", "/proc/kmsg",
        "/proc/latency_stats",
        "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
        "/sys/firmware", "/sys/fs/selinux",
    ]

    private static let quiet = paths(
        AuditRule(
            "BH-CON-073", "Paths that tell about the host's hardware and load are masked", .low,
            risk: "They tell an intruder what the host is, and are side channels to what others do on it.",
            remedy: "mask them: leave \(openPaths) out", override: openPaths, profiles: standard,
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1082"])),
        .masked, where: { !secretPaths.contains($0) })

    private static let readOnlyPaths = paths(
        AuditRule(
            "BH-CON-068", "Paths that change the host cannot be written", .high,
            risk: "core_pattern, sysrq and friends run programs on the host.",
            remedy: "leave \(openPaths) out", override: openPaths,
            profiles: standard + [.podBaseline, .podRestricted],
            mappings: RuleMappings(pss: ["baseline: /proc Mount Type"], nist: ["4.4.3"], attack: ["T1611"])),
        .readOnly, where: { _ in true })

    private static func paths(
        _ rule: AuditRule, _ wanted: PathFacts.Wanted, where concerns: @escaping @Sendable (String) -> Bool
    ) -> Inquiry<ContainerFacts> {
        Inquiry(rule) { facts in
            if let elsewhere = hostsOwn(facts) { return elsewhere }
            return facts.paths.ask { paths in
                let paths = paths.filter { $0.wanted == wanted && concerns($0.path) }
                let open = paths.filter { $0.state == .open }
                let isDeclared = { (path: String) -> Bool in
                    guard let declared = facts.declared else { return true }
                    return (wanted == .masked ? declared.maskedPaths : declared.readOnlyPaths).contains(path)
                }
                let evidence = open.map { path in
                    Evidence(
                        "\(path.path) is \(path.seen)", source: "/proc/\(facts.subject.process ?? 0)/root\(path.path)",
                        declared: facts.declared.map { _ in isDeclared(path.path) ? wanted.rawValue : "open" })
                }
                let count = paths.count { $0.state != .absent }
                return .findings(
                    evidence, asked: open.contains { !isDeclared($0.path) },
                    found: { "\($0) paths are open" }, none: "\(count) that are there are \(wanted.rawValue)")
            }
        }
    }

    private static let writableSys = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-069", "sysfs is read-only", .high,
            risk: "Devices, modules and kernel settings can be changed by writing a file.",
            remedy: "mount /sys read-only", profiles: standard,
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        mounts(facts, found: "sysfs can be written", none: "it is read-only, or not there") {
            $0.type == "sysfs" && !$0.isReadOnly ? $0.text : nil
        }
    }

    private static let writableGroups = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-070", "The cgroup file system is read-only", .high,
            risk: "Limits can be lifted; with version 1, release_agent runs a program on the host (CVE-2022-0492).",
            remedy: "mount /sys/fs/cgroup read-only", profiles: standard,
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        mounts(facts, found: "cgroups can be written", none: "they are read-only, or not there") {
            ["cgroup", "cgroup2"].contains($0.type) && !$0.isReadOnly ? $0.text : nil
        }
    }

    private static let second = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-075", "proc and sysfs are mounted at /proc and /sys only", .high,
            risk: "What is masked and read-only at /proc and /sys is neither in another mount of the same.",
            remedy: "unmount it; start the container again when it did not ask for it", override: "--volume",
            profiles: standard + [.podBaseline, .podRestricted],
            mappings: RuleMappings(pss: ["baseline: /proc Mount Type"], nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        mounts(
            facts, found: "they are mounted elsewhere too", none: "they are nowhere else",
            asked: facts.declared.map { !$0.volumes.isEmpty } ?? false, declared: { facts.declared?.volumes[$0.target] }
        ) { mount in
            guard let place = ["proc": "/proc", "sysfs": "/sys"][mount.type] else { return nil }
            // A part of it that covers itself, to be read-only.
            let own = mount.root == "/" ? place : place + mount.root
            return mount.target == own ? nil : "\(mount.text), shows \(own)"
        }
    }

    private static let kernelFilesystems = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-072", "No file system of the kernel's insides is mounted", .high,
            risk: "debugfs, tracefs, securityfs, bpf and devtmpfs show and change the whole host.",
            remedy: "do not mount it", override: "--volume", profiles: standard,
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        let inner: Set = ["debugfs", "tracefs", "securityfs", "bpf", "configfs", "pstore", "efivarfs", "binfmt_misc"]
        return mounts(facts, found: "the kernel's insides are mounted", none: "none is there") { mount in
            // One device of devtmpfs, bound over what is masked, is no view of all.
            if mount.type == "devtmpfs" { return mount.root == "/" ? mount.text : nil }
            return inner.contains(mount.type) ? mount.text : nil
        }
    }
}
