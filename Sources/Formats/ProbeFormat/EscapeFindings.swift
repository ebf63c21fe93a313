public import AuditFormat

extension EscapeResult {
    /// Every check as a verdict of the audit, the open ones first.
    public func findings(_ subject: Subject) -> [Finding] {
        let order = ["open": 0, "unknown": 1, "blocked": 2]
        let sorted = verdicts.enumerated().sorted {
            (order[$0.element.outcome.name] ?? 3, $0.offset) < (order[$1.element.outcome.name] ?? 3, $1.offset)
        }
        return needsRefused.map { Self.refusedNeed($0, subject) } + sorted.map { $0.element.finding(subject) }
    }

    private static func refusedNeed(_ answer: ProbeAnswer, _ subject: Subject) -> Finding {
        let rule = AuditRule(
            EscapeVerdict.ruleID(answer.check), "The container can \(answer.tried)", .medium,
            risk: "Where what every program needs does not work, refusals say nothing about walls.",
            remedy: "see that the image and the host can run programs in containers", profiles: EscapeVerdict.profiles)
        return Finding(
            rule, subject, .unknown, "\(answer.result)",
            evidence: [Evidence("\(answer.result)", source: "bulkhead-probe \(answer.check)")])
    }

    /// Of a control: one verdict that says whether the test could have failed. Unknown when it could not, because then
    /// nothing that was blocked elsewhere means anything.
    public func controlFinding(_ subject: Subject) -> Finding {
        let missed = missedByControl
        let expected = verdicts.count { $0.check.opensInControl }
        let rule = EscapeCatalogue.controlRule
        let isGood = missed.isEmpty && expected > 0
        return Finding(
            rule, subject, isGood ? .pass : .unknown,
            isGood
                ? "it opened \(open.count) checks, all \(expected) that it must among them"
                : "it did not open \(missed.count) of \(expected) checks that it must",
            evidence: missed.map { Evidence("not open", source: "bulkhead-probe \($0)", declared: "open") })
    }
}

extension EscapeCatalogue {
    /// A rule for each check and one for the control: what `audit rules` lists beside those that ask facts.
    public static let rules: [AuditRule] =
        EscapeNames.byArea.flatMap { area, names in
            names.split(whereSeparator: \.isWhitespace).compactMap { name in
                check(String(name), in: area).map { EscapeVerdict.rule($0, "The attempt \(name) (\(area)) is blocked") }
            }
        } + [controlRule]

    static let controlRule = AuditRule(
        "BH-PRB-control", "A deliberately weak container fails the escape test", .high,
        risk: "A test that cannot fail proves nothing.",
        remedy: "run the probe as root in the host's own namespaces, not inside another container",
        profiles: EscapeVerdict.profiles, mappings: EscapeVerdict.mappings)
}

extension EscapeVerdict {
    static let profiles: [AuditProfile] = [.standard, .nist800190]
    static let mappings = RuleMappings(nist: ["4.4.3"], attack: ["T1611"])

    static func ruleID(_ check: String) -> RuleID { RuleID(rawValue: "BH-PRB-" + check) }

    static func rule(_ check: EscapeCheck, _ title: String) -> AuditRule {
        AuditRule(
            ruleID(check.name), title, check.severity,
            risk: "Somebody who controls a program in the container can do it too, and may leave the container by it.",
            remedy: "find the flag that opened it in the container's request; if there is none, report it as a hole",
            profiles: profiles, mappings: mappings)
    }

    func finding(_ subject: Subject) -> Finding {
        let rule = Self.rule(check, "A container cannot \(answer.tried)")
        var evidence = [Evidence(mechanism, source: "bulkhead-probe \(check.name)", declared: "blocked")]
        if let call = answer.call {
            let arguments = call.arguments.map { String($0, radix: 16) }.joined(separator: " ")
            evidence.append(
                Evidence("call \(call.number) (\(arguments))", source: call.isForeign ? "32-bit table" : "native table")
            )
        }
        if let place = answer.place { evidence.append(Evidence(place.path, source: "the path it was about")) }
        switch outcome {
        case .blocked: return Finding(rule, subject, .pass, "blocked: \(mechanism)", evidence: evidence)
        case .open: return Finding(rule, subject, .finding, "open: \(mechanism)", evidence: evidence)
        case .unknown: return Finding(rule, subject, .unknown, mechanism, evidence: evidence)
        }
    }
}
