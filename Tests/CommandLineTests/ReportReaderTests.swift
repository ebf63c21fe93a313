import LinuxKernel
import Testing

/// What others make of `bulkhead audit`'s SARIF, OCSF and JUnit: models of these forms that are not ours, `Readers`.
@Suite("The audit's reports, read by others' models of their forms", .serialized)
struct ReportReaderTests {
    private let host: TestProgram
    private static let forms = ["sarif", "ocsf", "junit"]

    init() throws {
        host = try TestProgram()
        try host.importImage()
        let outcome = try host.run("run", "-d", "--name", "web", "box", "sleep", "600")
        try #require(outcome.status == 0, "\(outcome.error)")
    }

    private func path(_ form: String) -> String { host.scratch + "/" + form }

    /// Every form of one question, in files.
    private func report(_ words: String..., status: Int32) throws {
        for form in Self.forms {
            let outcome = try host.run(["audit"] + words + ["--format", form, "--output", path(form)])
            #expect(outcome.status == status, "\(words) \(form): \(outcome)")
        }
    }

    private func read(_ damages: [String] = []) throws -> TestProgram.Outcome {
        let folder = ProcessEnvironment.value("BULKHEAD_READERS") ?? TestProgram.root + "/.build/readers"
        try #require(HostFacts.exists(folder + "/site"), "Tests/CommandLineTests/Readers/prepare \(folder) was not run")
        let script = TestProgram.root + "/Tests/CommandLineTests/Readers/read.py"
        return try host.runThrough(
            "/usr/bin/env",
            ["PYTHONPATH=\(folder)/site", "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3", script]
                + Self.forms.map(path) + damages)
    }

    @Test("a report without findings, and reports with them, about containers, hosts and images")
    func taken() throws {
        try report("container", "web", status: 0)
        let clean = try read()
        #expect(clean.status == 0 && clean.output.contains("\"pass\""), "\(clean)")
        #expect(!clean.output.contains("\"fail\"") && !clean.output.contains("Failure"), "\(clean)")
        try report("container", "web", "--profile", "cis-docker-5", status: 1)
        let found = try read()
        #expect(found.status == 0 && found.output.contains("\"fail\"") && found.output.contains("Failure"), "\(found)")
        try report("image", "box", "--profile", "cis-docker-5", status: 1)
        let image = try read()
        #expect(image.status == 0 && image.output.contains("\"fail\""), "\(image)")
        // Whatever this host is like.
        for form in Self.forms { _ = try host.run("audit", "host", "--format", form, "--output", path(form)) }
        let machine = try read()
        #expect(machine.status == 0 && machine.output.contains("ocsf"), "\(machine)")
    }

    struct Damage: Sendable {
        var form: String
        var from: String
        var to: String
    }

    /// Each is something its form does not allow.
    static let damages = [
        Damage(form: "sarif", from: "\"ruleId\"", to: "\"ruleID\""),
        Damage(form: "sarif", from: "\"level\": \"none\"", to: "\"level\": \"fine\""),
        Damage(form: "sarif", from: "\"kind\": \"pass\"", to: "\"kind\": \"passed\""),
        Damage(form: "sarif", from: "\"startLine\": 1", to: "\"startLine\": \"one\""),
        Damage(form: "ocsf", from: "\"class_uid\":2003", to: "\"class_uid\":2004"),
        Damage(form: "ocsf", from: "\"severity_id\":4", to: "\"severity_id\":77"),
        Damage(form: "ocsf", from: "\"finding_info\":", to: "\"finding\":"),
        Damage(form: "ocsf", from: "\"compliance\":{", to: "\"compliance\":{\"verdict\":\"good\","),
        Damage(form: "junit", from: "<testcase ", to: "<testcase verdict=\"good\" "),
        Damage(form: "junit", from: "failures=\"", to: "failures=\"1"),
    ]

    @Test("what a form does not allow is refused by its reader, so that the above says something")
    func refused() throws {
        try report("container", "web", "--profile", "cis-docker-5", status: 1)
        let read = try read(Self.damages.flatMap { [$0.form, $0.from, $0.to] })
        #expect(read.status == 0 && read.output.contains("\"taken\": []"), "\(read)")
    }
}
