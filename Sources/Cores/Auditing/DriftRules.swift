public import AuditFormat

/// What has changed since a baseline was taken: facts compared with facts, member by member.
public enum Drift {
    public static let rule = AuditRule(
        "BH-DRIFT-001", "Nothing has changed since the baseline", .high,
        risk: "What changes a running container's walls is a mistake or an intruder.",
        remedy: "find out who changed it; take a new baseline when it was meant",
        profiles: AuditProfile.allCases, mappings: RuleMappings(nist: ["4.4.5"], attack: ["T1611"]))

    /// Members that change without anybody doing anything: which processes there are, and what they hold open.
    private static let lively: Set = [
        "processes", "descriptors", "listeners", "filters", "secretVariables", "outsidePeers", "entries",
        "callHolders",
    ]

    /// A container compared with itself. `before` nil: it was not there at the baseline.
    public static func finding(
        _ now: ContainerFacts, since before: ContainerFacts?, documents: (AuditDocument, AuditDocument)
    ) -> Finding {
        guard let before else {
            return Finding(
                rule, now.subject, .unknown, "it was not there when the baseline was taken")
        }
        var changes: [Evidence] = []
        let (hiddenThen, hiddenNow) = (hidden(documents.0), hidden(documents.1))
        compare(documents.0, documents.1, at: "", besides: lively.union(hiddenNow.keys), &changes)
        changes += walls(before, now)
        if !changes.isEmpty {
            return Finding(rule, now.subject, .finding, "\(changes.count) values are others", evidence: changes)
        }
        // What is compared as walls has to have been seen both times; anything else where the baseline has it.
        let missing = hiddenNow.filter { hiddenThen[$0.key] == nil || Self.walls.contains($0.key) }
            .merging(hiddenThen.filter { Self.walls.contains($0.key) }) { now, _ in now }
        if let (name, why) = missing.min(by: { $0.key < $1.key }) {
            return Finding(rule, now.subject, .unknown, "\(name): \(why)")
        }
        let never = hiddenNow.keys.sorted().joined(separator: ", ")
        return Finding(
            rule, now.subject, .pass,
            never.isEmpty ? "all is as it was" : "all that was seen is as it was; neither time was seen: \(never)")
    }

    private static let walls: Set = ["processes", "filters"]

    /// Members that could not be observed, with why: how an `Observed` is written.
    private static func hidden(_ document: AuditDocument) -> [String: String] {
        guard case .object(let members) = document else { return [:] }
        return members.compactMapValues { member in
            guard case .object(let cases) = member, case .object(let why)? = cases["hidden"] else { return nil }
            return why["_0"]?.text ?? "it could not be observed"
        }
    }

    /// Members below the first level that programs have not always looked at.
    private static let later: Set = ["controlGroup.seen._0.legacy", "declared.ownVolumes"]

    private static func compare(
        _ before: AuditDocument, _ now: AuditDocument, at path: String, besides left: Set<String> = [],
        _ changes: inout [Evidence]
    ) {
        if before == now { return }
        guard case .object(let old) = before, case .object(let new) = now else {
            changes.append(Evidence(now.canonical, source: path, declared: before.canonical))
            return
        }
        for name in Set(old.keys).union(new.keys).sorted() {
            // What the program that took the baseline did not look at says nothing.
            let isLater = path.isEmpty || later.contains("\(path).\(name)")
            if left.contains(name) || isLater && old[name] == nil { continue }
            compare(
                old[name] ?? .null, new[name] ?? .null, at: path.isEmpty ? name : "\(path).\(name)", &changes)
        }
    }

    /// The walls of processes, whichever there are: each kind of credentials and filter there was or is.
    private static func walls(_ before: ContainerFacts, _ now: ContainerFacts) -> [Evidence] {
        let old = kinds(before)
        return kinds(now).subtracting(old).sorted().map {
            Evidence($0, source: "/proc/PID/status", declared: old.sorted().joined(separator: " or "))
        } + filters(now).subtracting(filters(before)).sorted().map {
            Evidence("filter \($0)", source: "PTRACE_SECCOMP_GET_FILTER", declared: "those of the baseline")
        }
    }

    private static func kinds(_ facts: ContainerFacts) -> Set<String> {
        Set(
            (facts.processes.value ?? []).flatMap { process in
                process.threads.map { thread in
                    "effective \(PrivilegeRules.names(thread.effective)), bounding "
                        + "\(PrivilegeRules.names(thread.bounding)), no_new_privs \(thread.noNewPrivileges), "
                        + "seccomp \(thread.seccompMode)"
                }
            })
    }

    private static func filters(_ facts: ContainerFacts) -> Set<String> {
        Set((facts.filters.value ?? []).flatMap(\.programs))
    }
}
