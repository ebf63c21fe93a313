import Diagnostics
import Testing

@testable import RuntimeSpec

@Suite("config.json of a bundle")
struct ConfigurationTests {
    static func parse(_ text: String) throws -> RuntimeConfiguration {
        try RuntimeConfiguration(parsing: Array(text.utf8))
    }

    @Test("the template reads as what it says")
    func template() throws {
        let configuration = try Self.parse(SpecTemplate.document(rootless: false).text)
        #expect(configuration.process?.arguments == ["sh"])
        #expect(configuration.process?.noNewPrivileges == true)
        #expect(configuration.root == RootSpec(path: "rootfs", isReadOnly: true))
        #expect(configuration.linux.namespaces.map(\.type) == ["pid", "network", "ipc", "uts", "mount", "cgroup"])
        #expect(configuration.mounts.map(\.destination).first == "/proc")
        let rootless = try Self.parse(SpecTemplate.document(rootless: true).text)
        #expect(rootless.linux.users == [IDMapSpec(inside: 0, outside: 0, count: 1)])
    }

    @Test("fields nobody knows are tolerated, as the specification demands")
    func unknownFields() throws {
        let text = #"{"ociVersion":"1.2.0-dev","x":1,"process":{"cwd":"/","y":[]},"linux":{"z":{}}}"#
        #expect(try Self.parse(text).process?.workingDirectory == "/")
    }

