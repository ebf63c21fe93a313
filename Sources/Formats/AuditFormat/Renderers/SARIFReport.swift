import Crypto
import Diagnostics

/// SARIF 2.1.0 (OASIS): one run; every verdict a result, so that a consumer sees what was asked and not only what was
/// found. What could not be observed has the kind `open`.
struct SARIFReport {
    private let report: AuditReport

    init(_ report: AuditReport) { self.report = report }

    var text: String {
        let document: AuditDocument = [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
            "runs": [
                [
                    "tool": ["driver": driver], "columnKind": "unicodeCodePoints",
                    "results": .array(report.findings.map(result)),
                    "invocations": [
                        ["executionSuccessful": .bool(report.count(.unknown) == 0), "endTimeUtc": .string(time)]
                    ],
                    "properties": ["profile": .string(report.profile.rawValue), "kernel": .string(report.host.kernel)],
                ]
            ],
        ]
        return Untrusted.inJSON(document.pretty)
    }

    private var time: String { CivilTime.text(report.time) }

    private var driver: AuditDocument {
        var seen: [RuleID: Finding] = [:]
        for finding in report.findings where seen[finding.id] == nil { seen[finding.id] = finding }
        return [
            "name": "Bulkhead audit", "version": .string(report.tool.version),
            "semanticVersion": .string(report.tool.version),
            "rules": .array(seen.values.sorted { $0.id < $1.id }.map(rule)),
        ]
    }

    private func rule(_ finding: Finding) -> AuditDocument {
        [
            "id": .string(finding.id.rawValue), "name": .string(finding.id.rawValue),
            "shortDescription": ["text": .string(finding.title)], "fullDescription": ["text": .string(finding.risk)],
            "help": ["text": .string(finding.remedy)],
            "defaultConfiguration": ["level": .string(level(finding.severity))],
            "properties": [
                "security-severity": .string(score(finding.severity)),
                "tags": .array(["security", "container"] + tags(finding)),
            ],
        ]
    }

    private func tags(_ finding: Finding) -> [AuditDocument] {
        (finding.mappings.cisDocker.map { "cis-docker-\($0)" } + finding.mappings.podSecurity.map { "pss \($0)" }
            + finding.mappings.nist800190.map { "nist-800-190-\($0)" } + finding.mappings.attack.map { "attack-\($0)" })
            .map(AuditDocument.string)
    }

    private func result(_ finding: Finding) -> AuditDocument {
        let name = finding.subject.qualifiedName
        let seen = finding.evidence.map { evidence in
            "\(evidence.source): \(evidence.value)" + (evidence.declared.map { " (declared \($0))" } ?? "")
        }
        let text = Untrusted.shown(([finding.summary] + seen).joined(separator: "; "))
        return [
            "ruleId": .string(finding.id.rawValue), "kind": .string(kind(finding.verdict)),
            "level": .string(finding.verdict == .finding ? level(finding.severity) : "none"),
            "message": ["text": .string(text)],
            "locations": [
                [
                    // Some consumers take no result without a file, so the subject stands for one.
                    "physicalLocation": [
                        "artifactLocation": ["uri": .string(Self.address("bulkhead/\(name)"))],
                        "region": ["startLine": 1],
                    ],
                    "logicalLocations": [
                        [
                            "name": .string(finding.subject.shownName), "fullyQualifiedName": .string(name),
                            "kind": "resource",
                        ]
                    ],
                ]
            ],
            "partialFingerprints": ["bulkheadFinding/v1": .string(fingerprint(finding, name))],
            "properties": .object(
                Dictionary(
                    (finding.subject.cluster?.members ?? []).map { ($0.name, .string($0.value)) },
                    uniquingKeysWith: { first, _ in first })),
        ]
    }

    /// The same for the same rule and name, whenever and as whatever process it is looked at.
    private func fingerprint(_ finding: Finding, _ name: String) -> String {
        hexadecimal(SHA256.hash(data: Array("\(finding.id)\n\(name)".utf8)))
    }

    private func kind(_ verdict: Verdict) -> String {
        switch verdict {
        case .pass: "pass"
        case .finding: "fail"
        case .unknown: "open"
        case .notApplicable: "notApplicable"
        }
    }

    private func level(_ severity: Severity) -> String {
        switch severity {
        case .critical, .high: "error"
        case .medium: "warning"
        case .low, .info: "note"
        }
    }

    private func score(_ severity: Severity) -> String {
        switch severity {
        case .critical: "9.5"
        case .high: "8.0"
        case .medium: "5.5"
        case .low: "3.0"
        case .info: "0.0"
        }
    }

    /// A relative URI: whatever is not plain is written as RFC 3986 escapes.
    private static func address(_ text: String) -> String {
        text.utf8.map { byte in
            let isLetter = byte < 128 && Character(Unicode.Scalar(byte)).isLetter
            let isPlain = isLetter || "0123456789-._~/".utf8.contains(byte)
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(Unicode.Scalar(byte)) : "%" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
    }
}

/// Lower-case digits of a hash.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
