import CommandOutput
import Diagnostics
import LinuxKernel
import Testing

@testable import bulkhead

@Suite("Handing the cluster's commands over")
struct HandOverTests {
    private let program: TestProgram

    init() throws { program = try TestProgram() }

    /// A program that only says what it was given.
    private func echo() throws -> String {
        let path = program.scratch + "/cluster"
        try HostScript.write("#!/bin/sh\nprintf '<%s>' \"$@\"\nexit 7\n", to: path)
        return path
    }

    @Test(
        "the other program gets the same words, and its status is ours",
        arguments: [
            (["task", "ls"], "<task><ls>"), (["task", "--help"], "<task><--help>"), (["help", "task"], "<help><task>"),
            (["--output", "json", "task", "ls"], "<task><ls><--output><json>"),
            (["task", "run", "box", "sh", "-c", "a b"], "<task><run><box><sh><-c><a b>"), (["local"], "<local>"),
        ])
    func words(_ line: [String], _ expected: String) throws {
        let outcome = try program.run(line, variables: ["BULKHEAD_CLUSTER=\(try echo())"])
        #expect(outcome.output == expected && outcome.status == 7, "\(outcome)")
    }

    @Test("what is not the cluster's stays here", arguments: [["--help"], ["help"], ["help", "run"], ["version"]])
    func ours(_ line: [String]) throws {
        let outcome = try program.run(line, variables: ["BULKHEAD_CLUSTER=\(try echo())"])
        #expect(outcome.status == 0 && !outcome.output.hasPrefix("<"))
    }

    @Test("a missing sibling is said, with where it was looked for")
    func missing() throws {
        let outcome = try program.run(["task", "ls"], variables: ["BULKHEAD_CLUSTER=/no/such/program"])
        #expect(outcome.status == 125)
        #expect(
            outcome.error
                == "bulkhead: cannot find the program bulkhead-cluster: it is not at /no/such/program; run "
                + "'make build' or 'make install', or name it in BULKHEAD_CLUSTER\n")
    }

    @Test("the help lists every command that is handed over")
    func listed() {
        #expect(HandOver.commands.map { $0._commandName } == ClusterCommand.allCases.map(\.rawValue))
    }
}
