import AuditFormat
import Testing

@Suite("Forms of a report")
struct RendererTests {
    private let report = SampleReport.report

    @Test("a report crosses JSON both ways")
    func bothWays() throws {
        let json = try report.json()
        #expect(try AuditReport(json: Array(json.utf8)) == report)
    }

    @Test("a report about nothing says so to people, and is whole to programs", arguments: ReportFormat.allCases)
    func nothing(_ format: ReportFormat) throws {
        var report = report
        (report.subjects, report.findings) = ([], [])
        let text = try report.text(as: format)
        #expect(format != .table || text == "nothing that could be audited is there\n")
        #expect(format == .ocsf || !text.isEmpty)
    }

    @Test("another schema is refused")
    func schema() throws {
        let json = try report.json().replacing("bulkhead-audit/1", with: "bulkhead-audit/9")
        #expect(throws: (any Error).self) { try AuditReport(json: Array(json.utf8)) }
    }

    @Test(
        "the exit status says findings first, then what could not be observed",
        arguments: [
            (Severity.low, Int32(1)), (.high, 1), (.critical, 0),
        ])
    func status(_ threshold: Severity, _ expected: Int32) {
        #expect(report.exitStatus(failingOn: threshold) == expected)
    }

    @Test("what could not be observed is never clean")
    func unknown() {
        var report = report
        report.findings.removeFirst()
        #expect(report.exitStatus(failingOn: .low) == 2)
        report.findings.removeFirst()
        #expect(report.exitStatus(failingOn: .low) == 0)
    }

    @Test("no form lets through what a stranger wrote", arguments: ReportFormat.allCases)
    func hostile(_ format: ReportFormat) throws {
        let text = try report.text(as: format)
        #expect(!text.contains("<script>") || [.json, .sarif, .ocsf, .table, .prometheus].contains(format))
        #expect(!text.contains("\u{1b}"))
        if format == .table { #expect(!text.contains("\u{202e}")) }
    }

    @Test("SARIF has a rule for every result, a kind for every verdict, and fingerprints that last")
    func sarif() throws {
        let text = try report.text(as: .sarif)
        let document = try AuditDocument.read(Array(text.utf8))
        #expect(document["version"]?.text == "2.1.0")
        let run = try #require(document["runs"]?.elements.first)
        let rules = run["tool"]?["driver"]?["rules"]?.elements.compactMap { $0["id"]?.text }
        #expect(rules == ["BH-CON-020", "BH-CON-041"])
        let results = run["results"]?.elements ?? []
        #expect(results.compactMap { $0["kind"]?.text } == ["fail", "open", "pass", "notApplicable"])
        #expect(results.compactMap { $0["level"]?.text } == ["error", "none", "none", "none"])
        var later = report
        later.time += 60
        later.subjects[0].process = 5
        for index in later.findings.indices { later.findings[index].subject.process = 5 }
        let again = try AuditDocument.read(Array(try later.text(as: .sarif).utf8))
        let print = { (document: AuditDocument) in
            document["runs"]?.elements.first?["results"]?.elements.first?["partialFingerprints"]
        }
        #expect(print(again) == print(document) && print(document) != nil)
    }

    @Test("OCSF has one compliance finding a line")
    func ocsf() throws {
        let lines = try report.text(as: .ocsf).split(separator: "\n")
        #expect(lines.count == report.findings.count)
        for line in lines {
            let event = try AuditDocument.read(Array(line.utf8))
            #expect(event["class_uid"] == 2003 && event["type_uid"] == 200_301 && event["category_uid"] == 2)
        }
        let statuses = try lines.map { try AuditDocument.read(Array($0.utf8))["compliance"]?["status_id"] }
        #expect(statuses == [3, 0, 1, 99])
    }

    @Test("JUnit counts an unknown as an error, so that no gate passes it")
    func junit() throws {
        let text = try report.text(as: .junit)
        #expect(text.contains("tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""))
        #expect(text.contains("<error type=\"unknown\"") && text.contains("<failure type=\"high\""))
    }

    @Test("HTML asks nobody for anything")
    func html() throws {
        let text = try report.text(as: .html)
        for word in ["http:", "https:", "<script", "src=", "@import", "url("] {
            #expect(!text.contains(word), "\(word)")
        }
        #expect(text.contains("prefers-color-scheme:dark") && text.contains("default-src 'none'"))
        #expect(text.contains("--cap-add") && text.contains("&lt;script&gt;"))
    }

    @Test("HTML lists several subjects with what each has, and says where no rule was asked")
    func subjects() throws {
        var several = report
        several.subjects.append(Subject(.image, id: "sha256:1", name: "unasked"))
        let text = try several.text(as: .html)
        #expect(text.contains("<nav aria-label=Subjects>"))
        for index in several.subjects.indices {
            #expect(text.contains("<a href=\"#s\(index)\">") && text.contains("<section id=s\(index)>"))
        }
        #expect(text.contains("1 high</span>") && text.contains("No rule of this profile is about it."))
        #expect(try !report.text(as: .html).contains("<nav") == (report.subjects.count == 1))
    }

    @Test("HTML has a column for what was declared only where somebody declared anything")
    func declaredColumn() throws {
        var strangers = report
        for index in strangers.findings.indices {
            strangers.findings[index].evidence = [Evidence("", source: "/proc/1/status")]
        }
        #expect(try report.text(as: .html).contains("<th>Declared</th>"))
        let text = try strangers.text(as: .html)
        #expect(!text.contains("<th>Declared</th>") && text.contains("<i>empty</i>"))
    }

    @Test("Prometheus has a gauge for each severity and verdict")
    func prometheus() throws {
        let text = try report.text(as: .prometheus)
        #expect(text.contains("severity=\"high\"} 1\n") && text.contains("verdict=\"unknown\"} 1\n"))
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            #expect(line.contains(/^[a-z_]+(\{.*\})? [0-9]+$/), "\(line)")
        }
    }

    @Test(
        "times are told by the calendar",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"), (4_102_444_800, "2100-01-01T00:00:00Z"),
        ])
    func times(_ seconds: Int64, _ expected: String) { #expect(CivilTime.text(seconds) == expected) }
}
