import Diagnostics

/// For people at a terminal: what was found first, then what could not be observed, then one line a subject.
struct ReportTable {
    private let report: AuditReport
    private static let evidenceLinesMax = 6

    init(_ report: AuditReport) { self.report = report }

    var text: String {
        // Silence could be taken for an answer.
        if report.subjects.isEmpty { return "nothing that could be audited is there\n" }
        var lines: [String] = []
        for subject in report.subjects {
            let own = report.findings.filter { $0.subject == subject }
            lines.append(heading(subject))
            for finding in own.filter({ $0.verdict == .finding }).sorted(by: worse) { lines += block(finding) }
            for finding in own where finding.verdict == .unknown { lines += block(finding) }
            lines.append(summary(own))
            lines.append("")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private func worse(_ left: Finding, _ right: Finding) -> Bool {
        (right.severity, left.id) < (left.severity, right.id)
    }

    private func heading(_ subject: Subject) -> String {
        var parts = ["\(subject.kind.rawValue) \(shown(subject.shownName))"]
        if let maker = subject.maker { parts.append("made by \(shown(maker))") }
        if let image = subject.image { parts.append("image \(shown(image))") }
        if let process = subject.process { parts.append("process \(process)") }
        if let cluster = subject.cluster { parts.append(shown(cluster.text)) }
        return parts.joined(separator: ", ") + "  (profile \(report.profile.rawValue))"
    }

    private func block(_ finding: Finding) -> [String] {
        let mark = finding.verdict == .unknown ? "UNKNOWN" : finding.severity.rawValue.uppercased()
        var lines = ["  \(mark) \(finding.id)  \(shown(finding.summary))"]
        for evidence in finding.evidence.prefix(Self.evidenceLinesMax) {
            let declared = evidence.declared.map { ", declared \(shown($0))" } ?? ""
            lines.append("      \(shown(evidence.source)): \(shown(evidence.value))\(declared)")
        }
        let more = finding.evidence.count - Self.evidenceLinesMax
        if more > 0 { lines.append("      and \(more) more") }
        if let override = finding.override { lines.append("      asked for by \(override)") }
        if finding.verdict == .finding { lines.append("      do: \(finding.remedy)") }
        return lines
    }

    private func summary(_ findings: [Finding]) -> String {
        func count(_ verdict: Verdict) -> Int { findings.count { $0.verdict == verdict } }
        return "  \(count(.pass)) passed, \(count(.finding)) found, \(count(.unknown)) unknown, "
            + "\(count(.notApplicable)) not applicable"
    }

    private func shown(_ text: String) -> String { Untrusted.shown(text) }
}
