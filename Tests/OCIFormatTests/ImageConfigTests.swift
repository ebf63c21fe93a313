import Diagnostics
import OCIFormat
import Testing

@Suite("image configurations")
struct ImageConfigTests {
    @Test("every member that is honoured is read")
    func reads() throws {
        let text = Sample.config(
            #""Entrypoint":["/bin/sh","-c"],"Cmd":["true"],"Env":["PATH=/bin","EMPTY="],"WorkingDir":"/srv","#
                + #""User":"1000:staff","StopSignal":"SIGQUIT","Volumes":{"/data":{}},"#
                + #""ExposedPorts":{"80/tcp":{},"53/udp":{}},"#
                + #""Labels":{"a":"b"},"Healthcheck":{"Test":["CMD","true"],"Interval":1000000000,"#
                + #""Retries":3},"Shell":null"#
        )
        let config = try ImageConfig(parsing: Array(text.utf8))
        #expect(config.entrypoint == ["/bin/sh", "-c"])
        #expect(config.command == ["true"])
        #expect(config.environment == ["PATH=/bin", "EMPTY="])
        #expect(config.workingDirectory == "/srv")
        #expect(config.user == UserSpec(user: .id(1000), group: .name("staff")))
        #expect(config.stopSignal == "SIGQUIT")
        #expect(config.volumes == ["/data"])
        #expect(config.exposedPorts.map(\.description) == ["80/tcp", "53/udp"])
        #expect(config.labels == ["a": "b"])
        #expect(config.healthcheck?.retries == 3)
        #expect(config.platform == Platform(os: "linux", architecture: "amd64"))
        #expect(config.layers.map(\.description) == [Sample.digest])
    }

