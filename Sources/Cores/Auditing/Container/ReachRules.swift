import AuditFormat

/// What reaches the container from outside, and what it reaches there.
enum ReachRules {
    static let all: [Inquiry<ContainerFacts>] = [privilegedPorts, everyAddress, outsidePeers, keys, entries]

    private static let olderFacts = "the facts are of a program that did not look"

    private static func ports(
        _ facts: ContainerFacts, found: String, none: String, where wrong: (PublishedPortFacts) -> Bool
    ) -> Answer {
        if facts.namespaces.value?.contains(where: { $0.kind == "net" && $0.isHost }) ?? false {
            return .notApplicable("it uses the host's network, which BH-CON-002 is about")
        }
        return (facts.published ?? .hidden(olderFacts)).ask { ports in
            if ports.isEmpty { return .pass("no port is published") }
            let evidence = ports.filter(wrong).map { Evidence($0.text, source: $0.source) }
            return .findings(evidence, asked: true, found: { "\($0) \(found)" }, none: none)
        }
    }

    private static let privilegedPorts = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-121", "No port below 1024 of the host is published", .low,
            risk: "Whoever controls the container answers where clients expect a service of the host.",
            remedy: "publish a port from 1024 on, and let a proxy of the host's own the lower one",
            override: "--publish", profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.8"], nist: ["4.4.2"], attack: ["T1190"]))
    ) { facts in
        ports(facts, found: "privileged ports are published", none: "no privileged port is published") {
            $0.hostPort < 1_024
        }
    }

    private static let unspecified: Set = ["0.0.0.0", "::"]

    private static let everyAddress = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-122", "Published ports are bound to an address of the host that was named", .low,
            risk: "Every network the host is on reaches it, also one nobody thought of.",
            remedy: "publish it as ADDRESS:PORT:PORT", override: "--publish", profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.14"], nist: ["4.4.2"], attack: ["T1190"]))
    ) { facts in
        ports(facts, found: "ports are published at every address", none: "each names its address") {
            $0.hostAddress.map(unspecified.contains) ?? true
        }
    }

    private static let outsidePeers = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-123", "No local socket leads to a process outside", .medium,
            risk: "What listens there takes orders and descriptors from inside, whatever the network's walls say "
                + "(CVE-2020-15257).",
            remedy: "leave the volume with the socket out, or see that its service trusts nobody",
            override: "--volume", profiles: [.standard, .nist800190],
            mappings: RuleMappings(nist: ["4.4.2", "4.3.3"], attack: ["T1611"]))
    ) { facts in
        if facts.namespaces.value?.contains(where: { ["net", "mnt"].contains($0.kind) && $0.isHost }) ?? false {
            return .notApplicable("it shares the host's network or mounts, which BH-CON-002 and 005 are about")
        }
        return (facts.outsidePeers ?? .hidden(olderFacts)).ask { peers in
            let own = Set((facts.processes.value ?? []).filter(\.isInit).map(\.id))
            let named = Set(facts.declared?.sharesWith ?? [])
            let evidence = peers.filter { !own.contains($0.process) && !named.contains($0.peerOwner) }.map { peer in
                Evidence(
                    "\(peer.name ?? "a socket without a name") to \(peer.peerOwner), process \(peer.peerProcess)",
                    source: "SOCK_DIAG_BY_FAMILY, /proc/\(peer.process)/fd/\(peer.descriptor)")
            }
            return .findings(
                evidence, asked: !(facts.declared?.volumes.isEmpty ?? true),
                found: { "\($0) sockets are connected with processes outside" }, none: "none does")
        }
    }

    private static let keyCalls: Set = ["add_key", "keyctl", "request_key"]

    /// No interface of the kernel says from outside which keyrings a process has. So: a keyring its launch made, or no
    /// call that reaches any.
    private static let keys = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-029", "Keyrings of the host are out of reach", .medium,
            risk: "Keys of disks, tickets and file systems are read by whoever has the keyring.",
            remedy: "start it with a session keyring and user ids of its own, and refuse keyctl",
            override: "a profile that allows keyctl", profiles: [.standard, .nist800190],
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1552"]))
    ) { facts in
        if facts.hasOwnKeyring == true,
            facts.namespaces.value?.contains(where: { $0.kind == "user" && $0.isOwn }) ?? false
        {
            return .pass("its launch made it an empty session keyring, and its user namespace has its own others")
        }
        return facts.processes.ask { processes in
            let unfiltered = processes.filter { process in
                !process.isInit && process.threads.contains { $0.seccompMode == 0 }
            }.map { Evidence("no filter: every call of keyrings(7)", source: "/proc/\($0.id)/status Seccomp") }
            return facts.filters.ask { filters in
                let allowed = filters.filter { !$0.isInit }.compactMap { filter -> Evidence? in
                    let calls = filter.dangerous.filter(keyCalls.contains)
                    if calls.isEmpty { return nil }
                    return Evidence(
                        calls.joined(separator: " "),
                        source: "PTRACE_SECCOMP_GET_FILTER of thread \(filter.threads.first ?? 0)")
                }
                if unfiltered.isEmpty, allowed.isEmpty { return .pass("no call that reaches them is allowed") }
                let shares = facts.namespaces.value?.contains { $0.kind == "user" && $0.isHost } ?? false
                guard shares else { return .unknown("the kernel does not tell which session keyring it has") }
                return .found("its user's keyrings are the host's", unfiltered + allowed)
            }
        }
    }

    private static let entries = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-150", "Nobody has entered it as root", .low,
            risk: "What is done by hand inside, with the most rights there are, is in no image and no review.",
            remedy: "give exec --user, and let the image do what must be done", override: "exec --user 0",
            profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.24"], nist: ["4.4.5"], attack: ["T1609"]))
    ) { facts in
        guard let entries = facts.entries else { return .notApplicable("nobody keeps a log of who entered it") }
        return entries.ask { entries in
            let evidence = entries.filter { $0.user == "0" || $0.user.begins(with: "0:") }.map {
                Evidence("\($0.program) as \($0.user)", source: "the log of launches, entry \($0.number)")
            }
            return .findings(
                evidence, asked: true, found: { "it was entered as root \($0) times" },
                none: entries.isEmpty ? "nobody entered it" : "it was entered \(entries.count) times, never as root")
        }
    }
}
