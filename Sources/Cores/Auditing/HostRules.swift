import AuditFormat

/// What of the host weakens every container on it.
enum HostRules {
    static let all: [Inquiry<HostState>] =
        walls + settings.map { row in
            Inquiry(
                AuditRule(
                    row.id, row.title, row.severity, risk: row.risk, remedy: row.remedy,
                    profiles: [.standard, .nist800190],
                    mappings: RuleMappings(nist: [row.nist], attack: ["T1068", "T1611"]))
            ) { state in ask(row, state) }
        } + [modules, places, processors]

    private struct Row: Sendable {
        var id: RuleID
        var title: String
        var severity: Severity
        var path: String
        /// Files that must be good as well.
        var others: [String] = []
        var risk: String
        var remedy: String
        var nist = "4.5.1"
        var isGood: @Sendable (String) -> Bool
    }

    /// Files that a host audit reads, by rule; a kernel that has no such file has nothing to be set.
    static var settingPaths: [String] { settings.flatMap { [$0.path] + $0.others } }

    private static func atLeast(_ least: Int) -> @Sendable (String) -> Bool { { (Int($0) ?? -1) >= least } }

    private static let settings: [Row] = [
        Row(
            id: "BH-HOST-010", title: "Unprivileged users load no BPF programs", severity: .medium,
            path: "/proc/sys/kernel/unprivileged_bpf_disabled",
            risk: "The verifier's holes are open to every user of the host.",
            remedy: "sysctl kernel.unprivileged_bpf_disabled=2", isGood: atLeast(1)),
        Row(
            id: "BH-HOST-011", title: "Addresses of the kernel are hidden", severity: .low,
            path: "/proc/sys/kernel/kptr_restrict", risk: "They make a hole in the kernel easy to use.",
            remedy: "sysctl kernel.kptr_restrict=1", isGood: atLeast(1)),
        Row(
            id: "BH-HOST-012", title: "The kernel's log is root's", severity: .low,
            path: "/proc/sys/kernel/dmesg_restrict", risk: "It tells addresses and what hardware there is.",
            remedy: "sysctl kernel.dmesg_restrict=1", isGood: atLeast(1)),
        Row(
            id: "BH-HOST-013", title: "Page faults are handled by root only", severity: .low,
            path: "/proc/sys/vm/unprivileged_userfaultfd",
            risk: "Races in the kernel can be held open as long as liked.",
            remedy: "sysctl vm.unprivileged_userfaultfd=0", isGood: { $0 == "0" }),
        Row(
            id: "BH-HOST-014", title: "Hard and symbolic links are protected", severity: .medium,
            path: "/proc/sys/fs/protected_symlinks", others: ["/proc/sys/fs/protected_hardlinks"],
            risk: "Programs of root follow links of others in shared directories.",
            remedy: "sysctl fs.protected_symlinks=1 fs.protected_hardlinks=1", nist: "4.5.5", isGood: atLeast(1)),
        Row(
            id: "BH-HOST-015", title: "Setuid programs leave no core dumps", severity: .low,
            path: "/proc/sys/fs/suid_dumpable", risk: "What they knew is left on the disk.",
            remedy: "sysctl fs.suid_dumpable=0", nist: "4.5.5", isGood: { $0 != "1" }),
        Row(
            id: "BH-HOST-016", title: "Addresses are given at random", severity: .medium,
            path: "/proc/sys/kernel/randomize_va_space", risk: "Every hole in a program is easy to use.",
            remedy: "sysctl kernel.randomize_va_space=2", isGood: { $0 == "2" }),
        Row(
            id: "BH-HOST-017", title: "A crash starts no program of the host", severity: .medium,
            path: "/proc/sys/kernel/core_pattern",
            risk: "A container that crashes on purpose starts it as the host's root, with a memory image of its own "
                + "making to read; RLIMIT_CORE of 0 is the only wall, and containers may be given another.",
            remedy: "sysctl kernel.core_pattern=core, or leave --ulimit core out everywhere",
            isGood: { !$0.begins(with: "|") }),
        Row(
            id: "BH-HOST-018", title: "Pipes and files of others in shared directories are protected", severity: .low,
            path: "/proc/sys/fs/protected_fifos", others: ["/proc/sys/fs/protected_regular"],
            risk: "A program of root that writes to a name in /tmp writes into what another user has put there.",
            remedy: "sysctl fs.protected_fifos=1 fs.protected_regular=1", nist: "4.5.5", isGood: atLeast(1)),
        Row(
            id: "BH-HOST-019", title: "Processes of one user do not trace each other", severity: .low,
            path: "/proc/sys/kernel/yama/ptrace_scope",
            risk: "Who has taken one program of a user has what all others of that user know.",
            remedy: "sysctl kernel.yama.ptrace_scope=1", isGood: atLeast(1)),
    ]

    private static func ask(_ row: Row, _ state: HostState) -> Answer {
        let known = ([row.path] + row.others).compactMap { path in state.settings.first { $0.path == path } }
        if known.isEmpty { return .notApplicable("this kernel has no \(row.path)") }
        var seen: [Evidence] = []
        var wrong: [Evidence] = []
        var hidden: String?
        for setting in known {
            switch setting.value {
            case .hidden(let why): hidden = why
            case .seen(let value):
                seen.append(Evidence(value, source: setting.path))
                if !row.isGood(value) { wrong.append(Evidence(value, source: setting.path)) }
            }
        }
        if wrong.isEmpty, let hidden { return .unknown(hidden) }
        let text = (wrong.isEmpty ? seen : wrong).map(\.value).joined(separator: " and ")
        return wrong.isEmpty ? .pass("it is \(text)", seen) : .found("it is \(text)", wrong)
    }