    @Test("a configuration that says nothing, and one with nulls, mean the defaults")
    func readsNothing() throws {
        let empty = try ImageConfig(parsing: Array(Sample.config("").utf8))
        let nulls = try ImageConfig(
            parsing: Array(
                Sample.config(#""Cmd":null,"Env":null,"User":"","WorkingDir":"","Volumes":null,"Labels":null"#).utf8))
        #expect(empty == nulls)
        #expect(empty.user == nil)
    }

    static let hostile: [HostileDocument] = [
        HostileDocument("Env as text", Sample.config(#""Env":"A=b""#), "image.document-type", field: "config.Env"),
        HostileDocument("Env of numbers", Sample.config(#""Env":[1]"#), "image.document-type", field: "config.Env[0]"),
        HostileDocument(
            "Env without =", Sample.config(#""Env":["A=1","B"]"#), "image.config-environment", field: "config.Env[1]"),
        HostileDocument(
            "Env without a name", Sample.config(#""Env":["=x"]"#), "image.config-environment", field: "config.Env[0]"),
        HostileDocument("Env with NUL", Sample.config(#""Env":["A=\u0000"]"#), "image.document-encoding", field: nil),
        HostileDocument(
            "Env of 200,000 entries",
            Sample.config(#""Env":["A=1""# + String(repeating: #","A=1""#, count: 199_999) + "]"),
            "image.document-too-many-entries", field: "config.Env"),
        HostileDocument(
            "one entry of 3 MiB", Sample.config(#""Env":["A=\#(String(repeating: "x", count: 3 << 20))"]"#),
            "image.document-text-too-long", field: "config.Env[0]"),
        HostileDocument(
            "2 MiB of entries",
            Sample.config(
                #""Env":["#
                    + Array(repeating: #""A=\#(String(repeating: "x", count: 100_000))""#, count: 21).joined(
                        separator: ",")
                    + "]"), "image.document-text-too-long", field: "config.Env"),
        HostileDocument("Cmd as text", Sample.config(#""Cmd":"sh""#), "image.document-type", field: "config.Cmd"),
        HostileDocument("User overflow", Sample.config(#""User":"4294967296""#), "user.invalid", field: "config.User"),
        HostileDocument("User -1", Sample.config(#""User":"-1""#), "user.invalid", field: "config.User"),
        HostileDocument("User as number", Sample.config(#""User":0"#), "image.document-type", field: "config.User"),
        HostileDocument(
            "Volumes with ..", Sample.config(#""Volumes":{"/a/../../x":{}}"#), "image.config-path",
            field: "config.Volumes"),
        HostileDocument(
            "relative Volumes", Sample.config(#""Volumes":{"data":{}}"#), "image.config-path", field: "config.Volumes"),
        HostileDocument(
            "Volumes as array", Sample.config(#""Volumes":["/a"]"#), "image.document-type", field: "config.Volumes"),
        HostileDocument(
            "WorkingDir above", Sample.config(#""WorkingDir":"/../etc""#), "image.config-path",
            field: "config.WorkingDir"),
        HostileDocument(
            "StopSignal", Sample.config(#""StopSignal":"SIGRTMIN+99""#), "image.config-stop-signal",
            field: "config.StopSignal"),
        HostileDocument(
            "StopSignal 65", Sample.config(#""StopSignal":"65""#), "image.config-stop-signal",
            field: "config.StopSignal"),
        HostileDocument(
            "port 0",
            Sample.config(#""ExposedPorts":{"0/tcp":{}}"#), "image.config-port", field: "config.ExposedPorts"),
        HostileDocument(
            "port 65536", Sample.config(#""ExposedPorts":{"65536":{}}"#), "image.config-port",
            field: "config.ExposedPorts"),
        HostileDocument(
            "port +80",
            Sample.config(#""ExposedPorts":{"+80":{}}"#), "image.config-port", field: "config.ExposedPorts"),
        HostileDocument(
            "Labels of numbers", Sample.config(#""Labels":{"a":1}"#), "image.document-type", field: "config.Labels.a"),
        HostileDocument(
            "Labels twice", Sample.config(#""Labels":{"a":"1","a":"2"}"#), "image.document-duplicate-member",
            field: "config.Labels.a"),
        HostileDocument(
            "Healthcheck kind", Sample.config(#""Healthcheck":{"Test":["RUN","x"]}"#), "image.config-healthcheck",
            field: "config.Healthcheck.Test"),
        HostileDocument(
            "Healthcheck below zero", Sample.config(#""Healthcheck":{"Interval":-1}"#), "image.config-healthcheck",
            field: "config.Healthcheck.Interval"),
        HostileDocument(
            "a variant that is a path", #"{"os":"linux","variant":"v8/../x"}"#, "image.platform-invalid",
            field: "variant"),
        HostileDocument(
            "an architecture with an escape", #"{"architecture":"\u001b[2J"}"#, "image.platform-invalid",
            field: "architecture"),
        HostileDocument(
            "a time that is none", #"{"created":"yesterday\u001b[2J"}"#, "image.config-time", field: "created"),
        HostileDocument("no rootfs", "{}", "image.document-member-missing", field: "rootfs"),
        HostileDocument(
            "rootfs type", #"{"rootfs":{"type":"disk","diff_ids":[]}}"#, "image.config-rootfs", field: "rootfs.type"),
        HostileDocument(
            "501 layers",
            #"{"rootfs":{"type":"layers","diff_ids":["#
                + Array(repeating: "\"\(Sample.digest)\"", count: 501).joined(separator: ",") + "]}}",
            "image.too-many-layers", field: "rootfs.diff_ids"),
        HostileDocument(
            "diff_id as path", #"{"rootfs":{"type":"layers","diff_ids":["../../etc"]}}"#, "image.digest-invalid",
            field: "rootfs.diff_ids[0]"),
        HostileDocument(
            "100,000 lines of history",
            #"{"rootfs":{"type":"layers"},"history":[{}"# + String(repeating: ",{}", count: 99_999) + "]}",
            "image.document-too-many-entries", field: "history"),
        HostileDocument(
            "history of text", #"{"rootfs":{"type":"layers"},"history":["x"]}"#, "image.document-type",
            field: "history[0]"),
        HostileDocument(
            "64 MiB", bytes: Array(repeating: UInt8(ascii: " "), count: 64 << 20), "image.document-too-large"),
    ]

    @Test("a hostile configuration is refused with the name of the member", arguments: hostile)
    func refuses(document: HostileDocument) {
        let failure = #expect(throws: Failure.self) { _ = try ImageConfig(parsing: document.content) }
        #expect(failure?.code.rawValue == document.code)
        if let field = document.field { #expect(failure?.field == field) }
    }

    @Test(
        "stop signals are names or numbers",
        arguments: ["TERM", "SIGTERM", "SIGRTMIN", "SIGRTMIN+3", "RTMAX-1", "1", "64"])
    func acceptsSignal(text: String) throws {
        #expect(try ImageConfig(parsing: Array(Sample.config(#""StopSignal":"\#(text)""#).utf8)).stopSignal == text)
    }

    @Test(
        "ranges of ports are read",
        arguments: [("8000-8010/udp", "8000-8010/udp"), ("443", "443/tcp"), ("9/sctp", "9/sctp")])
    func readsPort(text: String, expected: String) { #expect(ExposedPort(parsing: text)?.description == expected) }

    @Test("text that drives a terminal stays text and is escaped when shown")
    func escapesWhenShown() {
        let failure = #expect(throws: Failure.self) {
            _ = try ImageConfig(parsing: Array(Sample.config(#""StopSignal":"\u001b[2J\r\n""#).utf8))
        }
        #expect(failure?.description.unicodeScalars.allSatisfy { $0.value >= 0x20 } == true)
    }
}
