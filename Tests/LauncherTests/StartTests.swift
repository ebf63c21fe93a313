import Glibc
import LaunchPlanning
import LinuxKernel
import Testing

@Suite("starting a program")
struct StartTests {
    private func run(_ ending: [Step], before: [Step] = []) throws -> Outcome {
        var trial = Trial([])
        let output = try trial.pipe("out")
        trial.steps = before + [.standardStreams(input: nil, output: "out", error: "out")] + ending
        return try trial.run(output: output)
    }

    @Test("the program runs with its arguments and its environment, and its exit status is the launcher's")
    func programRuns() throws {
        let outcome = try run(
            Trial.ending(["busybox", "sh", "-c", "echo $0 $1 $COLOUR; exit 7", "zero", "one"],
                environment: ["COLOUR=blue", "PATH=/nowhere:/bin"]))
        #expect(outcome.output == "zero one blue\n")
        #expect(outcome.failure == nil)
        #expect(outcome.end == .exited(7))
    }

    @Test("a program that is not there ends with 127 and ENOENT", arguments: ["no-such-program", "/no/such/program"])
    func missingProgram(name: String) throws {
        let outcome = try run(Trial.ending([name]))
        #expect(outcome.failure == LauncherReport(kind: .failed, step: 2, error: ENOENT, detail: 0))
        #expect(outcome.end == .exited(127))
    }

    @Test(
        "a program that cannot be executed ends with 126 and the kernel's reason",
        arguments: [("/etc/passwd", EACCES), ("/etc", EACCES), ("/dev/null/x", ENOTDIR)])
    func unusableProgram(name: String, error: Int32) throws {
        let outcome = try run(Trial.ending([name]))
        #expect(outcome.failure == LauncherReport(kind: .failed, step: 2, error: error, detail: 0))
        #expect(outcome.end == .exited(126))
    }

    @Test("the task has descriptors 0, 1 and 2 and no other")
    func nothingLeaks() throws {
        // The listing itself holds 3 open.
        let outcome = try run(Trial.shell("ls /proc/self/fd"))
        #expect(outcome.output == "0\n1\n2\n3\n")
    }

    @Test("descriptors that are kept arrive as 3 and 4, the next is closed")
    func keptDescriptors() throws {
        var trial = Trial([])
        let first = try trial.pipe("first")
        let second = try trial.pipe("second")
        let output = try trial.pipe("out")
        trial.steps = [
            .standardStreams(input: nil, output: "out", error: "out"), .closeDescriptors(keep: 2),
            .execute(
                arguments: ["/bin/busybox", "sh", "-c", "echo one >&3; echo two >&4; ls /proc/self/fd"],
                environment: []),
        ]
        let outcome = try trial.run(output: output)
        #expect(outcome.output == "0\n1\n2\n3\n4\n5\n")
        #expect(try first.readAll(limit: 100) == Array("one\n".utf8))
        #expect(try second.readAll(limit: 100) == Array("two\n".utf8))
    }

    @Test("without the release nothing happens")
    func unreleased() throws {
        let root = try TestRoot()
        let trial = Trial([.makeDirectory("\(root.path)/made", mode: 0o755, uid: 0, gid: 0)] + Trial.shell("true"))
        let process: ProcessHandle
        do {
            let held = try trial.hold(bytes: PlanEncoder.encode(trial.plan))
            process = held.process
        }
        #expect(try process.reap() == .exited(126))
        #expect(!root.exists("made"))
    }

    @Test("a plan that could still be changed is refused")
    func unsealedPlan() throws {
        let trial = Trial(Trial.shell("true"))
        let held = try trial.hold(bytes: PlanEncoder.encode(trial.plan), sealed: false)
        try held.socket.sendMessage([UInt8(ascii: "R")])
        #expect(try held.reports().map(\.0.error) == [EPERM])
        #expect(try held.end() == .exited(126))
    }

    @Test("a broken plan is refused as a whole, before its first step")
    func brokenPlan() throws {
        let root = try TestRoot()
        let trial = Trial([.makeDirectory("\(root.path)/made", mode: 0o755, uid: 0, gid: 0)] + Trial.shell("true"))
        var bytes = try PlanEncoder.encode(trial.plan)
        bytes[bytes.count - 1] = 1
        let held = try trial.hold(bytes: bytes)
        try held.socket.sendMessage([UInt8(ascii: "R")])
        let refusal = LauncherReport(kind: .failed, step: .max - 1, error: EBADMSG, detail: 2)
        #expect(try held.reports().map(\.0) == [refusal])
        #expect(try held.end() == .exited(126))
        #expect(!root.exists("made"))
    }

    @Test("a wrong release is refused")
    func wrongRelease() throws {
        let trial = Trial(Trial.shell("true"))
        let held = try trial.hold(bytes: PlanEncoder.encode(trial.plan))
        try held.socket.sendMessage([UInt8(ascii: "X")])
        #expect(try held.reports().map(\.0.step) == [.max - 2])
        #expect(try held.end() == .exited(126))
    }
}
