import AuditFormat

/// What runs inside, and what it listens on.
enum ProgramRules {
    static let all: [Inquiry<ContainerFacts>] = [hidden, written, remoteShell, secrets, listeners, pinned, signed]

    private static func programs(
        _ facts: ContainerFacts, found: String, none: String, where wrong: (TaskFacts, ExecutableFacts) -> Bool
    ) -> Answer {
        facts.processes.ask { processes in
            let evidence = processes.filter { !$0.isInit }.compactMap { process -> Evidence? in
                guard let program = process.executable, wrong(process, program) else { return nil }
                return Evidence("\(program.path) (\(process.name))", source: "/proc/\(process.id)/exe")
            }
            return .findings(evidence, found: { "\($0) \(found)" }, none: none)
        }
    }

    private static let hidden = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-130", "No process runs a program that has no file any more", .high,
            risk: "Programs run from memory, or removed after their start, are how intruders hide.",
            remedy: "look at /proc/PID/exe, keep a copy, and end the container", profiles: [.standard, .nist800190],
            mappings: RuleMappings(nist: ["4.4.5"], attack: ["T1620", "T1070"]))
    ) { facts in
        programs(facts, found: "programs have no file", none: "every program has its file") {
            $1.isMemory || $1.isDeleted
        }
    }

    private static let written = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-131", "No process runs a program that the image did not bring", .medium,
            risk: "What was written after the start was scanned by nobody.",
            remedy: "put the program into the image, and start the container with --read-only",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.4.5"], attack: ["T1105"]))
    ) { facts in
        let isKnown = facts.processes.value?.contains { $0.executable?.isWritten != nil } ?? true
        if !isKnown { return .notApplicable("what belongs to the image is not known") }
        return programs(facts, found: "programs are in the writable layer", none: "every program is the image's") {
            $1.isWritten == true
        }
    }

    private static let remoteShell = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-132", "No remote shell server runs inside", .low,
            risk: "It is a second way in, with keys of its own that nobody rotates.",
            remedy: "use bulkhead exec, and take the server out of the image", profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.7"], nist: ["4.4.5"], attack: ["T1021"]))
    ) { facts in
        let servers: Set = ["sshd", "dropbear", "telnetd", "rlogind", "in.telnetd"]
        return programs(facts, found: "remote shell servers run", none: "none runs") { process, program in
            servers.contains(process.name) || servers.contains(String(program.path.cut(at: "/").last ?? ""))
        }
    }

    private static let secrets = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-140", "No secret is in the environment", .low,
            risk: "Every child inherits it, and inspecting the container shows it.",
            remedy: "hand it over as a file in memory", override: "--env", profiles: [.nist800190],
            mappings: RuleMappings(nist: ["4.1.4"], attack: ["T1552"]))
    ) { facts in
        facts.secretVariables.ask { names in
            let evidence = names.map { Evidence($0, source: "/proc/\(facts.subject.process ?? 0)/environ, names only") }
            return .findings(evidence, found: { "\($0) variables look like secrets" }, none: "no name looks like one")
        }
    }

    private static let listeners = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-120", "Nothing listens on a port that was not declared", .low,
            risk: "Every open port is a way in that nobody planned.",
            remedy: "publish the port, or stop what listens there", profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.9"], nist: ["4.4.2"], attack: ["T1190"]))
    ) { facts in
        if facts.namespaces.value?.contains(where: { $0.kind == "net" && $0.isHost }) ?? false {
            return .notApplicable("it uses the host's network, which BH-CON-002 is about")
        }
        return facts.listeners.ask { listeners in
            let declared = facts.declared?.ports ?? []
            let evidence = listeners.filter { !declared.contains($0.port) && !isLocal($0.address) }.map {
                Evidence(
                    "\($0.transport) \($0.address) port \($0.port)",
                    source: "/proc/\(facts.subject.process ?? 0)/net/\($0.transport)",
                    declared: declared.isEmpty ? "none" : declared.map(String.init).joined(separator: " "))
            }
            return .findings(evidence, found: { "\($0) other ports are open" }, none: "no other port is open")
        }
    }

    private static func isLocal(_ address: String) -> Bool { address.begins(with: "127.") || address == "::1" }

    private static let signed = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-142", "The image was signed by a key that the policy trusts", .low,
            risk: "Whoever could change the image on its way here decided what runs.",
            remedy: "sign the image, and start it under a policy that asks for the key: --image-policy FILE",
            profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["4.5"], nist: ["4.1.5"], attack: ["T1525", "T1195"]))
    ) { facts in
        guard let declared = facts.declared, !declared.imageDigest.isEmpty else {
            return .notApplicable("nobody declared an image")
        }
        guard let trust = declared.imageTrust else {
            return .found(
                "nobody asked a policy", [Evidence(declared.imageDigest, source: "the container's record")])
        }
        let evidence = [
            Evidence(
                trust.detail, source: "the container's record, policy \(trust.policy)", declared: declared.imageDigest)
        ]
        return trust.isSigned ? .pass("it was", evidence) : .found("nobody verified it", evidence)
    }

    private static let pinned = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-141", "The image is known by its digest", .low,
            risk: "A name may lead to another image tomorrow.", remedy: "run an image by its digest",
            profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.28"], nist: ["4.1.5"], attack: ["T1525"]))
    ) { facts in
        guard let declared = facts.declared, let name = facts.subject.image, !declared.imageDigest.isEmpty else {
            return .notApplicable("nobody declared an image")
        }
        let evidence = [Evidence(name, source: "the container's record", declared: declared.imageDigest)]
        return name.contains("@sha256:") || declared.isImagePinned == true
            ? .pass("it was asked for by its digest", evidence) : .found("it was asked for by a name", evidence)
    }
}
