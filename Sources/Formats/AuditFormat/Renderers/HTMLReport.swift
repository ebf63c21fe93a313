/// One file that needs nothing else: no script, no font, no request. Follows the reader's choice of light or dark.
struct HTMLReport {
    private let report: AuditReport

    private let findings: [Subject: [Finding]]

    init(_ report: AuditReport) {
        self.report = report
        findings = Dictionary(grouping: report.findings, by: \.subject)
    }

    var text: String {
        let title = "Audit of \(Markup.escaped(report.host.name))"
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title)</title>
            <style>\(Self.style)</style></head>
            <body><main>
            <header><h1>\(title)</h1>
            <p>\(CivilTime.text(report.time)) · profile <b>\(report.profile.rawValue)</b> · Linux \
            \(Markup.escaped(report.host.kernel)) · \(Markup.escaped(report.tool.name)) \
            \(Markup.escaped(report.tool.version))</p>
            \(tiles)\(contents)</header>
            \(report.subjects.indices.map(section).joined(separator: "\n"))
            </main></body></html>

            """
    }

    private var tiles: String {
        let severities = Severity.allCases.reversed().map { severity in
            tile("\(report.count(.finding, severity))", severity.rawValue, severity.rawValue)
        }
        let rest = [
            tile("\(report.count(.unknown))", "unknown", "unknown"), tile("\(report.count(.pass))", "passed", "pass"),
        ]
        return "<div class=tiles>" + (severities + rest).joined() + "</div>"
    }

    private func tile(_ number: String, _ name: String, _ style: String) -> String {
        "<div class=\"tile \(style)\(number == "0" ? " none" : "")\"><b>\(number)</b><span>\(name)</span></div>"
    }

    private func findings(about subject: Subject) -> (open: [Finding], rest: [Finding]) {
        let own = findings[subject] ?? []
        let found = own.filter { $0.verdict == .finding }.sorted { ($1.severity, $0.id) < ($0.severity, $1.id) }
        return (
            found + own.filter { $0.verdict == .unknown },
            own.filter { $0.verdict == .pass || $0.verdict == .notApplicable }
        )
    }

    private static func style(_ finding: Finding) -> String {
        finding.verdict == .unknown ? "unknown" : finding.severity.rawValue
    }

    /// Where there are several subjects, what each has, so that nobody scrolls past thirty clean ones to find one.
    private var contents: String {
        guard report.subjects.count > 1 else { return "" }
        let rows = report.subjects.indices.map { index in
            let subject = report.subjects[index]
            var counts: [(style: String, count: Int)] = []
            for finding in findings(about: subject).open {
                if counts.last?.style == Self.style(finding) {
                    counts[counts.count - 1].count += 1
                } else {
                    counts.append((Self.style(finding), 1))
                }
            }
            var badges = counts.map { "<span class=\"badge \($0.style)\">\($0.count) \($0.style)</span>" }
            if badges.isEmpty, findings[subject] != nil { badges = ["<span class=\"badge pass\">clean</span>"] }
            return "<li><a href=\"#s\(index)\">\(Markup.escaped(subject.shownName))</a> "
                + "<span class=facts>\(subject.kind.rawValue)</span> "
                + badges.joined(separator: " ") + "</li>"
        }
        return "<nav aria-label=Subjects><ul>\(rows.joined(separator: "\n"))</ul></nav>"
    }

    private func section(_ index: Int) -> String {
        let subject = report.subjects[index]
        let (open, rest) = findings(about: subject)
        var facts = [subject.kind.rawValue]
        if let maker = subject.maker { facts.append("made by \(maker)") }
        if let image = subject.image { facts.append("image \(image)") }
        if let process = subject.process { facts.append("process \(process)") }
        if let cluster = subject.cluster { facts.append(cluster.text) }
        var none = open.isEmpty ? "<p class=clean>Nothing was found.</p>" : ""
        if open.isEmpty, rest.isEmpty { none = "<p class=facts>No rule of this profile is about it.</p>" }
        let rows = rest.map { finding in
            "<tr><td data-name=Rule>\(finding.id)</td><td data-name=Wanted>\(Markup.escaped(finding.title))</td>"
                + "<td data-name=Seen>\(Markup.escaped(finding.summary))</td>"
                + "<td data-name=Verdict>\(finding.verdict.rawValue)</td></tr>"
        }
        let others =
            rest.isEmpty
            ? ""
            : """
            <details><summary>\(rest.count) \(rest.count == 1 ? "rule holds or does" : "rules hold or do") not apply\
            </summary>
            <table class=rules><thead><tr><th>Rule</th><th>What it wants</th><th>What was seen</th><th>Verdict</th></tr>
            </thead><tbody>\(rows.joined(separator: "\n"))</tbody></table></details>
            """
        return """
            <section id=s\(index)><h2>\(Markup.escaped(subject.shownName))</h2>
            <p class=facts>\(Markup.escaped(facts.joined(separator: " · ")))</p>\(none)
            \(open.map(card).joined(separator: "\n"))
            \(others)</section>
            """
    }

    private func card(_ finding: Finding) -> String {
        let style = Self.style(finding)
        let asked = finding.override.map { "<p><b>Asked for by</b> <code>\(Markup.escaped($0))</code></p>" } ?? ""
        let maps = finding.mappings.text.isEmpty ? "" : "<p class=facts>\(Markup.escaped(finding.mappings.text))</p>"
        return """
            <article class="\(style)"><h3><span class=badge>\(style)</span> <span class=id>\(finding.id)</span> \
            \(Markup.escaped(finding.summary))</h3>
            <p><b>Wanted</b> \(Markup.escaped(finding.title)).</p>\(table(of: finding.evidence))
            <p><b>Risk</b> \(Markup.escaped(finding.risk))</p><p><b>Do</b> \(Markup.escaped(finding.remedy))</p>
            \(asked)\(maps)
            </article>
            """
    }

    /// What had been declared has a column where somebody declared anything: of a stranger's container nobody did.
    private func table(of evidence: [Evidence]) -> String {
        if evidence.isEmpty { return "" }
        let isDeclared = evidence.contains { $0.declared != nil }
        let rows = evidence.map { evidence in
            cell("Source", evidence.source) + cell("Seen", evidence.value)
                + (isDeclared ? cell("Declared", evidence.declared) : "")
        }
        return "<table class=\(isDeclared ? "declared" : "seen")><thead><tr><th>Source</th><th>Seen</th>"
            + (isDeclared ? "<th>Declared</th>" : "") + "</tr></thead><tbody>"
            + rows.map { "<tr>\($0)</tr>" }.joined() + "</tbody></table>"
    }

    private func cell(_ name: String, _ text: String?) -> String {
        guard let text else { return "<td data-name=\(name)>–</td>" }
        return "<td data-name=\(name)>"
            + (text.isEmpty ? "<i>empty</i>" : "<code>\(Markup.escaped(text))</code>") + "</td>"
    }
}
