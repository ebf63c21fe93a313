import AuditFormat
import Diagnostics

/// What the threads of a container may do, by capabilities(7), credentials(7) and the security modules.
enum PrivilegeRules {
    static let all: [Inquiry<ContainerFacts>] = [
        hostRoot, rangeOverlap, capabilities, bounding, inheritable, noNewPrivileges, privileged, root, initPowers,
        appArmor, seLinux, podCapabilities, noCapabilities,
    ]

    /// Our own init may end processes; it is not dumpable and has a filter of its own.
    private static let initCapabilities = CapabilitySet([.kill])

    private static let everywhere: [AuditProfile] = [.standard, .cisDocker5, .nist800190]

    /// Evidence of each thread of a task for which `wrong` gives something, each different value once.
    static func evidence(
        _ processes: [TaskFacts], _ source: String, declared: String? = nil,
        _ wrong: (TaskFacts, ThreadFacts) -> String?
    ) -> [Evidence] {
        var seen: Set<String> = []
        var result: [Evidence] = []
        for process in processes where !process.isInit {
            for thread in process.threads {
                guard let value = wrong(process, thread), seen.insert(value).inserted else { continue }
                result.append(
                    Evidence(
                        "\(value) (\(process.name))", source: "/proc/\(process.id)/task/\(thread.id)/\(source)",
                        declared: declared))
            }
        }
        return result
    }

    static func names(_ set: UInt64) -> String {
        if CapabilitySet(rawValue: set).isSuperset(of: .all) { return "all capabilities" }
        let names = CapabilitySet(rawValue: set).names.joined(separator: " ")
        return names.isEmpty ? "none" : names
    }

