import Crypto

/// OCSF 1.3.0 Compliance Findings (class 2003), one JSON object a line, for log pipelines.
struct OCSFReport {
    private let report: AuditReport

    init(_ report: AuditReport) { self.report = report }

    var text: String { report.findings.map { event($0).canonical + "\n" }.joined() }

    private func event(_ finding: Finding) -> AuditDocument {
        let time = AuditDocument.integer(report.time * 1_000)
        let severity = severity(finding.severity)
        let status = status(finding.verdict)
        let place = finding.subject.cluster.map { "\($0.agent)\n" } ?? ""
        let uid = hexadecimal(
            SHA256.hash(data: Array("\(finding.id)\n\(finding.subject.kind)\n\(place)\(finding.subject.id)".utf8)))
        return [
            "activity_id": 1, "activity_name": "Create", "category_uid": 2, "category_name": "Findings",
            "class_uid": 2003, "class_name": "Compliance Finding", "type_uid": 200_301,
            "type_name": "Compliance Finding: Create", "time": time, "severity_id": .integer(severity.id),
            "severity": .string(severity.name), "status_id": 1, "status": "New",
            "message": .string(finding.summary),
            "metadata": [
                "version": "1.3.0",
                "product": [
                    "name": "Bulkhead audit", "vendor_name": "Bulkhead", "version": .string(report.tool.version),
                ],
                "profiles": ["host"],
            ],
            "device": [
                "hostname": .string(finding.subject.cluster?.host ?? report.host.name), "type_id": 0, "type": "Unknown",
            ],
            "finding_info": [
                "uid": .string(uid), "title": .string(finding.title), "desc": .string(finding.risk),
                "created_time": time, "types": [.string(finding.id.rawValue)],
            ],
            "compliance": [
                "control": .string(finding.id.rawValue), "standards": .array(standards(finding)),
                "requirements": .array(requirements(finding)), "status_id": .integer(status.id),
                "status": .string(status.name),
            ],
            "resources": [resource(finding.subject)],
            "remediation": ["desc": .string(finding.remedy)],
            "observables": .array(finding.evidence.map(observable)),
        ]
    }

    private func resource(_ subject: Subject) -> AuditDocument {
        var members: [String: AuditDocument] = [
            "uid": .string(subject.id), "name": .string(subject.shownName), "type": .string(subject.kind.rawValue),
        ]
        if let cluster = subject.cluster {
            members["labels"] = .array(cluster.members.map { .string("\($0.name)=\($0.value)") })
        }
        return .object(members)
    }

    private func observable(_ evidence: Evidence) -> AuditDocument {
        ["name": .string(evidence.source), "value": .string(evidence.value), "type_id": 99, "type": "Evidence"]
    }

    /// Never empty: the schema asks for one.
    private func standards(_ finding: Finding) -> [AuditDocument] {
        var names: [String] = []
        if !finding.mappings.cisDocker.isEmpty { names.append("CIS Docker Benchmark 1.6") }
        if !finding.mappings.podSecurity.isEmpty { names.append("Kubernetes Pod Security Standards") }
        if !finding.mappings.nist800190.isEmpty { names.append("NIST SP 800-190") }
        return (names.isEmpty ? ["Bulkhead"] : names).map(AuditDocument.string)
    }

    private func requirements(_ finding: Finding) -> [AuditDocument] {
        (finding.mappings.cisDocker + finding.mappings.podSecurity + finding.mappings.nist800190)
            .map(AuditDocument.string)
    }

    private func severity(_ severity: Severity) -> (id: Int64, name: String) {
        switch severity {
        case .info: (1, "Informational")
        case .low: (2, "Low")
        case .medium: (3, "Medium")
        case .high: (4, "High")
        case .critical: (5, "Critical")
        }
    }

    private func status(_ verdict: Verdict) -> (id: Int64, name: String) {
        switch verdict {
        case .pass: (1, "Pass")
        case .finding: (3, "Fail")
        case .unknown: (0, "Unknown")
        case .notApplicable: (99, "Not applicable")
        }
    }
}