    @Test(
        "what cannot be meant is refused, with the field",
        arguments: [
            (#"{"process":{"cwd":"/"}}"#, "ociVersion"),
            (#"{"ociVersion":"2.0.0"}"#, "ociVersion"),
            (#"{"ociVersion":"1.0.0","process":{"cwd":"/","args":"sh"}}"#, "process.args"),
            (#"{"ociVersion":"1.0.0","process":{"cwd":"/","args":["a",1]}}"#, "process.args[1]"),
            (#"{"ociVersion":"1.0.0","process":{"cwd":"x"}}"#, "process.cwd"),
            (#"{"ociVersion":"1.0.0","process":{"cwd":"/","user":{"uid":-1}}}"#, "process.user.uid"),
            (#"{"ociVersion":"1.0.0","process":{"cwd":"/","user":{"uid":4294967296}}}"#, "process.user.uid"),
            (
                #"{"ociVersion":"1.0.0","process":{"cwd":"/","capabilities":{"bounding":["CAP_X"]}}}"#,
                "process.capabilities.bounding"
            ),
            (
                #"{"ociVersion":"1.0.0","process":{"cwd":"/","rlimits":[{"type":"RLIMIT_CPU","soft":2,"hard":1}]}}"#,
                "process.rlimits[0].soft"
            ),
            (#"{"ociVersion":"1.0.0","process":{"cwd":"/","oomScoreAdj":1001}}"#, "process.oomScoreAdj"),
            (#"{"ociVersion":"1.0.0","mounts":[{"type":"proc"}]}"#, "mounts[0].destination"),
            (#"{"ociVersion":"1.0.0","hooks":{"prestart":[{"path":"bin/x"}]}}"#, "hooks.prestart[0].path"),
            (#"{"ociVersion":"1.0.0","hooks":{"poststop":[{"path":"/x","timeout":0}]}}"#, "hooks.poststop[0].timeout"),
            (#"{"ociVersion":"1.0.0","linux":{"namespaces":[{"type":"x"}]}}"#, "linux.namespaces[0].type"),
            (
                #"{"ociVersion":"1.0.0","linux":{"namespaces":[{"type":"pid"},{"type":"pid"}]}}"#,
                "linux.namespaces[1].type"
            ),
            (#"{"ociVersion":"1.0.0","linux":{"intelRdt":{"closID":"a"}}}"#, "linux.intelRdt"),
            (#"{"ociVersion":"1.0.0","linux":{"devices":[{"path":"/d","type":"x"}]}}"#, "linux.devices[0].type"),
            (#"{"ociVersion":"1.0.0","linux":{"resources":{"unified":{"../x":"1"}}}}"#, "linux.resources.unified"),
            (#"{"ociVersion":"1.0.0","linux":{"timeOffsets":{"real":{"secs":1}}}}"#, "linux.timeOffsets.real"),
        ])
    func refusals(_ text: String, field: String) {
        #expect { try Self.parse(text) } throws: {
            let failure = $0 as? Failure
            return failure?.code == "bundle.config-invalid" && failure?.field == field
        }
    }

    @Test("a capability has the kernel's own name, and there is no word for all", arguments: ["ALL", "all", "CAP_ALL",
        "net_admin", "NET_ADMIN"])
    func capabilities(_ name: String) throws {
        let text = #"{"ociVersion":"1.0.0","process":{"cwd":"/","capabilities":{"effective":["\#(name)"]}}}"#
        let failure = #expect(throws: Failure.self) { try Self.parse(text) }
        #expect(failure?.field == "process.capabilities.effective")
        #expect(failure?.description.contains("or ALL") == false, "\(failure?.description ?? "")")
    }

    @Test("a refusal names the document it is about")
    func documents() throws {
        let object = try SpecObject(parsing: Array(#"{"cwd":"/","user":{"uid":"x"}}"#.utf8), document: "/p.json")
        let failure = #expect(throws: Failure.self) { try ProcessSpec(object) }
        #expect(failure?.doing == "use /p.json" && failure?.field == "user.uid")
    }

    @Test("a weight of 0 is none, as Docker writes it")
    func noWeight() throws {
        let text = #"{"ociVersion":"1.0.2","linux":{"resources":{"blockIO":{"weight":0,"leafWeight":0}}}}"#
        #expect(try Self.parse(text).linux.resources.disks == ResourceSpec.Disks())
    }

    @Test("the name of an annotation is not empty")
    func annotations() throws {
        #expect(throws: Failure.self) { try Self.parse(#"{"ociVersion":"1.0.2","annotations":{"":"x"}}"#) }
    }

    @Test("times are written as RFC 3339 has them")
    func timestamps() {
        #expect(Timestamp.text(seconds: 0, nanoseconds: 0) == "1970-01-01T00:00:00Z")
        #expect(Timestamp.text(seconds: 951_782_400, nanoseconds: 5) == "2000-02-29T00:00:00.000000005Z")
        #expect(Timestamp.text(seconds: 1_798_761_599, nanoseconds: 0) == "2026-12-31T23:59:59Z")
        #expect(Timestamp.text(seconds: -1, nanoseconds: 0) == "1969-12-31T23:59:59Z")
    }

    @Test(
        "lists of processors are read as the kernel writes them",
        arguments: [
            ("", []), ("0", [0]), ("0-3,8", [0, 1, 2, 3, 8]), ("5,1-2,2", [1, 2, 5]), ("9", nil), ("0-9", nil),
            ("3-1", nil), ("1,", nil), ("-1", nil), ("1-2-3", nil), ("x", nil), ("+1", nil), ("-", nil),
        ] as [(String, [Int]?)])
    func numberLists(_ text: String, _ numbers: [Int]?) {
        #expect(NumberList.numbers(text, below: 9) == numbers)
    }

    @Test("a set of numbers is a bit each")
    func words() {
        #expect(NumberList.words([]) == [])
        #expect(NumberList.words([0, 3]) == [9])
        #expect(NumberList.words([64]) == [0, 1])
    }

    @Test("what JSON must not hold bare is escaped")
    func escapes() {
        #expect(SpecValue.string("a\"\\\n\r\t\u{1}\u{1f}ü").text == #""a\"\\\n\r\t\u0001\u001fü""#)
        #expect(SpecValue.array([[], [:], [1, true, .null]]).text == "[[],{},[1,true,null]]")
        #expect(SpecValue.object(["a": [1], "b": []]).pretty(indent: " ") == "{\n \"a\": [\n  1\n ],\n \"b\": []\n}")
    }

    @Test("the state has what hooks are promised")
    func state() {
        let state = RuntimeState(
            id: "a\"b", status: .created, process: 7, bundle: "/b", annotations: ["k": "v"])
        #expect(
            state.document.text
                == #"{"ociVersion":"1.3.0","id":"a\"b","pid":7,"status":"created","#
                + #""bundle":"/b","annotations":{"k":"v"}}"#)
    }
}