    private static let hostRoot = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-009", "No id of the container is the host's root", .critical,
            risk: "A process that gets past one wall owns every file of the host.",
            remedy: "give the container a range of ids of its own, above those of users",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1611", "T1068"]))
    ) { facts in
        facts.namespaces.ask { namespaces in
            if namespaces.contains(where: { $0.kind == "user" && $0.isHost }) {
                return .notApplicable("it has no user namespace of its own, which BH-CON-007 is about")
            }
            return facts.processes.ask { processes in
                let evidence = processes.flatMap { process in
                    [("uid_map", process.userMap), ("gid_map", process.groupMap)].flatMap { name, map in
                        map.filter { $0.outside == 0 && $0.count > 0 }.map { range in
                            Evidence(range.text, source: "/proc/\(process.id)/\(name)")
                        }
                    }
                }
                return .findings(
                    evidence, found: { _ in "the host's root is among its ids" }, none: "the host's root is not mapped")
            }
        }
    }

    private static let rangeOverlap = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-011", "The ids are those its record gave it", .high,
            risk: "A container with another's ids reaches that one's files, keys and quotas (CVE-2021-21284).",
            remedy: "start it again; containers of one installation never get the same range",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        guard let declared = facts.declared, !declared.userMap.isEmpty else {
            return .notApplicable("nobody declared which ids it has")
        }
        let wanted = declared.userMap.map(\.text).joined(separator: ", ")
        return facts.processes.ask { processes in
            let evidence = processes.flatMap { process in
                [("uid_map", process.userMap), ("gid_map", process.groupMap)].filter { $0.1 != declared.userMap }.map {
                    Evidence(
                        $0.1.map(\.text).joined(separator: ", "), source: "/proc/\(process.id)/\($0.0)",
                        declared: wanted)
                }
            }
            return .findings(
                evidence, found: { _ in "its ids are others than declared" }, none: "it has the ids \(wanted)")
        }
    }

    private static let capabilities = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-020", "No thread holds a capability beyond the default set", .high,
            risk: "Capabilities open kernel code that unprivileged programs never reach; most escapes begin with one.",
            remedy: "drop it: leave --cap-add out, or name only the capability the program needs",
            override: "--cap-add", profiles: everywhere,
            mappings: RuleMappings(cis: ["5.4", "5.23"], nist: ["4.4.3"], attack: ["T1611", "T1068"]))
    ) { facts in
        facts.processes.ask { processes in
            let usual = CapabilitySet.rootDefault.rawValue
            let declared = facts.declared.map { names($0.capabilities) }
            let found = evidence(processes, "status CapEff, CapPrm", declared: declared) { _, thread in
                let extra = (thread.effective | thread.permitted) & ~usual & CapabilitySet.all.rawValue
                return extra == 0 ? nil : names(extra)
            }
            let asked = facts.declared.map { $0.capabilities & ~usual & CapabilitySet.all.rawValue != 0 } ?? false
            return .findings(
                found, asked: asked, found: { _ in "there are threads with more capabilities than the default" },
                none: "all are within the default set")
        }
    }

    private static let bounding = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-021", "No thread can regain a capability beyond the default set", .medium,
            risk: "What is in the bounding set comes back with a file that has it.",
            remedy: "leave --cap-add out; the bounding set follows", override: "--cap-add",
            profiles: [.standard, .nist800190],
            mappings: RuleMappings(cis: ["5.4"], nist: ["4.4.3"], attack: ["T1068"]))
    ) { facts in
        facts.processes.ask { processes in
            let usual = CapabilitySet.rootDefault.rawValue
            let found = evidence(processes, "status CapBnd", declared: facts.declared.map { names($0.capabilities) }) {
                let extra = $1.bounding & ~usual & CapabilitySet.all.rawValue & ~($1.effective | $1.permitted)
                return extra == 0 ? nil : names(extra)
            }
            let asked = facts.declared.map { $0.capabilities & ~usual & CapabilitySet.all.rawValue != 0 } ?? false
            return .findings(
                found, asked: asked, found: { _ in "capabilities it does not hold can come back" },
                none: "nothing beyond the default set can come back")
        }
    }

    private static let inheritable = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-022", "No capability is inheritable or ambient", .medium,
            risk: "Programs that expect none start with capabilities (CVE-2022-24769).",
            remedy: "update the runtime, and start the container again", profiles: [.standard, .nist800190],
            mappings: RuleMappings(nist: ["4.4.1"], attack: ["T1068"]))
    ) { facts in
        facts.processes.ask { processes in
            let found = evidence(processes, "status CapInh, CapAmb") { _, thread in
                let set = (thread.inheritable | thread.ambient) & CapabilitySet.all.rawValue
                return set == 0 ? nil : names(set)
            }
            return .findings(found, found: { _ in "there are inheritable or ambient capabilities" }, none: "both empty")
        }
    }

    private static let noNewPrivileges = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-023", "No program gains privileges when it is executed", .medium,
            risk: "Each setuid file of the image is a way to its root.",
            remedy: "leave --security-opt no-new-privileges=false out",
            override: "--security-opt no-new-privileges=false", profiles: everywhere + [.podRestricted],
            mappings: RuleMappings(
                cis: ["5.26"], pss: ["restricted: Privilege Escalation"], nist: ["4.4.3"], attack: ["T1068"]))
    ) { facts in
        facts.processes.ask { processes in
            let found = evidence(
                processes, "status NoNewPrivs", declared: facts.declared.map { $0.noNewPrivileges ? "1" : "0" }
            ) { $1.noNewPrivileges ? nil : "0" }
            return .findings(
                found, asked: facts.declared?.noNewPrivileges == false,
                found: { _ in "no_new_privs is off" }, none: "no_new_privs is on for every thread")
        }
    }

    private static let privileged = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-024", "The container is not a privileged one", .critical,
            risk: "With every capability and no filter the container is the host's root by other means.",
            remedy: "start it without --privileged; add what it needs one by one",
            profiles: everywhere + [.podBaseline, .podRestricted],
            mappings: RuleMappings(
                cis: ["5.5"], pss: ["baseline: Privileged Containers"], nist: ["4.4.3"], attack: ["T1611", "T1610"]))
    ) { facts in
        facts.processes.ask { processes in
            let found = evidence(processes, "status CapEff, Seccomp") { _, thread in
                let holdsAll = CapabilitySet(rawValue: thread.effective).isSuperset(of: almostAll)
                return holdsAll && thread.seccompMode == 0 ? "every capability and no system call filter" : nil
            }
            return .findings(found, found: { _ in "it is privileged" }, none: "it is not")
        }
    }

    /// What a host may itself lack, as one in a container does, does not make a difference.
    private static let almostAll = CapabilitySet([
        .sysAdmin, .sysModule, .sysRawIO, .sysPtrace, .netAdmin, .dacReadSearch, .mknod,
    ])

    private static let root = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-025", "No process runs as root inside", .medium,
            risk: "Root inside owns the image's files and every wall is tested with the most rights there are.",
            remedy: "set USER in the image, or --user with a number above 0",
            profiles: [.podRestricted, .nist800190],
            mappings: RuleMappings(
                cis: ["4.1"], pss: ["restricted: Running as Non-root"], nist: ["4.1.2"], attack: ["T1068"]))
    ) { facts in
        facts.processes.ask { processes in
            let found = evidence(processes, "status Uid") { process, thread in
                let outside = process.userMap.filter { $0.inside == 0 }.map(\.outside)
                guard thread.users.contains(where: outside.contains) else { return nil }
                return "root inside, \(thread.users[0]) on the host"
            }
            return .findings(found, found: { _ in "processes run as root inside" }, none: "no process is root inside")
        }
    }

    private static let initPowers = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-026", "The runtime's own process inside holds no more than it needs", .high,
            risk: "A process of ours that can be turned around would lend its rights to the task.",
            remedy: "start the container again, with the version of bulkhead-launch that belongs to bulkhead",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.4.1"], attack: ["T1611"]))
    ) { facts in
        facts.processes.ask { processes in
            let own = processes.filter(\.isInit)
            if own.isEmpty { return .notApplicable("none of its processes is the runtime's") }
            let wrong = own.flatMap { process in
                process.threads.compactMap { thread -> Evidence? in
                    let extra = (thread.effective | thread.permitted) & ~initCapabilities.rawValue
                    if extra == 0, thread.noNewPrivileges, thread.seccompMode == 2 { return nil }
                    let held = names(thread.effective | thread.permitted)
                    return Evidence(
                        "\(held), no_new_privs \(thread.noNewPrivileges ? 1 : 0), seccomp \(thread.seccompMode)",
                        source: "/proc/\(process.id)/task/\(thread.id)/status", declared: "CAP_KILL, 1, 2")
                }
            }
            return .findings(wrong, found: { _ in "init holds more than CAP_KILL" }, none: "init holds CAP_KILL only")
        }
    }

    private static let appArmor = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-027", "An AppArmor profile confines every thread", .medium,
            risk: "The host's security module stands aside.",
            remedy: "start it with --security-opt apparmor=PROFILE", profiles: everywhere + [.podBaseline],
            mappings: RuleMappings(
                cis: ["5.2"], pss: ["baseline: AppArmor"], nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        guard facts.host.securityModules.contains("apparmor") else {
            return .notApplicable("apparmor is not active on this host")
        }
        return facts.processes.ask { processes in
            let found = evidence(processes, "attr/current") { _, thread in
                guard let label = thread.label, !label.isEmpty else { return "no label" }
                // Its mode stands behind a profile: one that complains, or is mixed, lets pass.
                return label.ends(with: " (enforce)") || label.ends(with: " (kill)") ? nil : label
            }
            return .findings(found, found: { _ in "threads are unconfined" }, none: "every thread is confined")
        }
    }

    /// By what the loaded policy allows, not by the domain's name: one that may do what the host may confines nobody,
    /// whatever it is called.
    private static let seLinux = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-028", "An SELinux domain of containers confines every thread", .medium,
            risk: "The host's security module stands aside.",
            remedy: "start it with --security-label USER:ROLE:TYPE:LEVEL of a domain for containers, and setenforce 1",
            profiles: everywhere + [.podBaseline],
            mappings: RuleMappings(
                cis: ["5.3"], pss: ["baseline: SELinux"], nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        guard facts.host.securityModules.contains("selinux") else {
            return .notApplicable("selinux is not active on this host")
        }
        switch facts.host.selinux {
        case .permissive?, .empty?:
            let mode = facts.host.selinux?.rawValue ?? ""
            return .found(
                "SELinux denies nothing on this host: \(mode)", [Evidence(mode, source: "/sys/fs/selinux/enforce")])
        case .hidden?, nil: return .unknown("what SELinux does on this host cannot be read")
        case .enforcing?: break
        }
        return facts.processes.ask { processes in
            (facts.domains ?? .hidden("the policy was not asked")).ask { domains in
                let found = evidence(processes, "attr/current") { _, thread in unconfined(thread, domains) }
                return .findings(found, found: { _ in "threads are unconfined" }, none: "every thread is confined")
            }
        }
    }

    /// Why SELinux does not hold this thread; nil when it does.
    private static func unconfined(_ thread: ThreadFacts, _ domains: [DomainFacts]) -> String? {
        guard let label = thread.label, !label.isEmpty else { return "no label" }
        guard let domain = domains.first(where: { $0.label == label }) else { return "\(label), not asked about" }
        if domain.isPermissive { return "\(label), a permissive domain" }
        return domain.deeds.isEmpty ? nil : "\(label), which may \(domain.deeds.joined(separator: ", "))"
    }

    private static let podCapabilities = capabilityProfile(
        AuditRule(
            "BH-CON-030", "No capability is held that the baseline standard does not list", .high,
            risk: "Capabilities beyond the list open the kernel to the container.",
            remedy: "drop it: leave --cap-add out", override: "--cap-add", profiles: [.podBaseline],
            mappings: RuleMappings(pss: ["baseline: Capabilities"], nist: ["4.4.3"], attack: ["T1611"])),
        CapabilitySet([
            .auditWrite, .chown, .dacOverride, .fowner, .fsetid, .kill, .mknod, .netBindService, .setfcap, .setgid,
            .setpcap, .setuid, .sysChroot,
        ]))

    private static let noCapabilities = capabilityProfile(
        AuditRule(
            "BH-CON-031", "No capability but NET_BIND_SERVICE is held", .medium,
            risk: "Each capability is code of the kernel the container can reach and need not.",
            remedy: "start it with --cap-drop ALL", profiles: [.podRestricted],
            mappings: RuleMappings(pss: ["restricted: Capabilities"], nist: ["4.4.3"], attack: ["T1068"])),
        CapabilitySet([.netBindService]))

    private static func capabilityProfile(_ rule: AuditRule, _ listed: CapabilitySet) -> Inquiry<ContainerFacts> {
        Inquiry(rule) { facts in
            facts.processes.ask { processes in
                let found = evidence(processes, "status CapEff, CapPrm, CapBnd") { _, thread in
                    let held = (thread.effective | thread.permitted | thread.bounding) & CapabilitySet.all.rawValue
                    let extra = held & ~listed.rawValue
                    return extra == 0 ? nil : names(extra)
                }
                return .findings(found, found: { _ in "other capabilities are held" }, none: "no other is held")
            }
        }
    }
}
