import ArgumentParser
import CommandOutput
import Diagnostics
import Testing

@testable import bulkhead_cluster

@Suite("What the program says of itself")
struct DescriptionTests {
    @Test("every command's help has an example")
    func examples() throws {
        func check(_ tree: CommandTree, _ path: String) {
            #expect(tree.discussion?.contains("Example") == true, "bulkhead \(path)")
            for command in tree.shown { check(command, "\(path) \(command.commandName)") }
        }
        for command in try CommandTree(of: BulkheadCluster.self).shown { check(command, command.commandName) }
    }

    @Test("every command is named where it is described: the parser would work its name out at each start")
    func names() {
        func check(_ type: any ParsableCommand.Type) {
            #expect(type.configuration.commandName != nil, "\(type)")
            for below in type.configuration.allSubcommands { check(below) }
        }
        check(BulkheadCluster.self)
    }

    @Test("the other program lists exactly these commands")
    func listed() throws {
        let shown = try CommandTree(of: BulkheadCluster.self).shown.map(\.commandName)
        #expect(Set(shown) == Set(ClusterCommand.allCases.map(\.rawValue)))
    }

    @Test("the split knows which of run's and exec's options stand alone", arguments: ["run", "exec"])
    func switches(_ name: String) throws {
        let tree = try #require(try CommandTree(of: BulkheadCluster.self).command("task")?.command(name))
        for option in tree.options {
            for name in option.names ?? [] where name.kind == .long {
                #expect(ArgumentGrammar.cluster.switches.contains(name.text) == (option.kind == .flag), "\(name.text)")
            }
        }
    }

    @Test(
        "completion offers commands, options and an option's values",
        arguments: [
            (["ta"], ["task"]), (["task", "ru"], ["run"]), (["task", "run", "--mem"], ["--memory"]),
            (["task", "ls", "--output", ""], ["table", "json"]), (["agent", "--attr"], ["--attributes"]),
        ])
    func completion(_ words: [String], _ expected: [String]) throws {
        #expect(Completion.candidates(words, in: try CommandTree(of: BulkheadCluster.self)) == expected)
    }

    @Test("a manual page has what the help has, and nothing a formatter would take for an order")
    func manual() throws {
        let tree = try #require(try CommandTree(of: BulkheadCluster.self).command("quota"))
        let pages = ManualPage.all(tree, path: ["bulkhead", "quota"])
        #expect(
            pages.map(\.name) == [
                "bulkhead-quota", "bulkhead-quota-get", "bulkhead-quota-set", "bulkhead-quota-remove",
            ])
        let text = pages[2].text
        #expect(text.hasPrefix(".TH \"BULKHEAD\\-QUOTA\\-SET\" 1"))
        #expect(text.contains("\\fB\\-\\-guarantee\\fR \\fIamounts\\fR") && text.contains(".SH EXAMPLES"))
    }

    @Test("credentials are read from a file of one of two forms, and from no other")
    func credentials() throws {
        #expect(
            try CredentialsFile.parse("{\"principal\": \"p\", \"secret\": \"s\"}", path: "f")
                == .basic(principal: "p", secret: "s"))
        #expect(try CredentialsFile.parse("{\"token\": \"t\"}", path: "f") == .bearer(token: "t"))
        for text in ["", "{}", "{\"principal\": \"p\"}", "{\"token\": \"t\", \"principal\": \"p\", \"secret\": \"s\"}"]
        {
            #expect(throws: Failure.self) { try CredentialsFile.parse(text, path: "f") }
        }
    }
}
