public import AuditFormat

/// What is asked of a cluster beside what is asked of each machine and container: that nothing was left out, that
/// nothing is there that the cluster knows nothing of, and that what was made is what was asked for.
public enum ClusterRules {
    public static let answers = AuditRule(
        "BH-CLU-001", "The agent can be asked what isolates what it runs", .high,
        risk: "What an agent that does not answer runs, nobody has looked at.",
        remedy: "see that the agent runs, can be reached from here, and lets you audit-agent",
        profiles: AuditProfile.allCases, mappings: RuleMappings(nist: ["4.3.5"]))

    public static let present = AuditRule(
        "BH-CLU-002", "Every container that the agent has records of can be looked at", .high,
        risk: "A container that is not where its agent has it is not watched by anybody.",
        remedy: "see the agent's log; end the task if its container is gone",
        profiles: AuditProfile.allCases, mappings: RuleMappings(nist: ["4.4.5"]))

    public static let known = AuditRule(
        "BH-CLU-003", "Every container among an agent's is one that the agent knows", .high,
        risk: "A container that no framework asked for is somebody else's work, or an intruder's.",
        remedy: "find out who made it; destroy it, or start the agent again, which removes what it does not know",
        profiles: AuditProfile.allCases, mappings: RuleMappings(nist: ["4.4.5"], attack: ["T1610"]))

    public static let asOrdered = AuditRule(
        "BH-CLU-004", "A task's container was made with the walls that its task asked for", .high,
        risk: "A record that says less than the task asked for is wrong, or somebody has changed it.",
        remedy: "compare the container's record with the task's description, and start the task again",
        profiles: AuditProfile.allCases, mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1610", "T1611"]))

    public static let all = [answers, present, known, asOrdered]

    public static func answered(_ agent: Subject, containers: Int) -> Finding {
        Finding(answers, agent, .pass, "it answered about \(containers) containers")
    }

    public static func silent(_ agent: Subject, _ why: String) -> Finding {
        Finding(answers, agent, .unknown, "it was not audited: \(why)")
    }

    /// `why` nil: it was looked at.
    public static func presence(_ container: Subject, missing why: String?) -> Finding {
        guard let why else { return Finding(present, container, .pass, "it was looked at") }
        return Finding(present, container, .unknown, "it was not looked at: \(why)")
    }

    public static func acquaintance(_ container: Subject, isKnown: Bool) -> Finding {
        isKnown
            ? Finding(known, container, .pass, "the agent knows it")
            : Finding(known, container, .finding, "the agent has no record of it")
    }

    /// `declared` is what the task asked for, `made` what the container's own record says; nil: it has none of ours,
    /// because another engine made it.
    public static func conformity(
        _ container: Subject, declared: [String: String], made: [String: String]?
    ) -> Finding {
        guard let made else {
            return Finding(asOrdered, container, .notApplicable, "another engine made it and keeps its record")
        }
        let differences = Set(declared.keys).union(made.keys).sorted().filter { declared[$0] != made[$0] }
        let evidence = differences.map { name in
            Evidence(made[name] ?? "nothing", source: "record.json \(name)", declared: declared[name] ?? "nothing")
        }
        return evidence.isEmpty
            ? Finding(asOrdered, container, .pass, "\(declared.count) values are as they were asked for")
            : Finding(
                asOrdered, container, .finding, "\(evidence.count) values are not those that were asked for",
                evidence: evidence)
    }
}
