import AuditFormat
import Testing

/// Two agents whose tasks have the same name: no form of a report may take one for the other.
@Suite("Reports about a cluster")
struct ClusterReportTests {
    static var report: AuditReport {
        let subjects = ["S0", "S1"].map { agent in
            Subject(
                .container, id: "c-\(agent)", name: "web",
                cluster: ClusterPlace(agent: agent, host: "host-\(agent)", framework: "F\"1", task: "web"))
        }
        return AuditReport(
            tool: AuditReport.Tool(name: "t", version: "1"),
            host: AuditReport.Host(name: "cluster", kernel: "6", bootID: ""), time: 0, profile: .standard,
            subjects: subjects, findings: subjects.map { Finding(SampleReport.rule, $0, .finding, "seen") })
    }

    @Test("every form says which task of which framework on which agent", arguments: ReportFormat.allCases)
    func forms(_ format: ReportFormat) throws {
        let text = try Self.report.text(as: format)
        for word in ["web", "S0", "S1", "host-S0"] { #expect(text.contains(word), "\(word) is not in \(text)") }
    }

    @Test("two tasks of one name have two fingerprints, two series and two suites")
    func apart() throws {
        let sarif = try Self.report.text(as: .sarif)
        let prints = sarif.matches(of: /"bulkheadFinding\/v1": "([0-9a-f]+)"/).map { String($0.output.1) }
        #expect(Set(prints).count == 2)
        let series = try Self.report.text(as: .prometheus).split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(Set(series.map { $0.prefix { $0 != "}" } }).count == series.count)
        let suites = try Self.report.text(as: .junit).matches(of: /testsuite name="([^"]+)"/).map { $0.output.1 }
        #expect(Set(suites).count == 2)
    }

    @Test("a report and an order cross JSON unchanged, and what is something else is refused")
    func coding() throws {
        let report = Self.report
        #expect(try AuditReport(json: Array(try report.json().utf8)) == report)
        let order = AuditOrder(
            profile: .podBaseline, includesHost: true, place: ClusterPlace(agent: "S0", host: "h"),
            containers: [
                AuditOrder.Container(
                    id: "c", process: 7, place: ClusterPlace(agent: "S0", host: "h", task: "t"),
                    declared: ["network": "none"])
            ], known: ["c", "d"])
        #expect(try AuditOrder(json: try order.json()) == order)
        var other = order
        other.schema = "bulkhead-audit-order/2"
        #expect(throws: (any Error).self) { _ = try AuditOrder(json: try other.json()) }
        #expect(throws: (any Error).self) { _ = try AuditOrder(json: Array("{}".utf8)) }
    }
}
