import AuditFormat

/// Which devices exist for the container, by its nodes and by the programs on its cgroup.
enum DeviceRules {
    static let all: [Inquiry<ContainerFacts>] = [nodes, filter, allowed]

    /// null zero full random urandom tty, the multiplexer and the container's own terminals.
    static func isUsual(_ device: DeviceFacts) -> Bool {
        guard device.kind == "c" else { return false }
        switch (device.major, device.minor) {
        case (1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2): return true
        case (136...143, _): return true
        default: return false
        }
    }

    private static let mappings = RuleMappings(cis: ["5.18"], nist: ["4.4.3"], attack: ["T1611"])

    private static let nodes = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-080", "No device beyond the default ones has a node", .high,
            risk: "A disk's node is all of its files; others reach their drivers.",
            remedy: "leave --device out", override: "--device", profiles: [.standard, .cisDocker5, .nist800190],
            mappings: mappings)
    ) { facts in
        let isHost = facts.namespaces.value?.contains { $0.kind == "mnt" && $0.isHost } ?? false
        if isHost { return .notApplicable("it has no mount namespace of its own, which BH-CON-005 is about") }
        return facts.devices.ask { devices in
            let declared = facts.declared?.devices ?? []
            let evidence = devices.filter { !isUsual($0) && $0.isHonoured }.map { device in
                Evidence(
                    "\(device.path) \(device.text)", source: "/proc/\(facts.subject.process ?? 0)/root\(device.path)",
                    declared: facts.declared.map { _ in
                        declared.first { $0.begins(with: device.text) } ?? "the default devices"
                    })
            }
            return .findings(
                evidence, asked: !declared.isEmpty, found: { "\($0) other devices have nodes" },
                none: "only the default ones have")
        }
    }

    private static let filter = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-081", "A device filter is on the container's cgroup", .medium,
            risk: "Whoever gets to make a device node, or finds one, reaches the device.",
            remedy: "use a runtime that attaches one, or run it in a user namespace of its own", profiles: [.standard],
            mappings: mappings)
    ) { facts in
        facts.devicePolicy.ask { policy in
            let names = policy.programs.map { "program \($0)" }.joined(separator: ", ")
            let evidence = Evidence(policy.isListed ? "a list" : names, source: policy.source)
            if policy.isListed || !policy.programs.isEmpty { return .pass("there is one", [evidence]) }
            return .found("there is none", [Evidence("no program", source: policy.source)])
        }
    }

    private static let allowed = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-082", "The device filter allows nothing but the default and the declared devices", .high,
            risk: "Devices that nobody asked for are within reach.",
            remedy: "leave --device out, or name fewer", override: "--device",
            profiles: [.standard, .cisDocker5, .nist800190], mappings: mappings)
    ) { facts in
        facts.devicePolicy.ask { policy in
            if policy.programs.isEmpty, !policy.isListed {
                return .notApplicable("there is no filter, which BH-CON-081 is about")
            }
            guard let extra = policy.extra else { return .unknown("the program's instructions cannot be judged") }
            let declared = facts.declared?.devices ?? []
            let evidence = extra.filter { !declared.contains($0) }.map {
                Evidence(
                    $0, source: policy.source,
                    declared: facts.declared.map { _ in declared.isEmpty ? "none" : declared.joined(separator: ", ") })
            }
            return .findings(
                evidence, found: { "it allows other devices: \($0)" },
                none: declared.isEmpty ? "it allows the default ones only" : "it allows what was declared")
        }
    }
}
