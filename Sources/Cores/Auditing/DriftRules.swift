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
        compare(documents.0, documents.1, at: "", &changes)
        changes += walls(before, now)
        return changes.isEmpty
            ? Finding(rule, now.subject, .pass, "all is as it was")
            : Finding(rule, now.subject, .finding, "\(changes.count) values are others", evidence: changes)
    }

    private static func compare(
        _ before: AuditDocument, _ now: AuditDocument, at path: String, _ changes: inout [Evidence]
    ) {
        if before == now { return }
        guard case .object(let old) = before, case .object(let new) = now else {
            changes.append(Evidence(now.canonical, source: path, declared: before.canonical))
            return
        }
        for name in Set(old.keys).union(new.keys).sorted() {
            // What the program that took the baseline did not look at says nothing.
            if path.isEmpty, lively.contains(name) || old[name] == nil { continue }
            compare(old[name] ?? .null, new[name] ?? .null, at: path.isEmpty ? name : "\(path).\(name)", &changes)
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
