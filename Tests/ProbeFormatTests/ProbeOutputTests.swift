import AuditFormat
import Diagnostics
import ProbeFormat
import SeccompFormat
import Testing

@Suite("What the escape probe says is read strictly and judged by facts")
struct ProbeOutputTests {
    private let head = #"{"probe":1,"user":0,"processor":"x86_64"}"#
    private let call = #""call":165,"arguments":["1","2","3","0","0","0"]"#

    private func mount(_ result: String, _ value: Int) -> String {
        #"{"check":"mount-tmpfs","area":"mounts","tried":"mount","result":"\#(result)","value":\#(value),\#(call)}"#
    }

    private func output(_ lines: String...) throws -> ProbeOutput {
        try ProbeOutput(([head] + lines + [#"{"done":\#(lines.count)}"#]).joined(separator: "\n"))
    }

    /// Loads the number; answers EPERM to mount, and allows the rest.
    private let filter = [
        FilterInstruction(operation: 0x20, operand: 0), FilterInstruction(operation: 0x15, whenFalse: 1, operand: 165),
        FilterInstruction(operation: 0x06, operand: 0x0005_0001),
        FilterInstruction(operation: 0x06, operand: 0x7fff_0000),
    ].flatMap(\.bytes)

    @Test("a wall is the filter's when the filter itself says so, else what the check's group says")
    func wall() throws {
        let refused = try output(mount("errno", 1))
        #expect(
            try EscapeResult(refused, filter: ProbedFilter(program: filter)).verdicts[0].outcome == .blocked(.seccomp))
        #expect(
            try EscapeResult(refused, filter: ProbedFilter(program: [])).verdicts[0].outcome == .blocked(.capability))
        let absent = try EscapeResult(try output(mount("errno", 38)), filter: ProbedFilter(program: filter))
        #expect(absent.verdicts[0].outcome == .blocked(.absent))
    }

    @Test("success, and a kernel that looked at the arguments, are open; too little of something is unknown")
    func outcomes() throws {
        func outcome(_ result: String, _ value: Int) throws -> EscapeOutcome {
            try EscapeResult(try output(mount(result, value)), filter: nil).verdicts[0].outcome
        }
        #expect(try outcome("open", 0) == .open)
        #expect(try outcome("errno", 22) == .open)
        #expect(try outcome("errno", 12) == .unknown)
        #expect(try outcome("unknown", 110) == .unknown)
        #expect(try outcome("signal", 9) == .unknown)
    }

    @Test("findings name the check, and what is open comes first")
    func findings() throws {
        let lines = try output(
            mount("errno", 1),
            #"{"check":"dev-mem","area":"devices","tried":"open","result":"open","value":0,"path":"/dev/mem"}"#
        )
        let findings = try EscapeResult(lines, filter: nil).findings(Subject(.probe, id: "canary"))
        #expect(findings.map(\.id.rawValue) == ["BH-PRB-dev-mem", "BH-PRB-mount-tmpfs"])
        #expect(findings.map(\.verdict) == [.finding, .pass])
        #expect(findings[0].severity == .critical)
        #expect(findings[0].evidence.contains { $0.value == "/dev/mem" })
    }

    @Test("every rule of the probe is found when its attempt gets through, and passes when a wall stops it")
    func everyRule() throws {
        let rules = EscapeCatalogue.rules
        #expect(rules.count > 650 && Set(rules.map(\.id)).count == rules.count)
        let subject = Subject(.probe, id: "canary")
        for rule in rules where rule.id != "BH-PRB-control" {
            let name = rule.id.rawValue.dropFirst("BH-PRB-".count)
            let area = try #require(rule.title.split(separator: "(").last?.split(separator: ")").first)
            func verdict(_ result: String) throws -> Finding? {
                let line = #"{"check":"\#(name)","area":"\#(area)","tried":"t",\#(result)}"#
                return try EscapeResult(try output(line), filter: nil).findings(subject).first
            }
            let open = try verdict(#""result":"open","value":0"#)
            #expect(open?.id == rule.id && open?.verdict == .finding && open?.severity == rule.severity, "\(rule.id)")
            #expect(open?.evidence.first?.source == "bulkhead-probe \(name)")
            let blockers = try #require(EscapeCatalogue.check(String(name), in: String(area))?.blockers)
            #expect(!blockers.isEmpty, "\(rule.id): nothing could ever block it")
        }
    }

    @Test("a control that opens nothing is no pass")
    func control() throws {
        let blind = try EscapeResult(try output(mount("errno", 1)), filter: nil)
        #expect(blind.controlFinding(Subject(.probe, id: "control")).verdict == .unknown)
        let weak = try EscapeResult(try output(mount("open", 0)), filter: nil)
        #expect(weak.controlFinding(Subject(.probe, id: "control")).verdict == .pass)
    }

    @Test(
        "what is not whole is refused",
        arguments: [
            "", "{}", #"{"probe":1,"user":0,"processor":"x86_64"}"#,
            #"{"probe":2,"user":0,"processor":"x86_64"}"# + "\n" + #"{"done":0}"#,
            #"{"probe":1,"user":0,"processor":"x86_64"}"# + "\n" + #"{"done":1}"#,
            #"{"probe":1,"user":0,"processor":"x86_64"}"# + "\nnot JSON\n" + #"{"done":1}"#,
            #"{"probe":1,"user":0,"processor":"x86_64"}"# + "\n"
                + #"{"check":"a","area":"mounts","tried":"b","result":"maybe","value":0}"# + "\n" + #"{"done":1}"#,
            #"{"probe":1,"user":0,"processor":"x86_64"}"# + "\n"
                + #"{"check":"a","area":"mounts","tried":"b","result":"open","value":0,"call":1,"arguments":["x"]}"#
                + "\n"
                + #"{"done":1}"#,
        ])
    func refused(_ text: String) {
        #expect { try ProbeOutput(text) } throws: { ($0 as? Failure)?.code == "probe.invalid-output" }
    }

    @Test("an area nobody knows is refused, not taken for blocked")
    func unknownArea() throws {
        let lines = try output(#"{"check":"a","area":"moon","tried":"b","result":"errno","value":1}"#)
        #expect { try EscapeResult(lines, filter: nil) } throws: { ($0 as? Failure)?.code == "probe.invalid-output" }
    }
}
