import Containers
import Diagnostics
import LinuxKernel
import Testing

@Suite("Sessions with containers, with every containerizer")
struct SessionChecks {
    @Test("a process that joins is in the container, and says how it ended", arguments: Implementation.allCases)
    func exec(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("sleep 100000") { $0.isolation.hostname = "inside" }
            let session = try await stage.containerizer.exec(
                launch.id,
                ExecRequest(
                    arguments: ["/bin/sh", "-c", "hostname; echo $COLOR; pwd; echo wrong >&2; exit 7"],
                    environment: ["COLOR=plum"], workingDirectory: "/tmp"))
            let said = try await session.rest()
            #expect(said.output == "inside\nplum\n/tmp\n")
            #expect(said.error == "wrong\n")
            #expect(try await session.wait() == 7)
            #expect(try await !session.signal(15))
            await session.close()
            #expect(try await stage.containerizer.status(launch.id)?.state == .running)
        }
    }

    @Test("what is written to a process that joined arrives, and so does the end", arguments: Implementation.allCases)
    func execInput(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("sleep 100000")
            let session = try await stage.containerizer.exec(
                launch.id, ExecRequest(arguments: ["/bin/cat"], interactive: true))
            let text = String(repeating: "a line that is not short\n", count: 20_000)
            async let written = session.write(Array(text.utf8))
            var received = ""
            while received.utf8.count < text.utf8.count, case .output(let bytes)? = try await session.read() {
                received += String(decoding: bytes, as: UTF8.self)
            }
            #expect(try await written)
            await session.closeInput()
            #expect(received == text)
            #expect(try await session.rest().output.isEmpty)
            #expect(try await session.wait() == 0)
        }
    }

    @Test("a session that is closed ends its process", arguments: Implementation.allCases)
    func closed(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("sleep 100000")
            let session = try await stage.containerizer.exec(
                launch.id, ExecRequest(arguments: ["/bin/sh", "-c", "echo there; exec sleep 100000"]))
            #expect(try await session.read(until: "there\n") == "there\n")
            await session.close()
            await session.close()
            #expect(try await session.wait() == 137)
        }
    }

    @Test("a process gets signals through its session", arguments: Implementation.allCases)
    func signalled(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("sleep 100000")
            let session = try await stage.containerizer.exec(
                launch.id, ExecRequest(arguments: ["/bin/sleep", "100000"]))
            #expect(try await session.signal(15))
            #expect(try await session.wait() == 143)
            await session.close()
        }
    }

    @Test("a terminal has the size it was given, and the one it is given later", arguments: Implementation.allCases)
    func terminal(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("sleep 100000")
            let first = implementation.terminalHasSizeAtFirst ? "" : "until stty size | grep -q 31; do :; done; "
            let session = try await stage.containerizer.exec(
                launch.id,
                ExecRequest(
                    arguments: ["/bin/sh", "-c", first + "stty size; read line; stty size; echo $line"],
                    terminal: TerminalRequest(rows: 31, columns: 97), interactive: true))
            #expect(try await session.read(until: "31 97").contains("31 97"))
            try await session.resize(rows: 20, columns: 70)
            #expect(try await session.write(Array("typed\n".utf8)))
            let rest = try await session.rest().output
            #expect(rest.contains("20 70"))
            #expect(rest.contains("typed"))
            #expect(try await session.wait() == 0)
            await session.close()
        }
    }

    @Test(
        "a program that is not there cannot join, and one that has ended cannot be joined",
        arguments: Implementation.allCases)
    func refused(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let containerizer = stage.containerizer
            let launch = try await stage.started("sleep 100000")
            await #expect(throws: Failure.self) {
                try await containerizer.exec(launch.id, ExecRequest(arguments: ["/bin/nothing"]))
            }
            _ = try await containerizer.kill(launch.id, signal: 9)
            _ = try await containerizer.wait(launch.id)
            await #expect(throws: Failure.self) {
                try await containerizer.exec(launch.id, ExecRequest(arguments: ["/bin/true"]))
            }
            #expect(try await containerizer.attach(launch.id) == nil)
        }
    }

    @Test("whoever attaches hears what is said from then on, and can answer", arguments: Implementation.allCases)
    func attached(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("read line; echo heard $line; echo aside >&2; exit 3") {
                $0.interactive = true
            }
            let first = try #require(try await stage.containerizer.attach(launch.id))
            let second = try #require(try await stage.containerizer.attach(launch.id))
            #expect(try await first.write(Array("you\n".utf8)))
            for session in [first, second] {
                let said = try await session.rest()
                #expect(said.output == "heard you\n")
                #expect(said.error == "aside\n")
                #expect(try await session.wait() == 3)
                #expect(try await !session.signal(9))
                await session.close()
            }
        }
    }

    @Test("a task with a terminal can be attached to", arguments: Implementation.allCases)
    func attachedTerminal(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("read line; stty size; echo got $line; exit 0") {
                $0.terminal = TerminalRequest(rows: 10, columns: 44)
                $0.interactive = true
            }
            let session = try #require(try await stage.containerizer.attach(launch.id))
            try await session.resize(rows: 12, columns: 55)
            #expect(try await session.write(Array("it\n".utf8)))
            let said = try await session.rest().output
            #expect(said.contains("12 55"))
            #expect(said.contains("got it"))
            await session.close()
        }
    }
}
