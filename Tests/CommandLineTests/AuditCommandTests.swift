import LinuxKernel
import Testing

/// What a script sees of `bulkhead audit`: exit status 0 for clean, 1 for findings, 2 for what could not be observed.
@Suite("The audit's commands and what they end with", .serialized)
struct AuditCommandTests {
    private let host: TestProgram

    init() throws { host = try TestProgram() }

    private func audit(_ words: String...) throws -> TestProgram.Outcome { try host.run(["audit"] + words) }

    private func expect(_ status: Int32, _ words: String..., said: String = "") throws {
        let outcome = try host.run(["audit"] + words)
        #expect(outcome.status == status, "\(words): \(outcome.output) \(outcome.error)")
        #expect((outcome.output + outcome.error).contains(said) || said.isEmpty, "\(words): \(outcome)")
    }

    private func path(_ name: String) -> String { host.scratch + "/" + name }

    private func edit(_ name: String, _ change: (String) -> String) throws {
        let text = try TextFile.read(path(name), limit: 64 << 20)
        try OwnedDescriptor.open(RawPath(path(name)), [.writeOnly, .truncate]).write(change(text))
    }

    private func start(_ name: String) throws {
        try host.importImage()
        let outcome = try host.run("run", "-d", "--name", name, "box", "sleep", "600")
        try #require(outcome.status == 0, "\(outcome.error)")
    }

    @Test("rules and schemas are listed, the escape probe's among them")
    func lists() throws {
        for id in ["BH-CON-123", "BH-HOST-001", "BH-IMG-001", "BH-DRIFT-001", "BH-PRB-mount-tmpfs", "BH-PRB-control"] {
            try expect(0, "rules", said: id)
        }
        try expect(0, "rules", "--profile", "cis-docker-5", "--format", "json", said: "\"5.14\"")
        try expect(0, "schema", said: "bulkhead-namespaces/1")
        try expect(2, "rules", "--profile", "nobody's")
    }

    @Test("a container is clean by default, has findings under a stricter profile, and must be there")
    func container() throws {
        try start("web")
        try expect(0, "container", "web")
        try expect(1, "container", "web", "--profile", "cis-docker-5", said: "BH-CON-066")
        try expect(0, "container", "web", "--profile", "cis-docker-5", "--fail-on", "high")
        try expect(2, "container", "nobody", said: "nobody")
        try expect(2, "container", said: "no container is named")
        try expect(2, "container", "--pid", "2147483000", said: "there is none")
        for form in ["json", "sarif", "ocsf", "junit", "html", "prometheus"] {
            try expect(1, "container", "web", "--profile", "cis-docker-5", "--format", form, "--output", path(form))
            #expect(try TextFile.read(path(form), limit: 64 << 20).contains("BH-CON-066") || form == "prometheus")
        }
        try expect(2, "container", "web", "--output", "/proc/nowhere/report", said: "/proc/nowhere")
        try expect(0, "graph", said: "web")
        try expect(0, "graph", "--format", "dot", said: "graph namespaces {")
    }

    @Test("reports are what their forms' own readers take: our JSON schema, OpenMetrics, XML")
    func readers() throws {
        try start("web")
        for form in ["json", "prometheus", "junit"] {
            try expect(1, "container", "web", "--profile", "cis-docker-5", "--format", form, "--output", path(form))
        }
        let schema = TestProgram.root + "/Docs/Reference/Audit-schema.json"
        let read = try host.runThrough(
            "/usr/bin/python3", ["-c", Self.reader, schema, path("json"), path("prometheus"), path("junit")])
        #expect(read.status == 0 && read.output == "read\n", "\(read)")
    }

    /// Debian's readers, which know nothing of ours. A verdict nobody defined must be refused, or the schema says
    /// nothing.
    private static let reader = """
        import json, jsonschema, sys, xml.etree.ElementTree as xml
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as metrics
        schema, report = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
        validator = jsonschema.validators.validator_for(schema)
        validator.check_schema(schema)
        validator(schema).validate(report)
        text = open(sys.argv[3]).read()
        families = list(metrics(text if text.endswith("# EOF\\n") else text + "# EOF\\n"))
        assert families and all(family.samples for family in families)
        suites = xml.parse(sys.argv[4]).getroot()
        cases, failures = suites.findall("testsuite/testcase"), suites.findall("testsuite/testcase/failure")
        assert suites.tag == "testsuites" and len(cases) == int(suites.get("tests"))
        assert len(failures) == int(suites.get("failures")) > 0
        report["findings"][0]["verdict"] = "fine"
        assert list(validator(schema).iter_errors(report))
        print("read")
        """

    @Test("from another process namespace nothing is said about containers, and nothing happens to them")
    func elsewhere() throws {
        try start("web")
        let elsewhere = ["--pid", "--fork", "--mount-proc", "/proc/self/fd/3"]
        let commands = ["audit container web", "audit container --all", "ps", "rm --force web"]
            .map { $0.split(separator: " ").map(String.init) }
        for words in commands {
            let outcome = try host.runThrough("/usr/bin/unshare", elsewhere + words)
            #expect(outcome.status != 0 && outcome.error.contains("process namespace"), "\(words): \(outcome)")
        }
        try expect(0, "container", "web")
    }

