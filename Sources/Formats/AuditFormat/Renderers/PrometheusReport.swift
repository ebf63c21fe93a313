import Diagnostics

/// Gauges in Prometheus' text format, for the text file collector of a node exporter.
struct PrometheusReport {
    private let report: AuditReport

    init(_ report: AuditReport) { self.report = report }

    var text: String {
        var lines = [
            "# HELP bulkhead_audit_findings Findings of the last audit.", "# TYPE bulkhead_audit_findings gauge",
        ]
        for subject in report.subjects {
            for severity in Severity.allCases {
                let count = count(subject) { $0.verdict == .finding && $0.severity == severity }
                lines.append(
                    "bulkhead_audit_findings{\(labels(subject)),severity=\"\(severity.rawValue)\"} \(count)")
            }
        }
        lines += ["# HELP bulkhead_audit_checks Rules asked, by verdict.", "# TYPE bulkhead_audit_checks gauge"]
        for subject in report.subjects {
            for verdict in Verdict.allCases {
                let count = count(subject) { $0.verdict == verdict }
                lines.append("bulkhead_audit_checks{\(labels(subject)),verdict=\"\(verdict.rawValue)\"} \(count)")
            }
        }
        lines += [
            "# HELP bulkhead_audit_timestamp_seconds When the audit was made.",
            "# TYPE bulkhead_audit_timestamp_seconds gauge", "bulkhead_audit_timestamp_seconds \(report.time)",
        ]
        return lines.map { $0 + "\n" }.joined()
    }

    private func count(_ subject: Subject, _ matches: (Finding) -> Bool) -> Int {
        report.findings.count { $0.subject == subject && matches($0) }
    }

    private func labels(_ subject: Subject) -> String {
        let profile = report.profile.rawValue
        let place = (subject.cluster?.members ?? []).map { ",\($0.name)=\"\(quoted($0.value))\"" }.joined()
        let name = quoted(subject.shownName)
        return "kind=\"\(subject.kind.rawValue)\",subject=\"\(name)\",profile=\"\(profile)\"\(place)"
    }

    private func quoted(_ text: String) -> String {
        Untrusted.shown(text).unicodeScalars.map { $0 == "\\" || $0 == "\"" ? "\\\($0)" : String($0) }.joined()
    }
}
