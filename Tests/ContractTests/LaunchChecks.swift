import Containers
import Diagnostics
import LinuxKernel
import Testing

@Suite("What every containerizer launches")
struct LaunchChecks {
    @Test("a task runs to its end and its exit code is known", arguments: Implementation.allCases)
    func exitCode(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            for code in [0, 3, 127] as [Int32] {
                let launch = try await stage.started("exit \(code)")
                let exit = try #require(try await stage.containerizer.wait(launch.id))
                #expect(exit.code == code)
                #expect(exit.reason == .ended)
                #expect(exit.signal == nil)
            }
        }
    }

    @Test("one id is launched once, while it runs and after its end", arguments: Implementation.allCases)
    func twice(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("sleep 100000")
            #expect(try await stage.containerizer.launch(launch) == .alreadyLaunched)
            #expect(try await stage.containerizer.kill(launch.id, signal: 9))
            _ = try await stage.containerizer.wait(launch.id)
            #expect(try await stage.containerizer.launch(launch) == .alreadyLaunched)
            _ = try await stage.containerizer.destroy(launch.id)
            #expect(try await stage.containerizer.launch(launch) == .launched)
        }
    }

    @Test("what a task says is in the files that were asked for", arguments: Implementation.allCases)
    func output(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let outcome = try await stage.outcome(stage.script("echo one; echo two >&2; echo three; exit 4"))
            #expect(outcome.exit?.code == 4)
            #expect(outcome.output == "one\nthree\n")
            #expect(outcome.error == "two\n")
        }
    }

    // crun gives the streams it is started with to the container's root, the host's null device with them.
    @Test("the host's null device stays the host's", arguments: Implementation.allCases)
    func nullDevice(_ implementation: Implementation) async throws {
        let null = try OwnedDescriptor.open(RawPath("/dev/null"), [.writeOnly])
        let before = try null.status()
        try #require(before.uid == 0 && before.gid == 0)
        try await implementation.run { stage in
            let outcome = try await stage.outcome(stage.script("exit 0"))
            #expect(outcome.exit?.code == 0)
            let after = try null.status()
            #expect(after == before)
        }
    }

    @Test("environment, directory, user and host name are as asked", arguments: Implementation.allCases)
    func surroundings(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let script = "echo $COLOR; pwd; id -u; hostname"
            let outcome = try await stage.outcome(
                stage.script(script) {
                    $0.environment = ["COLOR=teal"]
                    $0.workingDirectory = "/tmp"
                    $0.user = "1234:1234"
                    $0.isolation.hostname = "box"
                })
            #expect(outcome.output == "teal\n/tmp\n1234\nbox\n")
        }
    }

    @Test("words are executed as they are, the first being the program's own name", arguments: Implementation.allCases)
    func words(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = stage.launch(.execute(path: "/bin/sh", arguments: ["sh", "-c", "echo \"$0 $1\"", "a  b", "c"]))
            let outcome = try await stage.outcome(launch)
            #expect(outcome.output == "a  b c\n")
        }
    }

    @Test("a program that is not there is refused in words, and nothing is left", arguments: Implementation.allCases)
    func missingProgram(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = stage.launch(.execute(path: "/bin/nothing", arguments: ["nothing"]))
            let failure = await #expect(throws: Failure.self) { try await stage.containerizer.launch(launch) }
            #expect(failure?.code == "launch.program-not-found")
            let status = try await stage.containerizer.status(launch.id)
            #expect(status == nil)
            #expect(try await stage.containerizer.containers().isEmpty)
        }
    }

    @Test("an image that is not there is another containerizer's, perhaps", arguments: Implementation.allCases)
    func missingImage(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = stage.script("true") { $0.root = .image("no-such-image:ever") }
            guard case .notSupported(let failure) = try await stage.containerizer.launch(launch) else {
                Issue.record("it was launched")
                return
            }
            #expect(failure.code == "image.not-found")
            #expect(try await stage.containerizer.status(launch.id) == nil)
        }
    }

    @Test(
        "a volume shows the host's directory, one that is read-only cannot be written",
        arguments: Implementation.allCases)
    func volumes(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            for name in ["shared", "sealed"] { try Directories.makeAll("\(stage.directory)/\(name)", mode: 0o777) }
            let script = "echo kept > /shared/file; echo lost > /sealed/file || echo refused"
            let outcome = try await stage.outcome(
                stage.script(script) {
                    $0.volumes = [
                        VolumeRequest(source: "\(stage.directory)/shared", target: "/shared"),
                        VolumeRequest(source: "\(stage.directory)/sealed", target: "/sealed", readOnly: true),
                    ]
                })
            #expect(outcome.output == "refused\n")
            #expect(try stage.text(OutputFile(path: "\(stage.directory)/shared/file")) == "kept\n")
            #expect(!HostFacts.exists("\(stage.directory)/sealed/file"))
        }
    }

    @Test("twenty launches at once all run, and all end", arguments: Implementation.allCases)
    func manyAtOnce(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launches = (0..<20).map { number in stage.script("exit \(number)") }
            let containerizer = stage.containerizer
            let codes = try await withThrowingTaskGroup(of: (Int, Int32?).self) { group in
                for (number, launch) in launches.enumerated() {
                    group.addTask {
                        #expect(try await containerizer.launch(launch) == .launched)
                        return (number, try await containerizer.wait(launch.id)?.code)
                    }
                }
                return try await group.reduce(into: [Int: Int32?]()) { $0[$1.0] = $1.1 }
            }
            for number in 0..<20 { #expect(codes[number] == Int32(number)) }
            #expect(try await stage.containerizer.containers() == launches.map(\.id).sorted())
        }
    }
}