    @Test("a container whose record cannot be read is unknown among all, not left out")
    func damaged() throws {
        try start("web")
        let folders = try OwnedDescriptor.open(RawPath(path("state/containers")), [.directory]).entries()
        let record = "state/containers/\(try #require(folders.first?.name))/record.json"
        let whole = try TextFile.read(path(record), limit: 1 << 20)
        try edit(record) { _ in "{" }
        let outcome = try audit("container", "--all", "--format", "json")
        try edit(record) { _ in whole }
        #expect(outcome.status != 0 && outcome.output.contains("\"verdict\": \"unknown\""), "\(outcome)")
    }

    @Test("who entered as root is told from the log")
    func entered() throws {
        try start("web")
        #expect(try !audit("container", "web", "--profile", "cis-docker-5").output.contains("BH-CON-150"))
        #expect(try host.run("exec", "--user", "1000", "web", "true").status == 0)
        #expect(try !audit("container", "web", "--profile", "cis-docker-5").output.contains("BH-CON-150"))
        #expect(try host.run("exec", "web", "true").status == 0)
        try expect(1, "container", "web", "--profile", "cis-docker-5", said: "BH-CON-150")
    }

    @Test("a host is judged, and an image that is not there is not")
    func hostAndImage() throws {
        try expect(0, "host", "--fail-on", "critical")
        try host.importImage()
        try expect(1, "image", "box", "--profile", "cis-docker-5", said: "BH-IMG-001")
        try expect(0, "image", "box", "--profile", "cis-docker-5", "--fail-on", "high")
        try expect(2, "image", "nobody")
    }

    @Test("an image whose layers are EROFS files is looked into as any other")
    func erofs() throws {
        let archive = try host.archive()
        let imported = try host.run("image", "import", "--snapshotter", "erofs", archive)
        guard LayerImageMount.isSupported else {
            #expect(imported.status != 0)
            return
        }
        #expect(imported.status == 0, "\(imported.error)")
        let asFiles = try audit("image", "box", "--profile", "nist-800-190")
        #expect(asFiles.status == 1 && !asFiles.output.contains("cannot be read"), "\(asFiles)")
        let bill = try audit("image", "box", "--sbom", "cyclonedx")
        #expect(bill.status == 0 && bill.output.contains("Box Linux 1"), "\(bill)")
        #expect(try host.run("image", "rm", "box").status == 0)
        try host.importImage()
        let asDirectories = try audit("image", "box", "--profile", "nist-800-190")
        #expect(asDirectories.output == asFiles.output)
        #expect(try audit("image", "box", "--sbom", "cyclonedx").output == bill.output)
    }

    @Test("drift: unchanged, changed, gone, and a baseline that is none")
    func drift() throws {
        try start("web")
        try expect(0, "drift", "baseline", "web", "--output", path("base"))
        try expect(0, "drift", "check", path("base"))
        try edit("base") { $0.replacing("\"hasOwnKeyring\":true", with: "\"hasOwnKeyring\":false") }
        try expect(1, "drift", "check", path("base"), said: "BH-DRIFT-001")
        #expect(try host.run("rm", "--force", "web").status == 0)
        try expect(2, "drift", "check", path("base"))
        try edit("base") { _ in "{}" }
        try expect(2, "drift", "check", path("base"), said: "baseline")
        try expect(2, "drift", "check", path("nothing"))
    }

    @Test("evidence holds with its key, and with no other, nor when it was changed")
    func evidence() throws {
        try start("web")
        let key = try audit("key").output.filter { !$0.isWhitespace }
        try expect(0, "evidence", "web", "--output", path("one.tar"))
        try expect(0, "evidence", "web", "--output", path("two.tar"))
        try expect(2, "evidence", "web", "--output", path("two.tar"), said: "never replaced")
        try expect(0, "verify", path("one.tar"), path("two.tar"), "--key", key, said: "sound")
        try expect(1, "verify", path("two.tar"), path("one.tar"), "--key", key)
        let other = String(key.map { $0 == "0" ? "1" : "0" })
        try expect(1, "verify", path("one.tar"), "--key", other)
        try expect(2, "verify", path("one.tar"), said: "vouch")
        try expect(2, "verify", path("nothing.tar"), "--key", key)
        try expect(2, "verify")
        let bytes = try OwnedDescriptor.open(RawPath(path("one.tar"))).readAll(limit: 64 << 20)
        let cut = try OwnedDescriptor.open(RawPath(path("cut.tar")), [.writeOnly, .create], mode: 0o600)
        try cut.write(Array(bytes.dropLast(512)))
        try expect(1, "verify", path("cut.tar"), "--key", key)
    }

    @Test("the log of launches holds, and not after a line was changed or taken away")
    func log() throws {
        try start("web")
        #expect(try host.run("exec", "web", "true").status == 0)
        #expect(try host.run("exec", "web", "true").status == 0)
        try expect(0, "verify", "--log", said: "entries 1 to 3 follow each other")
        let whole = try TextFile.read(path("store/audit/log"))
        try edit("store/audit/log") { $0.replacing("\"exec\"", with: "\"none\"") }
        try expect(1, "verify", "--log", said: "does not hold")
        try edit("store/audit/log") { _ in whole.split(separator: "\n").dropLast(1).joined(separator: "\n") + "\n" }
        try expect(1, "verify", "--log", said: "the end is missing")
        #expect(try host.run("exec", "web", "true").status == 0)
        try expect(1, "verify", "--log", said: "entries 3 to 3 are missing")
        try expect(2, "verify", "--log", "--store", path("elsewhere"))
    }

    @Test("the probe refuses what it cannot run in")
    func probe() throws { try expect(2, "probe", "nobody") }
}
