import AuditFormat

/// cgroup values and resource limits.
enum LimitRules {
    static let all: [Inquiry<ContainerFacts>] = [
        processes, memory, processor, swap, declared, place, resources, oomScore,
    ]

    private static let both: [AuditProfile] = [.standard, .cisDocker5, .nist800190]

    private static func file(_ group: ControlGroupFacts, _ name: String) -> String { "\(group.path)/\(name)" }

    /// The tightest value of a file here and above, with its path; nil when there is none, or when all say `max`.
    private static func limit(_ name: String, _ group: ControlGroupFacts) -> Evidence? {
        let found = group.directories.compactMap { place in
            place.values[name].flatMap { UInt64($0) }.map { (most: $0, source: "\(place.path)/\(name)") }
        }
        return found.min { $0.most < $1.most }.map { Evidence("\($0.most)", source: $0.source) }
    }

    /// What the nearest directory that has one of `names` says.
    private static func nearest(_ names: [String], _ group: ControlGroupFacts) -> Evidence? {
        for place in group.directories {
            for name in names {
                if let value = place.values[name] { return Evidence(value, source: "\(place.path)/\(name)") }
            }
        }
        return nil
    }

    private static let processes = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-090", "The number of processes is limited", .medium,
            risk: "A fork bomb takes the host along.", remedy: "start it with --pids-limit, 1024 is usual",
            override: "--pids-limit", profiles: both,
            mappings: RuleMappings(cis: ["5.29"], nist: ["4.4.3"], attack: ["T1499"]))
    ) { facts in
        if let group = facts.controlGroup.value, let most = limit("pids.max", group) {
            return .pass("at most \(most.value)", [most])
        }
        return facts.processes.ask { processes in
            // Where the controller is missing, the resource limit of every process stands in, counted by user id; it
            // only holds where those ids are the container's own.
            let ownIDs = facts.namespaces.value?.contains { $0.kind == "user" && $0.isOwn } ?? false
            let open = processes.filter { process in
                guard !process.isInit else { return false }
                let soft = process.limits.first { $0.name == "nproc" }?.soft
                return !ownIDs || soft == nil || (soft ?? 0) > 65_536
            }
            if open.isEmpty, let first = processes.first(where: { !$0.isInit }) {
                let soft = first.limits.first { $0.name == "nproc" }?.soft ?? 0
                return .pass(
                    "at most \(soft) for each of its users",
                    [Evidence("\(soft)", source: "/proc/\(first.id)/limits Max processes")])
            }
            guard case .seen(let group) = facts.controlGroup else {
                if case .hidden(let why) = facts.controlGroup { return .unknown(why) }
                return .unknown("its cgroup was not looked at")
            }
            let seen = nearest(["pids.max"], group) ?? Evidence("no limit", source: file(group, "pids.max"))
            return .found("it may have any number", [seen])
        }
    }

    private static func asked(
        _ id: RuleID, _ title: String, _ files: [String], cis: String, risk: String, remedy: String
    ) -> Inquiry<ContainerFacts> {
        let rule = AuditRule(
            id, title, .low, risk: risk, remedy: remedy, profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: [cis], nist: ["4.4.3"], attack: ["T1499"]))
        return Inquiry(rule) { facts in
            facts.controlGroup.ask { group in
                for place in group.directories {
                    for name in files {
                        guard let value = place.values[name], !isUnset(name, value) else { continue }
                        return .pass("\(name) is \(value)", [Evidence(value, source: "\(place.path)/\(name)")])
                    }
                }
                let seen = files.compactMap { nearest([$0], group) }
                let none = Evidence("there is no such file here", source: file(group, files.first ?? ""))
                return .found("there is no limit", seen.isEmpty ? [none] : seen)
            }
        }
    }

    private static func isUnset(_ file: String, _ value: String) -> Bool {
        value.begins(with: "max") || unset[file] == value
    }

    /// What the kernel begins with, where that is no `max`.
    private static let unset = ["cpu.weight": "100", "cpu.shares": "1024", "cpu.cfs_quota_us": "-1"]

    private static let memory = asked(
        "BH-CON-091", "Memory is limited", ["memory.max", "memory.limit_in_bytes"], cis: "5.11",
        risk: "One container can push the host into killing others for memory.", remedy: "start it with --memory")

    private static let processor = asked(
        "BH-CON-092", "Processor time is limited or weighed",
        ["cpu.max", "cpu.weight", "cpu.cfs_quota_us", "cpu.shares"], cis: "5.12",
        risk: "One container can slow down all others.", remedy: "start it with --cpus or --cpu-weight")

    private static let swap = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-093", "A memory limit is not evaded by swap", .low,
            risk: "Memory is limited in name; the disk pays, and pages of secrets reach it.",
            remedy: "give --memory-swap the same value as --memory", override: "--memory-swap",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1499"]))
    ) { facts in
        facts.controlGroup.ask { group in
            guard let most = nearest(["memory.max", "memory.limit_in_bytes"], group), most.value != "max" else {
                return .notApplicable("memory is not limited")
            }
            // Version 1 counts memory and swap together.
            let names = ["memory.swap.max", "memory.memsw.limit_in_bytes"]
            guard var evidence = nearest(names, group) else { return .notApplicable("swap is not counted here") }
            let swap = evidence.value
            evidence.declared = facts.declared?.controlGroup["memory.swap.max"]
            if swap != "max" { return .pass("at most \(swap) bytes of swap", [evidence]) }
            return .found("swap is unlimited", [evidence])
        }
    }

    private static let declared = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-094", "Every limit that was asked for is in the kernel as asked", .high,
            risk: "A limit that is not there protects nobody.",
            remedy: "set it again with bulkhead update; see who else writes to the cgroup", profiles: both,
            mappings: RuleMappings(cis: ["5.25"], nist: ["4.4.3"], attack: ["T1499"]))
    ) { facts in
        guard let declared = facts.declared?.controlGroup, !declared.isEmpty else {
            return .notApplicable("no limit was declared that this host can hold")
        }
        return facts.controlGroup.ask { group in
            let evidence = declared.sorted { $0.key < $1.key }.compactMap { name, wanted -> Evidence? in
                let seen = group.values[name]
                return seen == wanted
                    ? nil : Evidence(seen ?? "no such file", source: file(group, name), declared: wanted)
            }
            return .findings(
                evidence, found: { "\($0) limits are others" }, none: "all \(declared.count) are as declared")
        }
    }

    private static let place = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-095", "Every process is in the container's cgroup", .high,
            risk: "What is outside is not limited, not counted and not ended with the rest.",
            remedy: "find out who moved it, and move it back by writing its id to cgroup.procs", profiles: both,
            mappings: RuleMappings(cis: ["5.25"], nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        guard let path = facts.declared?.controlGroupPath else { return .notApplicable("nobody declared a cgroup") }
        return facts.processes.ask { processes in
            let evidence = processes.filter { $0.controlGroup != path && !$0.controlGroup.begins(with: path + "/") }.map
            {
                Evidence($0.controlGroup, source: "/proc/\($0.id)/cgroup", declared: path)
            }
            return .findings(evidence, found: { "\($0) processes are elsewhere" }, none: "all are in \(path)")
        }
    }

    private static let resources = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-096", "Open files, locked memory and core dumps are bounded", .low,
            risk: "Locked memory cannot be taken back; core dumps leave secrets on the host.",
            remedy: "leave --ulimit out, or give a number", override: "--ulimit", profiles: both,
            mappings: RuleMappings(cis: ["5.19"], nist: ["4.4.3"], attack: ["T1499"]))
    ) { facts in
        facts.processes.ask { processes in
            let given = facts.declared?.resourceLimits ?? []
            var seen: Set<String> = []
            var names: Set<String> = []
            let evidence = processes.filter { !$0.isInit }.flatMap { process in
                process.limits.compactMap { limit -> Evidence? in
                    let isOpen: Bool
                    switch limit.name {
                    case "nofile", "memlock": isOpen = limit.hard == nil
                    case "core": isOpen = limit.soft != 0
                    default: isOpen = false
                    }
                    guard isOpen, seen.insert("\(limit.name) \(limit.soft ?? 0)").inserted else { return nil }
                    names.insert(limit.name)
                    return Evidence(
                        "\(limit.name) \(text(limit.soft)):\(text(limit.hard))", source: "/proc/\(process.id)/limits")
                }
            }
            return .findings(
                evidence, asked: !names.isDisjoint(with: given), found: { "\($0) limits are open" },
                none: "each has a number")
        }
    }

    private static func text(_ value: UInt64?) -> String { value.map(String.init) ?? "unlimited" }

    private static let oomScore = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-097", "No process is spared when memory runs out", .medium,
            risk: "The kernel then kills programs of the host instead.", remedy: "leave --oom-score-adj out",
            override: "--oom-score-adj", profiles: [.standard, .nist800190],
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1499"]))
    ) { facts in
        facts.processes.ask { processes in
            let evidence = processes.filter { $0.oomScoreAdjust < 0 }.map {
                Evidence(
                    "\($0.oomScoreAdjust)", source: "/proc/\($0.id)/oom_score_adj",
                    declared: facts.declared.map { "\($0.oomScore)" })
            }
            return .findings(
                evidence, asked: (facts.declared?.oomScore ?? 0) < 0, found: { "\($0) processes are spared" },
                none: "none is spared")
        }
    }
}
