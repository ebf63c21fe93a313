import Diagnostics
import LinuxKernel
import Testing

/// What is around a command and not as usual: streams of strangers, locks that are held, files and programs that are
/// not there.
@Suite("Surroundings")
struct SurroundingsTests {
    private let program: TestProgram

    init() throws {
        program = try TestProgram()
        try program.importImage()
    }

    @Test("a pipe of the host is copied to the task and never given to it", arguments: ["< $pipe", "<&4"])
    func hostPipe(_ input: String) throws {
        let script =
            "pipe=\(program.scratch)/pipe; mkfifo $pipe; exec 4<>$pipe; echo hello >&4; stat -L -c %i $pipe; "
            + "exec /proc/self/fd/3 run --rm -i box busybox sh -c "
            + "'read said; echo $said; cd /proc/self/fd; busybox stat -L -c %i 0; busybox readlink 0' \(input)"
        let outcome = try program.runThrough("/bin/sh", ["-c", script])
        let lines = outcome.output.split(separator: "\n").map(String.init)
        try #require(lines.count == 4, "\(outcome)")
        #expect(lines[1] == "hello")
        #expect(lines[2] != lines[0], "the task has the host's own pipe")
        #expect(lines[3] == "pipe:[\(lines[2])]")
    }

    @Test("an interrupt ends a run that still waits for the store, and nothing is left")
    func interruptWhileWaiting() throws {
        #expect(try program.run("ps", "-aq").status == 0)
        let lock = try OwnedDescriptor.open(
            RawPath(program.scratch + "/state/launching"), [.readWrite, .create], mode: 0o600)
        #expect(try lock.lock(exclusive: true, wait: true))
        let started = try program.start("run", "--rm", "box", "echo", "never")
        let deadline = Deadline(seconds: 120)
        while try !isWaiting(started.process.id) {
            try #require(!deadline.hasPassed, "it does not wait for the lock")
        }
        try started.process.signal(SignalNumber.interrupt)
        try #require(try started.process.waitForEnd(milliseconds: 120_000), "it does not end")
        let outcome = try started.outcome()
        #expect(outcome.status == 128 + SignalNumber.interrupt && outcome.output.isEmpty)
        try lock.unlock()
        #expect(try program.run("ps", "-aq").output.isEmpty)
        #expect(try program.run("image", "rm", "box").status == 0, "no lease is left")
    }

    /// Whether a process waits for a lock on a file; see proc_locks(5).
    private func isWaiting(_ process: Int32) throws -> Bool {
        try TextFile.read("/proc/locks", limit: 1 << 20).split(separator: "\n").contains { line in
            line.contains("->") && line.split(separator: " ").contains("\(process)")
        }
    }

    @Test("commands with a state of their own leave what others have in the same store")
    func otherState() throws {
        let id = try program.run("run", "-d", "--name", "kept", "box", "sleep", "100000").output.dropLast()
        #expect(try program.run("image", "mount", "box").status == 0)
        #expect(try program.run("ps", "-aq", "--state", program.scratch + "/other").output.isEmpty)
        #expect(HostFacts.exists(program.scratch + "/other/swept"), "it went through everything")
        #expect(HostFacts.exists("\(program.scratch)/store/containers/\(id)/upper"))
        let leases = try OwnedDescriptor.open(RawPath(program.scratch + "/store/leases"), [.directory]).entries()
        #expect(leases.count == 2, "\(leases.map(\.name))")
        #expect(try program.run("image", "unmount", "box").status == 0)
        #expect(try program.run("rm", "-f", "kept").status == 0)
        #expect(try program.run("image", "rm", "box").status == 0, "no lease is left")
    }

    @Test("a container whose name file is lost is still found by its name")
    func lostName() throws {
        let id = try program.run("run", "-d", "--name", "lost", "box", "sleep", "1000").output.dropLast()
        let names = try OwnedDescriptor.open(RawPath(program.scratch + "/state/names"), [.directory])
        try names.unlink("lost")
        #expect(try program.run("exec", "lost", "echo", "found").output == "found\n")
        #expect(try program.run("exec", String(id.prefix(6)), "echo", "found").output == "found\n")
        #expect(try program.run("rm", "-f", "lost").output == "lost\n")
        #expect(try program.run("ps", "-aq").output.isEmpty)
    }

    @Test("removing what does not exist fails, and by force is said only")
    func removeUnknown() throws {
        let refused = try program.run("rm", "nobody")
        #expect(refused.status == 125 && refused.error.hasPrefix("bulkhead: cannot find container nobody: "))
        let forced = try program.run("rm", "--force", "nobody")
        #expect(forced.status == 0 && forced.output.isEmpty)
        #expect(forced.error == "bulkhead: there is no container nobody\n")
    }

    @Test("what launches nothing needs no launcher, and what imports nothing no unpacker")
    func missingPrograms() throws {
        _ = try program.run("run", "-d", "--name", "alone", "box", "sh", "-c", "echo up; exec sleep 1000")
        func without(_ line: String) throws -> TestProgram.Outcome {
            let places = "BULKHEAD_LAUNCHER=/nowhere/launch BULKHEAD_UNPACK=/nowhere/unpack"
            return try program.runThrough("/bin/sh", ["-c", "\(places) exec /proc/self/fd/3 \(line)"])
        }
        for line in [
            "ps", "inspect alone", "logs alone", "stats --no-stream alone", "pause alone", "unpause alone",
            "run --explain box true", "image ls", "stop -t 1 alone", "wait alone", "rm alone", "image rm box",
        ] {
            let outcome = try without(line)
            #expect(outcome.status == 0, "\(line): \(outcome.error)")
        }
        try program.importImage()
        let run = try without("run --rm box true")
        #expect(run.status == 125)
        #expect(
            run.error == "bulkhead: cannot find the program bulkhead-launch: it is not at /nowhere/launch; run "
                + "'make build' or 'make install', or name it in BULKHEAD_LAUNCHER\n")
        #expect(try without("image import \(program.archive())").error.contains("name it in BULKHEAD_UNPACK"))
    }

    @Test("an environment the kernel does not take is refused with what to shorten")
    func tooMuch() throws {
        let path = program.scratch + "/variables"
        let file = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create], mode: 0o600)
        try file.write("LONG=" + String(repeating: "x", count: 200_000) + "\n")
        let long = try program.run("run", "--rm", "--env-file", path, "box", "true")
        #expect(long.status == 126)
        #expect(long.error.hasPrefix("bulkhead: cannot execute true: E2BIG (7); shorten arguments or environment"))
        let many = (0..<66_000).map { "V\($0)=\n" }.joined()
        try OwnedDescriptor.open(RawPath(path), [.writeOnly, .truncate]).write(many)
        let outcome = try program.run("run", "--rm", "--output", "json", "--env-file", path, "box", "true")
        #expect(outcome.status == 125 && outcome.error.contains(#""field":"env""#), "\(outcome.error)")
        #expect(outcome.error.contains(#""remedy":"give fewer"#), "\(outcome.error)")
    }
}
