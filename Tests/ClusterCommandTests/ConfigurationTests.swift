import CommandOutput
import Diagnostics
import Testing

@testable import bulkhead_cluster

@Suite("Configuration")
struct ConfigurationTests {
    private func settings(
        _ command: [String], _ flags: [String] = [], environment: [(name: String, value: String)] = [],
        file: String = ""
    ) throws -> (settings: [Configuration.Setting], arguments: [String]) {
        let tree = try CommandTree(of: BulkheadCluster.self)
        let configuration = try #require(Configuration(command: command, in: tree))
        let settings = try configuration.settings(
            flags: flags, environment: environment, file: try ConfigurationFile.parse(file, path: "/c.yaml"),
            sections: tree.shown.map(\.commandName))
        return (settings, try configuration.arguments(settings))
    }

    @Test("the command line goes before the environment, that before the file")
    func precedence() throws {
        let file = "master:\n  port: 1\n  ip: 10.0.0.1\n  work-dir: /w\n"
        let environment = [(name: "BULKHEAD_MASTER_PORT", value: "2"), (name: "BULKHEAD_MASTER_IP", value: "10.0.0.2")]
        let (settings, arguments) = try settings(["master"], ["--port", "3"], environment: environment, file: file)
        func setting(_ key: String) -> Configuration.Setting? { settings.first { $0.key == key } }
        #expect(setting("port") == .init(key: "port", values: ["3"], origin: .commandLine))
        #expect(setting("ip") == .init(key: "ip", values: ["10.0.0.2"], origin: .environment("BULKHEAD_MASTER_IP")))
        #expect(setting("work-dir") == .init(key: "work-dir", values: ["/w"], origin: .file("/c.yaml", line: 4)))
        #expect(Set(arguments) == ["--ip=10.0.0.2", "--work-dir=/w"])
    }

    @Test("lists become repeated options, truth words switches, and what the user gives replaces a whole list")
    func lists() throws {
        let file = "agent:\n  host-path: [/a, '/b:rw']\n  allow-host-network: true\n  allow-privileged: false\n"
        #expect(
            try settings(["agent"], file: file).arguments.sorted()
                == ["--allow-host-network", "--host-path=/a", "--host-path=/b:rw"])
        #expect(
            try settings(["agent"], ["--host-path", "/c"], file: file).arguments == ["--allow-host-network"])
    }

    @Test("clients share a section and a variable, and a command's own section goes before them")
    func clients() throws {
        let file = "client:\n  master: http://c:1\ntask:\n  cpus: 2\n"
        #expect(try settings(["state"], file: file).arguments == ["--master=http://c:1"])
        #expect(try settings(["task", "run"], file: file).arguments == ["--cpus=2", "--master=http://c:1"])
        #expect(try settings(["task", "ls"], file: file).arguments == ["--master=http://c:1"])
        let variable = [(name: "BULKHEAD_MASTER", value: "http://e:1")]
        #expect(try settings(["state"], environment: variable, file: file).arguments == ["--master=http://e:1"])
        #expect(try settings(["local"], environment: variable, file: file).arguments.isEmpty)
    }

    @Test(
        "what means nothing is refused with its line",
        arguments: [
            ("masters:\n  port: 1\n", "line 1: there is no section 'masters'"),
            ("local:\n  port: 1\nmaster:\n  prot: 1\n", "line 4: the section 'master' has no option 'prot'"),
            ("master:\n  port: {a: b}\n", "line 2: 'port' is neither a value nor a list of values"),
            ("master:\n  port: 1\n  port: 2\n", nil),
            ("- master\n", "line 1: it has no sections"),
            ("client:\n  port: 1\n", "line 2: the section 'client' has no option 'port'"),
        ] as [(String, String?)])
    func refusals(_ file: String, _ cause: String?) throws {
        let failure = #expect(throws: Failure.self) { try settings(["master"], file: file) }
        if let cause { #expect(failure?.cause == cause) }
    }

    @Test("a variable that no option has is refused, and other commands' variables are none of ours")
    func variables() throws {
        let failure = #expect(throws: Failure.self) {
            try settings(["master"], environment: [(name: "BULKHEAD_MASTER_PROT", value: "1")])
        }
        #expect(failure?.field == "BULKHEAD_MASTER_PROT")
        #expect(try settings(["master"], environment: [(name: "BULKHEAD_AGENT_X", value: "1")]).arguments.isEmpty)
    }

    @Test(
        "a section whose lines are comments is empty, as is an empty file",
        arguments: ["", "# x\n", "master:\n# port: 1\n"])
    func empty(_ text: String) throws { #expect(try settings(["master"], file: text).arguments.isEmpty) }

    @Test(
        "short options count as given, alone and in clusters", arguments: [["-m", "64m"], ["-m64m"], ["-itm", "64m"]])
    func short(_ flags: [String]) throws {
        #expect(try settings(["task", "run"], flags, file: "task:\n  memory: 1g\n").arguments.isEmpty)
    }
}
