import LinuxKernel
import RuntimeSpec
import Testing

@Suite("bundles and callers that mean no good, or nothing at all")
struct HostileBundleTests {
    @Test(
        "of preserved descriptors those are handed on that the caller left open, and none of the runtime's own",
        arguments: [("1", 0), ("2", 1), ("128", 0), ("9223372036854775807", 2)])
    func strangeDescriptors(_ count: String, _ open: Int) throws {
        let script = "ls /proc/self/fd; for n in 3 4 5; do cat /proc/self/fd/$n; done 2> /dev/null; true"
        let bundle = try TestBundle.running(script)
        let kept = try OwnedDescriptor.open(RawPath("\(bundle.place)/kept"), [.writeOnly, .create], mode: 0o644)
        try kept.write("kept\n")
        let left = (0..<open).map { " \($0 + 3)< \(bundle.place)/kept" }.joined()
        // The last is what the list is read by.
        let wanted = (0...open + 3).map { "\($0)\n" }.joined() + String(repeating: "kept\n", count: open)
        let words = [TestBundle.program, "--root", "\(bundle.place)/state"]
        let run = try Self.leaving(
            left, words + ["run", "--bundle", bundle.place, "--preserve-fds", count, TestBundle.id])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output == wanted)
        #expect(try bundle.create().status == 0)
        let exec = try Self.leaving(left, words + ["exec", "--preserve-fds", count, TestBundle.id, "sh", "-c", script])
        #expect(exec.status == 0, "\(exec.errors)")
        #expect(exec.output == wanted)
        try bundle.remove()
    }

    /// Runs a command with these redirections.
    private static func leaving(
        _ redirections: String, _ words: [String], shell: String = "/bin/sh"
    ) throws -> ProgramAnswer {
        try ProgramAnswer.of(
            shell, ["-c", "exec \"$@\"\(redirections)", "sh"] + words,
            environment: ["PATH=/usr/bin:/bin", "BULKHEAD_LAUNCHER=\(TestBundle.launcher)"])
    }

    @Test("a descriptor beyond one that is closed keeps its number, and nothing is in the gap")
    func gap() throws {
        let bundle = try TestBundle.running("ls /proc/self/fd; cat /proc/self/fd/5; ls /proc/self/fd/4 2>&1")
        let kept = try OwnedDescriptor.open(RawPath("\(bundle.place)/kept"), [.writeOnly, .create], mode: 0o644)
        try kept.write("kept\n")
        let words = [TestBundle.program, "--root", "\(bundle.place)/state", "run", "--bundle", bundle.place]
        let answer = try Self.leaving(
            " 3< \(bundle.place)/kept 5< \(bundle.place)/kept 4<&-", words + ["--preserve-fds", "3", TestBundle.id])
        // The list is read by the first number that is free.
        #expect(answer.output.hasPrefix("0\n1\n2\n3\n4\n5\nkept\n"), "\(answer.output) \(answer.errors)")
        #expect(answer.output.contains("No such file"))
        try bundle.remove()
    }

    @Test("a descriptor that a launch has no room for is refused")
    func far() throws {
        let bundle = try TestBundle.running("true")
        let answer = try Self.leaving(
            " 3< \(bundle.place)/config.json 200< \(bundle.place)/config.json",
            [
                TestBundle.program, "--root", "\(bundle.place)/state", "run", "--bundle", bundle.place,
                "--preserve-fds", "9223372036854775807", TestBundle.id,
            ], shell: "/bin/bash")
        #expect(answer.status == 1)
        #expect(answer.errors.contains("a launch has room for 128"), "\(answer.errors)")
        try bundle.remove()
    }

    @Test("what a service manager announced is told to the process, also when nothing of it is open")
    func listening() throws {
        let bundle = try TestBundle.running("echo $LISTEN_FDS $LISTEN_PID; test -e /proc/self/fd/4 || echo none")
        for (announced, shown) in [("1", "1 1"), ("9223372036854775807", "9223372036854775807 1")] {
            let answer = try ProgramAnswer.of(
                TestBundle.program,
                [
                    "--root", "\(bundle.place)/state", "run", "--bundle", bundle.place, "--preserve-fds",
                    "9223372036854775807", TestBundle.id,
                ], environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "LISTEN_FDS=\(announced)"])
            #expect(answer.status == 0, "\(answer.errors)")
            #expect(answer.output == "\(shown)\nnone\n")
        }
        try bundle.remove()
    }

    private static func mounting(_ mount: SpecValue, _ script: String = "echo ran") throws -> TestBundle {
        try TestBundle.running(script) { members in
            guard case .array(let mounts)? = members["mounts"] else { return }
            members["mounts"] = .array(mounts + [mount])
        }
    }

    @Test("a mount over the root, which nobody would see, is refused", arguments: ["/", "//", "..", "/../.", "/./"])
    func overRoot(_ place: String) throws {
        let bundle = try Self.mounting(["destination": .string(place), "type": "tmpfs", "source": "tmpfs"])
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("destination: it is the root itself"), "\(answer.errors)")
        try bundle.remove()
    }

    @Test("a link of the root file system leads no mount out of it")
    func linkedTarget() throws {
        let bundle = try Self.mounting(
            ["destination": "/evil/made/here", "type": "tmpfs", "source": "tmpfs"], "ls /evil/made")
        let root = try OwnedDescriptor.open(RawPath("\(bundle.place)/rootfs"), [.directory])
        try Directories.makeAll("\(bundle.place)/outside", mode: 0o755)
        try root.makeLink("evil", to: RawPath("\(bundle.place)/outside"))
        let answer = try bundle.run()
        #expect(answer.output == "here\n", "\(answer.errors)")
        #expect(!HostFacts.exists("\(bundle.place)/outside/made"))
        try bundle.remove()
    }

    @Test("every option that the specification wants understood is, of a file system and of what is bound")
    func words() throws {
        let words = [
            "async", "atime", "defaults", "dev", "diratime", "dirsync", "exec", "iversion", "lazytime", "loud",
            "noatime", "nodev", "nodiratime", "noexec", "noiversion", "nolazytime", "norelatime", "nostrictatime",
            "nosuid", "nosymfollow", "private", "ratime", "rdev", "rdiratime", "relatime", "rexec",
            "rnoatime", "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime", "rnosuid", "rnosymfollow", "ro",
            "rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave", "rstrictatime", "rsuid", "rsymfollow",
            "runbindable", "rw", "shared", "silent", "slave", "strictatime", "suid", "symfollow", "sync",
            "unbindable",
        ]
        let bundle = try TestBundle.running("grep -c /of/ /proc/self/mounts") { members in
            guard case .array(let mounts)? = members["mounts"] else { return }
            let made: [SpecValue] = words.flatMap { word -> [SpecValue] in
                [
                    [
                        "destination": .string("/of/tmpfs/\(word)"), "type": "tmpfs", "source": "tmpfs",
                        "options": [.string(word)],
                    ],
                    [
                        "destination": .string("/of/bind/\(word)"), "source": "rootfs/bin",
                        "options": ["bind", .string(word)],
                    ],
                ]
            }
            members["mounts"] = .array(mounts + made)
        }
        let answer = try bundle.run()
        #expect(answer.output == "\(words.count * 2)\n", "\(answer.errors)")
        try bundle.remove()
    }
}
