import Diagnostics
import LinuxKernel
import Testing

/// The commands as people use them, on the real kernel.
@Suite("Sessions")
struct SessionTests {
    private let program: TestProgram

    init() throws {
        program = try TestProgram()
        try program.importImage()
    }

    @Test("a task's output, errors and exit status are the command's")
    func foreground() throws {
        let outcome = try program.run("run", "--rm", "box", "sh", "-c", "echo out; echo err >&2; exit 7")
        #expect(outcome.output == "out\n" && outcome.error == "err\n" && outcome.status == 7)
        #expect(try program.run("run", "--rm", "box").output == "default\n", "the image's own command")
        #expect(try program.run("ps", "-aq").output.isEmpty, "--rm removes it")
        #expect(try program.run("run", "--rm", "box", "sh", "-c", "kill -9 $$").status == 137)
    }

    @Test("what flags ask for is what the task finds")
    func flags() throws {
        let outcome = try program.run(
            [
                "run", "--rm", "-h", "ship", "-e", "A=b c", "-e", "OURS", "-w", "/tmp", "-u", "guest", "box", "sh",
                "-c",
                "hostname; echo $A $OURS $FROM $HOME; pwd; id",
            ], variables: ["OURS=ours"])
        #expect(
            outcome.output
                == "ship\nb c ours image /home\n/tmp\nuid=1000(guest) gid=1000(guest) groups=1234(extra)\n")
    }

    @Test("input is passed on when it is asked for, and only then")
    func input() throws {
        #expect(try program.run("run", "--rm", "-i", "box", "cat", input: "hello").output == "hello")
        #expect(try program.run("run", "--rm", "box", "cat", input: "hello").output == "")
    }

    @Test("a large output arrives whole and in order")
    func largeOutput() throws {
        let outcome = try program.run(
            "run", "--rm", "box", "sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done")
        let expected = (0..<20_000).map { "\($0)\n" }.joined()
        #expect(outcome.output == expected)
    }

    @Test("a container in the background is found again, watched and removed")
    func background() throws {
        let id = try program.run(
            "run", "-d", "--name", "bg", "-l", "team=red", "box", "sh", "-c",
            "echo one; echo two >&2; echo three; exec sleep 1000"
        ).output
        #expect(id.count == 17)
        try eventually {
            let logs = try program.run("logs", "bg")
            return logs.output == "one\nthree\n" && logs.error == "two\n"
        }
        let last = try program.run("logs", "--tail", "1", "bg")
        #expect((last.output + last.error).split(separator: "\n").count == 1)
        #expect(try program.run("ps", "-q", "--filter", "label=team=red").output == id)
        #expect(try program.run("ps", "-q", "--filter", "label=team=blue").output == "")
        let image = try program.run("image", "ls", "-q").output.dropLast()
        for name in ["image=box", "ancestor=box:latest", "image=\(image)", "image=\(image.prefix(5))"] {
            #expect(try program.run("ps", "-q", "--filter", name).output == id, "\(name)")
        }
        #expect(try program.run("ps", "-q", "--filter", "image=bo").output == "")
        #expect(try program.run("inspect", "bg").output.contains("\"state\" : \"running\""))
        #expect(try program.run("pause", "bg").status == 0)
        #expect(try program.run("ps").output.contains("paused"))
        #expect(try program.run("unpause", "bg").status == 0)
        #expect(try program.run("stats", "--no-stream", "bg").output.contains("bg "))
        #expect(try program.run("stop", "-t", "60", "bg").output == "bg\n")
        #expect(try program.run("wait", "bg").output == "143\n")
        #expect(try program.run("wait", "--output", "json", "bg").output == "[\n  143\n]\n")
        let absent = try program.run("rm", "--output", "json", "--force", "nobody")
        #expect(absent.status == 0 && absent.error.isEmpty && absent.output.filter { !$0.isWhitespace } == "[]")
        #expect(try program.run("ps").output.contains("bg") == false)
        #expect(try program.run("ps", "-a").output.contains("ended (143, killed)"))
        #expect(try program.run("rm", "bg").output == "bg\n")
    }

    @Test("one more command runs behind the same walls, with its own status")
    func exec() throws {
        _ = try program.run("run", "-d", "--name", "host", "-e", "A=1", "box", "sleep", "1000")
        let plain = try program.run("exec", "host", "sh", "-c", "echo $A; pwd; exit 5")
        #expect(plain.output == "1\n/\n" && plain.status == 5)
        let changed = try program.run(
            "exec", "-i", "-e", "A=2", "-u", "guest", "-w", "/tmp", "host", "sh", "-c", "cat; echo $A $HOME; pwd",
            input: "in ")
        #expect(changed.output == "in 2 /home\n/tmp\n")
        #expect(try program.run("exec", "host", "nosuch").status == 127)
        _ = try program.run("kill", "host")
        let late = try program.run("exec", "host", "true")
        #expect(late.status == 125)
        #expect(
            late.error == "bulkhead: cannot exec in container host: it has ended; see how with: bulkhead inspect host\n"
        )
    }

    @Test("signals to the command go to the task")
    func signals() throws {
        let started = try program.start(
            "run", "--name", "sig", "box", "sh", "-c",
            "trap 'echo got; exit 9' USR1; echo up; while :; do sleep 1; done")
        try eventually { try started.text(0) == "up\n" }
        try started.process.signal(SignalNumber.user1)
        let outcome = try started.outcome()
        #expect(outcome.output == "up\ngot\n" && outcome.status == 9)
    }

    @Test("a task that ignores interrupts is not left behind without a word")
    func interrupts() throws {
        let started = try program.start("run", "--name", "deaf", "box", "sh", "-c", "trap '' INT; echo up; sleep 1000")
        try eventually { try started.text(0) == "up\n" }
        try started.process.signal(SignalNumber.interrupt)
        // Each is taken before the next is sent: pending ones of a kind would be one.
        try eventually { try Self.pending(started.process.id) == 0 }
        try started.process.signal(SignalNumber.interrupt)
        try eventually { try started.text(1) == "bulkhead: deaf has not ended yet; once more kills it\n" }
        try started.process.signal(SignalNumber.interrupt)
        let outcome = try started.outcome()
        #expect(outcome.status == 137 && outcome.error.hasSuffix("bulkhead: killing deaf\n"))
    }

    @Test("following a log ends with the container, and misses nothing")
    func follow() throws {
        _ = try program.run(
            "run", "-d", "--name", "slow", "box", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done")
        #expect(try program.run("logs", "-f", "slow").output == "1\n2\n3\n")
        let lines = try program.run("logs", "--output", "json", "slow").output.split(separator: "\n")
        #expect(lines.count == 3 && lines.allSatisfy { $0.contains(#""stream":"stdout""#) })
    }

    @Test("--explain shows the plan and does nothing")
    func explain() throws {
        let outcome = try program.run("run", "--explain", "box", "true")
        #expect(outcome.status == 0 && outcome.output.hasPrefix("before the launch\n"))
        #expect(try program.run("ps", "-aq").output.isEmpty)
        #expect(
            try program.run("run", "--explain", "--output", "json", "box", "true").output.hasPrefix(
                "{\n  \"before\" : ["))
    }

    @Test("volumes are seen as asked, and read-only ones cannot be written")
    func volumes() throws {
        let directory = program.scratch + "/data"
        try Directories.make(directory, mode: 0o755)
        try OwnedDescriptor.open(RawPath(directory + "/file"), [.writeOnly, .create], mode: 0o644).write("content")
        let read = try program.run(
            "run", "--rm", "-v", "\(directory):/data:ro", "box", "sh", "-c", "cat /data/file; echo x > /data/file")
        #expect(read.output == "content" && read.status != 0 && read.error.contains("Read-only"))
        let one = try program.run("run", "--rm", "-v", "\(directory)/file:/etc/one", "box", "cat", "/etc/one")
        #expect(one.output == "content")
    }

    @Test(
        "a crash at any point of a launch leaves nothing the next command does not clean",
        arguments: [
            "launch.recorded", "launch.snapshot", "launch.established", "launch.spawned", "launch.opened",
            "launch.released",
            "launch.started",
        ])
    func crashes(_ point: String) throws {
        let crashed = try program.run(["run", "--rm", "box", "true"], variables: ["BULKHEAD_FAILPOINT=\(point)"])
        #expect(crashed.status == 137)
        try eventually { try program.run("ps", "-aq").output == "" }
        for place in ["state/containers", "state/ids", "store/containers", "store/leases"] {
            try eventually {
                _ = try program.run("ps")
                return try OwnedDescriptor.open(RawPath("\(program.scratch)/\(place)"), [.directory]).entries().isEmpty
            }
        }
        #expect(try program.run("run", "--rm", "box", "echo", "again").output == "again\n")
    }

    @Test("a terminal is passed through: size, keys, and given back as it was")
    func terminal() throws {
        let script =
            "stty rows 33 cols 101; before=$(stty -g); "
            + "/proc/self/fd/3 run --rm -it box sh -c 'stty size; tty; read x; echo got $x; exit 4'; "
            + "status=$?; [ \"$before\" = \"$(stty -g)\" ] && echo restored; exit $status"
        let outcome = try program.runThrough("/usr/bin/script", ["-qec", script, "/dev/null"], input: "word\n")
        #expect(outcome.status == 4, "\(outcome)")
        for text in ["33 101\r\n", "/dev/pts/0\r\n", "got word\r\n", "restored\r\n"] {
            #expect(outcome.output.contains(text), "\(outcome.output)")
        }
    }

    @Test("a task whose output nobody reads any more ends as in a pipeline")
    func brokenPipe() throws {
        let outcome = try program.runThrough(
            "/bin/sh", ["-c", "/proc/self/fd/3 run --rm box yes | { read x; echo $x; }"])
        #expect(outcome.output == "y\n" && outcome.status == 0)
        try eventually { try program.run("ps", "-aq").output.isEmpty }
    }

    private static let lost =
        "bulkhead: cannot write to standard output: write returned ENOSPC (28); make room there, or send it elsewhere\n"

    @Test(
        "output that cannot be written is said, and hides no status of the task's",
        arguments: [(0, 125), (7, 7)] as [(Int, Int32)])
    func unwritableOutput(_ own: Int, _ status: Int32) throws {
        let script = "'echo one; sleep 1; echo two; exit \(own)'"
        let run = try program.runThrough(
            "/bin/sh", ["-c", "/proc/self/fd/3 run --name full box sh -c \(script) >/dev/full"])
        #expect(run.status == status && run.error == Self.lost && run.output.isEmpty)
        #expect(try program.run("logs", "full").output == "one\ntwo\n", "the task was not disturbed")
        _ = try program.run("run", "-d", "--name", "host", "box", "sleep", "1000")
        let exec = try program.runThrough(
            "/bin/sh", ["-c", "/proc/self/fd/3 exec host sh -c \(script) >/dev/full"])
        #expect(exec.status == status && exec.error == Self.lost && exec.output.isEmpty)
    }

    @Test(
        "whatever a command has to say, it says when it cannot write it",
        arguments: ["ps", "image ls", "version", "--help", "run --help"])
    func unwritableAnswer(_ words: String) throws {
        let outcome = try program.runThrough("/bin/sh", ["-c", "/proc/self/fd/3 \(words) >/dev/full"])
        #expect(outcome.status == 125 && outcome.error == Self.lost, "\(outcome)")
    }

    @Test("interrupts end the command when the task has ended and nobody reads what it has said")
    func stalledReader() throws {
        let script = """
            mkfifo \(program.scratch)/fifo; exec 4<>\(program.scratch)/fifo
            /proc/self/fd/3 run --rm --name stalled box yes >\(program.scratch)/fifo & run=$!
            until [ "$(/proc/self/fd/3 logs stalled 2>/dev/null | wc -c)" -gt 100000 ]; do sleep 0.1; done
            (while kill -TERM $run 2>/dev/null; do sleep 0.5; done) &
            wait $run; echo $?
            """
        let outcome = try program.runThrough("/bin/sh", ["-c", script])
        #expect(["137\n", "143\n"].contains(outcome.output), "\(outcome)")
        #expect(!outcome.error.contains("cannot"), "\(outcome)")
        #expect(try program.run("ps", "-aq").output.isEmpty)
    }

    @Test("closed standard streams are nobody's", arguments: [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
    func closedStreams(_ redirection: String) throws {
        let script = "/proc/self/fd/3 run --rm -i box sh -c 'cat; echo out; exit 3' \(redirection)"
        #expect(try program.runThrough("/bin/sh", ["-c", script]).status == 3)
        #expect(try program.run("ps", "-aq").output.isEmpty)
    }

    @Test("a damaged record hides no other container, and can be removed with what it ran")
    func damagedRecord() throws {
        _ = try program.run("run", "-d", "--name", "sound", "box", "sleep", "1000")
        let id = try program.run("run", "-d", "--name", "broken", "box", "sleep", "1000").output.dropLast()
        let record = RawPath("\(program.scratch)/state/containers/\(id)/record.json")
        try OwnedDescriptor.open(record, [.writeOnly, .truncate]).write("{")
        let listed = try program.run("ps")
        #expect(listed.status == 0 && listed.output.contains(" sound ") && !listed.output.contains(" broken "))
        #expect(listed.error.hasSuffix("; remove it with: bulkhead rm --force \(id)\n"), "\(listed.error)")
        #expect(try program.run("run", "--rm", "box", "echo", "fine").output == "fine\n")
        #expect(try program.run("rm", "broken").status == 125)
        #expect(try program.run("rm", "--force", "broken").output == "broken\n")
        #expect(try program.run("ps").error.isEmpty)
        #expect(HostFacts.exists("\(program.scratch)/store/containers/\(id)") == false)
    }

    @Test("an image shown on the host stays in the store until it is hidden again")
    func imageMounts() throws {
        let named = program.scratch + "/a place"
        try Directories.make(named, mode: 0o755)
        let made = try program.run("image", "mount", "box").output.dropLast()
        #expect(try program.run("image", "mount", "box", named).status == 0)
        for place in [String(made), named] {
            #expect(HostFacts.exists(place + "/etc/data"))
            do throws(KernelError) {
                _ = try OwnedDescriptor.open(RawPath(place + "/new"), [.writeOnly, .create], mode: 0o600)
                Issue.record("\(place) can be written")
            } catch { #expect(error.errno == Errno.readOnlyFilesystem) }
        }
        #expect(try program.run("ps").status == 0)
        #expect(try program.run("image", "rm", "box").error.contains("use it"))
        #expect(try program.run("image", "mount", "box").error.contains("something is mounted there already"))
        #expect(try program.run("image", "unmount", "box").status == 0)
        #expect(try program.run("image", "unmount", named).status == 0)
        // The program starts in "/": the same place, by a relative path.
        #expect(try program.run("image", "mount", "box", named).status == 0)
        #expect(try program.run("image", "unmount", String(named.dropFirst())).status == 0)
        #expect(HostFacts.exists(named + "/etc/data") == false)
        #expect(try program.run("image", "unmount", named).error.hasPrefix("bulkhead: cannot unmount \(named): "))
        #expect(try program.run("image", "rm", "box").output == "removed box:latest\n")
    }

    @Test("an image of one layer that is one file is run, shown on the host, and looked into for accounts")
    func oneFile() throws {
        #expect(try program.run("image", "rm", "box").status == 0)
        #expect(try program.run("image", "import", "--snapshotter", "erofs", try program.archive()).status == 0)
        let directories = try program.run("image", "inspect", "box").output
        #expect(directories.contains("fs.erofs"), "\(directories)")
        #expect(try program.run("run", "--rm", "--user", "guest", "box", "id", "-u").output == "1000\n")
        let place = String(try program.run("image", "mount", "box").output.dropLast())
        #expect(HostFacts.exists(place + "/etc/data"))
        #expect(try program.run("image", "unmount", "box").status == 0)
    }

    /// Signals sent to a process and not taken yet, as a bit set; proc_pid_status(5) ShdPnd.
    private static func pending(_ process: Int32) throws -> UInt64 {
        let status = try TextFile.read("/proc/\(process)/status", limit: 65_536)
        let line = status.split(separator: "\n").first { $0.hasPrefix("ShdPnd:") }
        return UInt64(line?.dropFirst(7).filter { !$0.isWhitespace } ?? "0", radix: 16) ?? 0
    }

    /// Asks again until it is so; fails when it is not within 20 seconds.
    private func eventually(_ condition: () throws -> Bool) throws {
        let deadline = Deadline(seconds: 120)
        while try !condition() {
            guard !deadline.hasPassed else {
                Issue.record("it never came to be so")
                return
            }
        }
    }
}
