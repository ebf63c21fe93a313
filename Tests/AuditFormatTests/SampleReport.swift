import AuditFormat

/// A report with one of everything, and with text that strangers would put there.
enum SampleReport {
    static let rule = AuditRule(
        "BH-CON-020", "No thread holds more", .high, risk: "A way out <b>.", remedy: "drop it",
        override: "--cap-add", profiles: [.standard],
        mappings: RuleMappings(cis: ["5.4"], pss: ["baseline: Capabilities"], nist: ["4.4.3"], attack: ["T1611"]))
    static let other = AuditRule(
        "BH-CON-041", "The filter is as planned", .medium, risk: "Another wall.", remedy: "start it again",
        profiles: [.standard])
    static let hostile = "x\"><script>alert('1')</script>\u{1b}[31m\n&\u{202e}"
    static let subject = Subject(
        .container, id: "c1", name: hostile, maker: "bulkhead", image: "a/b:c", process: 4_711)

    static var report: AuditReport {
        AuditReport(
            tool: AuditReport.Tool(name: "bulkhead-audit", version: "1.2.3"),
            host: AuditReport.Host(name: "h1", kernel: "6.1", bootID: "boot"), time: 1_767_225_600, profile: .standard,
            subjects: [subject],
            findings: [
                Finding(
                    rule, subject, .finding, "there is more",
                    evidence: [Evidence(hostile, source: "/proc/1/status CapEff", declared: "none")],
                    override: "--cap-add"),
                Finding(other, subject, .unknown, "the filter cannot be read"),
                Finding(rule, subject, .pass, "all within"),
                Finding(other, subject, .notApplicable, "no filter"),
            ])
    }
}
