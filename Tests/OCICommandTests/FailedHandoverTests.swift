import LinuxKernel
import RuntimeSpec
import Testing

@Suite("a process that cannot be handed over to whoever asked for it")
struct FailedHandoverTests {
    @Test(
        "exec leaves none behind when it cannot tell of it",
        arguments: [
            ["--pid-file", "/nonexistent/pid"], ["--pidfd-socket", "/nonexistent"],
            ["--tty", "--console-socket", "/nonexistent"],
        ])
    func exec(options: [String]) throws {
        let bundle = try TestBundle { TestBundle.set(&$0, ["process", "args"], ["sleep", "600"]) }
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let before = try bundle.call("ps", "--format", "json", TestBundle.id).output
        let answer = try ProgramAnswer.of(
            TestBundle.program,
            ["--root", "\(bundle.place)/state", "exec", "--detach"] + options + [TestBundle.id, "sleep", "600"],
            environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "PATH=/usr/bin:/bin"])
        #expect(answer.status == 255)
        #expect(answer.errors.contains("/nonexistent"), "\(answer.errors)")
        #expect(try bundle.call("ps", "--format", "json", TestBundle.id).output == before)
        #expect(try bundle.state().string("status") == "running")
        try bundle.remove()
    }

    /// Runs a program at a terminal, and says how it ended and whether the terminal is as it was.
    private static let atTerminal = """
        import pty, subprocess, sys, termios
        master, slave = pty.openpty()
        before = termios.tcgetattr(slave)
        end = subprocess.run(
            sys.argv[1:], stdin=slave, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print(end.returncode, termios.tcgetattr(slave) == before)
        """

    @Test("whatever fails while run has the terminal, the caller gets it back as it was")
    func terminal() throws {
        for (hooks, status) in [(["path": "/nonexistent"], 1), (nil, 0)] as [(SpecValue?, Int)] {
            let bundle = try TestBundle.running("true") { members in
                TestBundle.set(&members, ["process", "terminal"], true)
                if let hooks { members["hooks"] = ["startContainer": [hooks]] }
            }
            let answer = try ProgramAnswer.of(
                "/usr/bin/python3",
                [
                    "-c", Self.atTerminal, TestBundle.program, "--root", "\(bundle.place)/state", "run", "--bundle",
                    bundle.place, TestBundle.id,
                ], environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "PATH=/usr/bin:/bin"])
            #expect(answer.output == "\(status) True\n", "\(answer.errors)")
            try bundle.remove()
        }
    }
}
