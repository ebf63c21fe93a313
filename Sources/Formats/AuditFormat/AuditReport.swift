/// Everything one audit has to say. Crosses JSON both ways: Docs/Reference/Audit-schema.json.
public struct AuditReport: Codable, Equatable, Sendable {
    /// Changes when a member changes its meaning or goes; new members do not change it.
    public static let schemaName = "bulkhead-audit/1"

    public struct Tool: Codable, Equatable, Sendable {
        public var name: String
        public var version: String
        public init(name: String, version: String) {
            self.name = name
            self.version = version
        }
    }

    /// The machine it was made on.
    public struct Host: Codable, Equatable, Sendable {
        public var name: String
        public var kernel: String
        public var bootID: String
        public init(name: String, kernel: String, bootID: String) {
            self.name = name
            self.kernel = kernel
            self.bootID = bootID
        }
    }

    public var schema: String
    public var tool: Tool
    public var host: Host
    /// Seconds since 1970, the wall clock of `host`.
    public var time: Int64
    public var profile: AuditProfile
    public var subjects: [Subject]
    /// By subject in the order of `subjects`, then by rule. Holds every verdict, not findings alone.
    public var findings: [Finding]

    public init(
        tool: Tool, host: Host, time: Int64, profile: AuditProfile, subjects: [Subject], findings: [Finding]
    ) {
        schema = Self.schemaName
        self.tool = tool
        self.host = host
        self.time = time
        self.profile = profile
        self.subjects = subjects
        self.findings = findings
    }

    public func count(_ verdict: Verdict) -> Int { findings.count { $0.verdict == verdict } }

    public func count(_ verdict: Verdict, _ severity: Severity) -> Int {
        findings.count { $0.verdict == verdict && $0.severity == severity }
    }

    /// How the command that made it ends: 1 with findings of at least `threshold`, else 2 when something could not be
    /// observed, else 0. What could not be read is never a pass.
    public func exitStatus(failingOn threshold: Severity) -> Int32 {
        if findings.contains(where: { $0.verdict == .finding && $0.severity >= threshold }) { return 1 }
        if findings.contains(where: { $0.verdict == .unknown && $0.severity >= threshold }) { return 2 }
        return 0
    }

    /// With each subject as `change` gives it, in findings too.
    public func subjects(_ change: (Subject) -> Subject) -> AuditReport {
        var report = self
        report.subjects = subjects.map(change)
        for index in report.findings.indices { report.findings[index].subject = change(findings[index].subject) }
        return report
    }

    /// Several reports as one.
    public func merged(with other: AuditReport) -> AuditReport {
        var whole = self
        whole.subjects += other.subjects
        whole.findings += other.findings
        return whole
    }
}
