import AuditFormat

/// Whether the namespaces are the container's own, by their inodes.
enum NamespaceRules {
    static let all: [Inquiry<ContainerFacts>] =
        kinds.map { row in
            let rule = AuditRule(
                row.id, "The \(row.name) namespace is not the host's", row.severity, risk: row.risk,
                remedy: row.remedy, override: row.override, profiles: [.standard, .nist800190] + row.profiles,
                mappings: RuleMappings(cis: row.cis, pss: row.pss, nist: ["4.4.3"], attack: ["T1611"]))
            return Inquiry(rule) { facts in own(row.kind, row.name, facts) }
        } + [foreignShares, threadsTogether]

    private struct Row: Sendable {
        var id: RuleID
        var kind: String
        var name: String
        var severity: Severity
        var risk: String
        var remedy: String
        var override: String?
        var profiles: [AuditProfile] = []
        var cis: [String] = []
        var pss: [String] = []
    }

    private static let hostNamespaces = ["baseline: Host Namespaces"]
    private static let pod: [AuditProfile] = [.cisDocker5, .podBaseline, .podRestricted]

    private static let kinds: [Row] = [
        Row(
            id: "BH-CON-001", kind: "pid", name: "process", severity: .high,
            risk: "Processes of the host can be seen, signalled and, with equal user ids, traced.",
            remedy: "start it without --pid host", profiles: pod, cis: ["5.16"], pss: hostNamespaces),
        Row(
            id: "BH-CON-002", kind: "net", name: "network", severity: .high,
            risk: "Services bound to the host's loopback, abstract sockets and raw interfaces are within reach "
                + "(CVE-2020-15257).",
            remedy: "start it without --network host", override: "--network host", profiles: pod, cis: ["5.10"],
            pss: hostNamespaces),
        Row(
            id: "BH-CON-003", kind: "ipc", name: "message and shared memory", severity: .high,
            risk: "Shared memory and queues of host programs can be read and written.",
            remedy: "start it without --ipc host", profiles: pod, cis: ["5.17"], pss: hostNamespaces),
        Row(
            id: "BH-CON-004", kind: "uts", name: "host name", severity: .medium,
            risk: "With CAP_SYS_ADMIN the host's name can be changed.", remedy: "start it without --uts host",
            profiles: [.cisDocker5], cis: ["5.21"]),
        Row(
            id: "BH-CON-005", kind: "mnt", name: "mount", severity: .critical,
            risk: "Every file of the host has a name inside.",
            remedy: "run it in a container: its own root file system is the first wall"),
        Row(
            id: "BH-CON-006", kind: "cgroup", name: "cgroup", severity: .medium,
            risk: "The host's cgroups are named inside, which writing to release_agent begins with (CVE-2022-0492).",
            remedy: "start it without --cgroupns host", profiles: [.cisDocker5], cis: ["5.25"]),
        Row(
            id: "BH-CON-007", kind: "user", name: "user", severity: .high,
            risk: "Root inside is root on the host: whatever another wall lets through meets no second one.",
            remedy: "start it without --userns host; give the container ids of its own", profiles: [.cisDocker5],
            cis: ["5.31"]),
        Row(
            id: "BH-CON-008", kind: "time", name: "time", severity: .low,
            risk: "The host's uptime tells when it was last patched, and offsets cannot be kept at a restore.",
            remedy: "use Linux 5.6 or newer and a runtime that makes time namespaces"),
    ]

    private static func own(_ kind: String, _ name: String, _ facts: ContainerFacts) -> Answer {
        facts.namespaces.ask { namespaces in
            guard let own = namespaces.first(where: { $0.kind == kind }) else {
                return kind == "time"
                    ? .notApplicable("this kernel has no time namespaces") : .unknown("/proc/PID/ns/\(kind) is missing")
            }
            let source = "/proc/\(facts.subject.process ?? 0)/ns/\(kind)"
            let evidence = Evidence(
                "\(kind):[\(own.inode)]", source: source, declared: facts.declared.map { _ in declared(kind, facts) })
            if own.hostInode == nil {
                return .unknown("which \(name) namespace is the host's could not be observed: /proc/1/ns/\(kind)")
            }
            guard own.isHost else { return .pass("it has \(kind):[\(own.inode)]", [evidence]) }
            let asked = kind == "net" && facts.declared?.network == "host"
            return .found("it uses the host's \(name) namespace", [evidence], asked: asked)
        }
    }

    /// What is to be said where some of the host's own could not be observed.
    private static func hidden(_ namespaces: [ContainerNamespace]) -> Answer? {
        let kinds = namespaces.filter { $0.hostInode == nil }.map(\.kind)
        if kinds.isEmpty { return nil }
        return .unknown("which namespaces are the host's could not be observed: \(kinds.joined(separator: ", "))")
    }

    private static func declared(_ kind: String, _ facts: ContainerFacts) -> String {
        kind == "net" ? "network \(facts.declared?.network ?? "")" : "its own"
    }

    /// Sharing with another container is a finding unless it was declared. Kinds many share on purpose are told apart
    /// by what `sharesWith` says.
    private static let foreignShares = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-010", "No namespace is shared with a container that was not named", .medium,
            risk: "Two containers that share a namespace are one to whoever breaks into either.",
            remedy: "start it without --network container:ID, or name the sharing in its request",
            override: "--network container:ID", profiles: [.standard, .nist800190],
            mappings: RuleMappings(nist: ["4.3.3"], attack: ["T1611"]))
    ) { facts in
        facts.namespaces.ask { namespaces in
            let evidence = namespaces.filter { !$0.isHost }.flatMap { space in
                space.sharedWith.filter { !(facts.declared?.sharesWith.contains($0) ?? false) }.map { other in
                    Evidence(
                        "\(space.kind):[\(space.inode)] shared with \(other)",
                        source: "/proc/\(facts.subject.process ?? 0)/ns/\(space.kind)",
                        declared: facts.declared.map { _ in "its own" })
                }
            }
            if evidence.isEmpty, let hidden = hidden(namespaces) { return hidden }
            return .findings(
                evidence, found: { "\($0) of its namespaces are shared with others" }, none: "no other is in them")
        }
    }

    /// A thread or process that was left in, or taken into, other namespaces.
    private static let threadsTogether = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-012", "No thread is in a namespace of the host that its container left", .high,
            risk: "One thread outside is a way out for all: it can be traced or written to from inside.",
            remedy: "find out which program entered the namespace, and end it", profiles: [.standard, .nist800190],
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        facts.namespaces.ask { namespaces in
            facts.processes.ask { processes in
                let left = namespaces.filter { !$0.isHost }
                // The monitor of an exec stays outside the process namespace; it is the runtime's own.
                let evidence = processes.filter { !$0.isInit }.flatMap { process in
                    process.threads.flatMap { thread in
                        left.filter { $0.isOwn && thread.namespaces[$0.kind] == $0.hostInode }.map { space in
                            Evidence(
                                "\(space.kind):[\(space.hostInode ?? 0)]",
                                source: "/proc/\(process.id)/task/\(thread.id)/ns/\(space.kind)")
                        }
                    }
                }
                if evidence.isEmpty, let hidden = hidden(namespaces) { return hidden }
                return .findings(
                    evidence, found: { "\($0) threads are in namespaces of the host" }, none: "all are inside")
            }
        }
    }
}