    private static func wall(
        _ id: RuleID, _ feature: String, _ title: String, _ severity: Severity, risk: String, remedy: String
    ) -> Inquiry<HostState> {
        Inquiry(
            AuditRule(
                id, title, severity, risk: risk, remedy: remedy, profiles: [.standard, .nist800190],
                mappings: RuleMappings(nist: ["4.5.2"], attack: ["T1611"]))
        ) { state in
            guard let wall = state.walls.first(where: { $0.feature == feature }) else {
                return .unknown("the host was not asked about \(feature)")
            }
            let evidence = [Evidence(wall.state, source: "bulkhead host: \(feature)")]
            return wall.state == "enforced"
                ? .pass("it can", evidence) : .found(wall.why.isEmpty ? "it cannot" : wall.why, evidence)
        }
    }

    private static let walls = [
        wall(
            "BH-HOST-001", "user-namespaces", "The host can give containers ids of their own", .high,
            risk: "Root inside is root outside.", remedy: "sysctl user.max_user_namespaces=65536"),
        wall(
            "BH-HOST-002", "seccomp", "The host can filter system calls", .high,
            risk: "Every call is within reach of every container.", remedy: "boot a kernel with CONFIG_SECCOMP_FILTER"),
        wall(
            "BH-HOST-003", "device-filter", "The host can filter devices", .medium,
            risk: "Devices are kept away by absence only.", remedy: "mount a version 2 cgroup tree"),
        wall(
            "BH-HOST-004", "pids", "The host can limit processes by cgroup", .medium,
            risk: "Limits hold for each user id only.", remedy: "boot with systemd.unified_cgroup_hierarchy=1"),
        wall(
            "BH-HOST-005", "memory", "The host can limit memory", .medium,
            risk: "One container can push the host into killing others.",
            remedy: "boot with systemd.unified_cgroup_hierarchy=1"),
        wall(
            "BH-HOST-006", "cpu", "The host can limit processor time", .low,
            risk: "One container can slow down all others.", remedy: "boot with systemd.unified_cgroup_hierarchy=1"),
        wall(
            "BH-HOST-007", "idmapped-layers", "The host can show layers through a container's ids", .medium,
            risk: "Containers need copies of their images, or share ids.", remedy: "boot Linux 5.19 or newer"),
    ]

    private static let modules = Inquiry<HostState>(
        AuditRule(
            "BH-HOST-020", "A security module for mandatory access is active", .medium,
            risk: "When another wall falls, nothing stands behind it.", remedy: "boot with lsm=…,apparmor or selinux",
            profiles: [.standard, .cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.2", "5.3"], nist: ["4.5.2"], attack: ["T1611"]))
    ) { state in
        let active = state.surroundings.securityModules
        var evidence = [Evidence(active.joined(separator: ","), source: "/sys/kernel/security/lsm")]
        let mode = active.contains("selinux") ? state.surroundings.selinux : nil
        if let mode { evidence.append(Evidence("selinux: \(mode.rawValue)", source: "/sys/fs/selinux/enforce")) }
        // One that denies nothing is as none.
        let known: Set = ["apparmor", "smack", "tomoyo"]
        if active.contains(where: known.contains) || mode == .enforcing {
            return .pass("\(active.joined(separator: ", ")) is active", evidence)
        }
        switch mode {
        case .hidden: return .unknown("selinux is active, and what it does cannot be read")
        case .permissive, .empty: return .found("selinux denies nothing: \(mode?.rawValue ?? "")", evidence)
        case .enforcing, nil:
            return active.contains("selinux")
                ? .unknown("selinux is active, and nobody asked what it does") : .found("none is active", evidence)
        }
    }

    private static let places = Inquiry<HostState>(
        AuditRule(
            "BH-HOST-021", "Programs, state and keys are root's alone", .high,
            risk: "Who writes there is root with the next container.",
            remedy: "chown root and chmod as the finding says",
            profiles: [.standard, .cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["3.1", "3.2", "3.15"], nist: ["4.5.5"], attack: ["T1574"]))
    ) { state in
        state.places.ask { places in
            let evidence = places.filter { $0.owner != 0 || $0.mode & $0.forbidden != 0 }.map { place in
                let mode = String(place.mode, radix: 8)
                let good = String(place.mode & ~place.forbidden, radix: 8)
                return Evidence(
                    "owner \(place.owner), mode \(mode)", source: place.path, declared: "owner 0, mode \(good)")
            }
            return .findings(
                evidence, found: { "\($0) places are open to others" }, none: "all \(places.count) are root's")
        }
    }

    private static let processors = Inquiry<HostState>(
        AuditRule(
            "BH-HOST-022", "No known hole of the processor is open", .medium,
            risk: "Containers on one processor read each other's memory.",
            remedy: "update firmware and kernel, and boot without mitigations=off",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.5.3"], attack: ["T1068"]))
    ) { state in
        let prefix = "/sys/devices/system/cpu/vulnerabilities/"
        let known = state.settings.filter { $0.path.begins(with: prefix) }
        if known.isEmpty { return .notApplicable("this kernel does not tell") }
        let evidence = known.compactMap { setting -> Evidence? in
            guard let value = setting.value.value, value.begins(with: "Vulnerable") else { return nil }
            return Evidence(value, source: setting.path)
        }
        return .findings(
            evidence, found: { "known holes are open: \($0)" }, none: "\(known.count) are closed or do not apply")
    }
}

extension HostState {
    /// Files whose content rules ask for; each is a setting when it is there.
    public static var settingPaths: [String] { HostRules.settingPaths }
}
