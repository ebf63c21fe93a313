/// JUnit XML: a suite a subject, a case a rule, for gates of continuous integration. What could not be observed is an
/// error, so that no gate takes it for a pass.
struct JUnitReport {
    private let report: AuditReport

    init(_ report: AuditReport) { self.report = report }

    var text: String {
        let suites = report.subjects.map(suite).joined()
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="bulkhead audit" tests="\(report.findings.count)" failures="\(report.count(.finding))" \
            errors="\(report.count(.unknown))">
            \(suites)</testsuites>

            """
    }

    private func suite(_ subject: Subject) -> String {
        let own = report.findings.filter { $0.subject == subject }
        func count(_ verdict: Verdict) -> Int { own.count { $0.verdict == verdict } }
        let plain = "\(subject.kind.rawValue) \(subject.shownName)"
        let name = Markup.escaped(subject.cluster == nil ? plain : subject.qualifiedName)
        let time = CivilTime.text(report.time).dropLast()
        return """
              <testsuite name="\(name)" tests="\(own.count)" failures="\(count(.finding))" errors="\(count(.unknown))" \
            skipped="\(count(.notApplicable))" time="0" timestamp="\(time)" \
            hostname="\(Markup.escaped(subject.cluster?.host ?? report.host.name))">
            \(own.map { testCase($0, suite: name) }.joined())  </testsuite>

            """
    }

    private func testCase(_ finding: Finding, suite: String) -> String {
        let name = Markup.escaped("\(finding.id) \(finding.title)")
        let start = "    <testcase name=\"\(name)\" classname=\"\(suite)\" time=\"0\""
        let summary = Markup.escaped(finding.summary)
        switch finding.verdict {
        case .pass: return start + "/>\n"
        case .notApplicable: return start + "><skipped message=\"\(summary)\"/></testcase>\n"
        case .unknown:
            return start + "><error type=\"unknown\" message=\"\(summary)\">\(details(finding))</error></testcase>\n"
        case .finding:
            let attributes = "type=\"\(finding.severity.rawValue)\" message=\"\(summary)\""
            return start + "><failure \(attributes)>\(details(finding))</failure></testcase>\n"
        }
    }

    private func details(_ finding: Finding) -> String {
        let lines = finding.evidence.map { evidence in
            "\(evidence.source): \(evidence.value)" + (evidence.declared.map { " (declared \($0))" } ?? "")
        }
        return (lines + ["do: \(finding.remedy)"]).map(Markup.escaped).joined(separator: "\n")
    }
}
