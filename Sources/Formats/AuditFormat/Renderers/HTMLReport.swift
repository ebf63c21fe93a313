/// One file that needs nothing else: no script, no font, no request. Follows the reader's choice of light or dark.
struct HTMLReport {
    private let report: AuditReport

    init(_ report: AuditReport) { self.report = report }

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
            \(tiles)</header>
            \(report.subjects.map(section).joined(separator: "\n"))
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

    private func section(_ subject: Subject) -> String {
        let own = report.findings.filter { $0.subject == subject }
        let found = own.filter { $0.verdict == .finding }.sorted { ($1.severity, $0.id) < ($0.severity, $1.id) }
        let unknown = own.filter { $0.verdict == .unknown }
        let rest = own.filter { $0.verdict == .pass || $0.verdict == .notApplicable }
        var facts = [subject.kind.rawValue]
        if let maker = subject.maker { facts.append("made by \(maker)") }
        if let image = subject.image { facts.append("image \(image)") }
        if let process = subject.process { facts.append("process \(process)") }
        if let cluster = subject.cluster { facts.append(cluster.text) }
        let none = found.isEmpty && unknown.isEmpty ? "<p class=clean>Nothing was found.</p>" : ""
        let rows = rest.map { finding in
            "<tr><td>\(finding.id)</td><td>\(Markup.escaped(finding.title))</td>"
                + "<td>\(Markup.escaped(finding.summary))</td><td>\(finding.verdict.rawValue)</td></tr>"
        }
        return """
            <section><h2>\(Markup.escaped(subject.shownName))</h2>
            <p class=facts>\(Markup.escaped(facts.joined(separator: " · ")))</p>\(none)
            \((found + unknown).map(card).joined(separator: "\n"))
            <details><summary>\(rest.count) rules that hold or do not apply</summary>
            <table><thead><tr><th>Rule</th><th>What it wants</th><th>What was seen</th><th>Verdict</th></tr></thead>
            <tbody>\(rows.joined(separator: "\n"))</tbody></table></details></section>
            """
    }

    private func card(_ finding: Finding) -> String {
        let style = finding.verdict == .unknown ? "unknown" : finding.severity.rawValue
        let rows = finding.evidence.map { evidence in
            "<tr><td><code>\(Markup.escaped(evidence.source))</code></td>"
                + "<td><code>\(Markup.escaped(evidence.value))</code></td>"
                + "<td>\(evidence.declared.map { "<code>\(Markup.escaped($0))</code>" } ?? "–")</td></tr>"
        }
        let table =
            rows.isEmpty
            ? ""
            : "<table><thead><tr><th>Source</th><th>Seen</th><th>Declared</th></tr></thead><tbody>"
                + rows.joined() + "</tbody></table>"
        let asked = finding.override.map { "<p><b>Asked for by</b> <code>\(Markup.escaped($0))</code></p>" } ?? ""
        let maps = finding.mappings.text.isEmpty ? "" : "<p class=facts>\(Markup.escaped(finding.mappings.text))</p>"
        return """
            <article class="\(style)"><h3><span class=badge>\(style)</span> <span class=id>\(finding.id)</span> \
            \(Markup.escaped(finding.summary))</h3>
            <p><b>Wanted</b> \(Markup.escaped(finding.title)).</p>\(table)
            <p><b>Risk</b> \(Markup.escaped(finding.risk))</p><p><b>Do</b> \(Markup.escaped(finding.remedy))</p>
            \(asked)\(maps)
            </article>
            """
    }

    private static let style = """
        :root{--paper:#f6f7f9;--sheet:#fff;--ink:#1b2330;--soft:#5c6676;--line:#dfe3ea;\
        --critical:#a3123a;--high:#c2410c;--medium:#9a6700;--low:#1d5fbf;--info:#5c6676;\
        --unknown:#6d3fc0;--pass:#1a7f4b}
        @media(prefers-color-scheme:dark){:root{--paper:#11151c;--sheet:#1a2029;--ink:#e6e9ef;\
        --soft:#9aa5b5;--line:#2d3643;--critical:#ff7a9a;--high:#ff9c66;\
        --medium:#e6b450;--low:#79b0ff;--info:#9aa5b5;--unknown:#bd9bff;--pass:#5fd39a}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
        main{max-width:70rem;margin:0 auto;padding:2rem 1rem}
        h1{margin:0;font-size:1.6rem}h2{margin:2.5rem 0 0;font-size:1.25rem}h3{margin:0 0 .5rem;font-size:1rem}
        p{margin:.3rem 0}.facts,header p{color:var(--soft)}
        .tiles{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:1rem}
        .tile{background:var(--sheet);border:1px solid var(--line);border-top:3px solid var(--c);border-radius:.5rem;\
        padding:.5rem .9rem;min-width:6rem}
        .tile b{display:block;font-size:1.5rem;color:var(--c)}.tile span{color:var(--soft)}.none{opacity:.55}
        .critical{--c:var(--critical)}.high{--c:var(--high)}.medium{--c:var(--medium)}.low{--c:var(--low)}
        .info{--c:var(--info)}.unknown{--c:var(--unknown)}.pass{--c:var(--pass)}
        article{background:var(--sheet);border:1px solid var(--line);border-left:4px solid var(--c);\
        border-radius:.5rem;padding:.9rem 1.1rem;margin:.8rem 0}
        .badge{color:var(--c);border:1px solid var(--c);border-radius:1rem;padding:0 .6rem;font-size:.8rem}
        .id{color:var(--soft);font-weight:400}.clean{color:var(--pass)}
        table{border-collapse:collapse;width:100%;margin:.5rem 0}
        th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
        th{color:var(--soft);font-weight:500}code{font-size:.85rem;overflow-wrap:anywhere}
        summary{cursor:pointer;color:var(--soft);margin-top:1rem}
        """
}
