import LinuxKernel
import OrderedCollections
import RuntimeSpec
import Testing

@Suite("what callers of other runtimes say and look for")
struct CallersWordsTests {
    private static func answer(_ words: String...) throws -> ProgramAnswer {
        try ProgramAnswer.of(TestBundle.program, words, environment: [])
    }

    @Test("an error of the kernel is there in the words of strerror")
    func errorWords() throws {
        let bundle = try TestBundle.running("sleep 600")
        #expect(try bundle.create().status == 0)
        try HostScript.write("\u{7f}ELF", to: "\(bundle.place)/rootfs/bin/broken")
        try bundle.write("#!/bin/sh", "rootfs/bin/closed")
        for (program, mode, words) in [
            ("/bin/nosuch", nil, "no such file or directory"), ("/bin/broken", 0o755, "exec format error"),
            ("/bin/closed", 0o644, "permission denied"),
        ] as [(String, UInt32?, String)] {
            if let mode { try OwnedDescriptor.open(RawPath("\(bundle.place)/rootfs\(program)")).changeMode(mode) }
            let answer = try bundle.call("exec", TestBundle.id, program)
            #expect(answer.status == 255)
            #expect(answer.errors.contains(words), "\(answer.errors)")
            #expect(try bundle.read("log").contains(words))
        }
        #expect(try bundle.call("kill", TestBundle.id, "KILL").status == 0)
        try bundle.waitUntilStopped()
        let ended = try bundle.call("kill", TestBundle.id, "KILL")
        #expect(ended.errors.contains("container not running"), "\(ended.errors)")
        try bundle.remove()
    }

    @Test("exec says that there is no container before anything else", arguments: [[], ["--process", "process.json"]])
    func absent(options: [String]) throws {
        let bundle = try TestBundle.running("true")
        try bundle.write(#"{"args":["true"],"cwd":"/"}"#, "process.json")
        let options = options.map { $0 == "process.json" ? "\(bundle.place)/\($0)" : $0 }
        let answer = try ProgramAnswer.of(
            TestBundle.program, ["--root", "\(bundle.place)/state", "exec"] + options + ["absent", "true"],
            environment: [])
        #expect(answer.status == 255)
        #expect(answer.errors.contains("container does not exist"), "\(answer.errors)")
        try bundle.remove()
    }

    @Test("a process of a file has of the container what the file does not say")
    func inherited() throws {
        let bundle = try TestBundle.running("sleep 600") {
            TestBundle.set(
                &$0, ["process", "rlimits"], [["type": "RLIMIT_NOFILE", "soft": 77, "hard": 77]])
            TestBundle.set(&$0, ["process", "oomScoreAdj"], 321)
            TestBundle.set(&$0, ["process", "ioPriority"], ["class": "IOPRIO_CLASS_IDLE", "priority": 0])
        }
        #expect(try bundle.create().status == 0)
        let script = "grep CapEff /proc/self/status; ulimit -n; cat /proc/self/oom_score_adj; busybox ionice -p $$"
        func lines(_ members: OrderedDictionary<String, SpecValue>) throws -> [String] {
            var members = members
            members["args"] = ["sh", "-c", .string(script)]
            members["cwd"] = "/"
            try bundle.write(SpecValue.object(members).text, "process.json")
            let answer = try bundle.call("exec", "--process", "\(bundle.place)/process.json", TestBundle.id)
            #expect(answer.status == 0, "\(answer.errors)")
            return answer.output.split(separator: "\n").map(String.init)
        }
        #expect(try lines([:]) == ["CapEff:\t0000000020000420", "77", "321", "idle"])
        let own = try lines([
            "capabilities": [:], "rlimits": [["type": "RLIMIT_NOFILE", "soft": 55, "hard": 55]], "oomScoreAdj": 400,
            "ioPriority": ["class": "IOPRIO_CLASS_BE", "priority": 7],
        ])
        #expect(own == ["CapEff:\t0000000000000000", "55", "400", "best-effort: prio 7"])
        try bundle.remove()
    }

    @Test(
        "a signal goes by each of its names",
        arguments: [
            ("SIGIOT", 6), ("IOT", 6), ("SIGABRT", 6), ("SIGCLD", 17), ("cld", 17), ("SIGPOLL", 29), ("POLL", 29),
            ("SIGIO", 29), ("SIGRTMIN", 34), ("RTMIN+1", 35), ("SIGRTMAX-2", 62), ("RTMAX", 64), ("SIGLOST", nil),
            ("RTMIN+31", nil), ("RTMAX-31", nil),
        ] as [(String, Int32?)])
    func signals(name: String, number: Int32?) {
        #expect(SignalNumber.named(name) == number)
    }

    @Test("help is given wherever it is asked for")
    func help() throws {
        for words in [["help"], ["h"], ["-?"], ["--usage"], ["--debug", "--help"]] {
            let answer = try ProgramAnswer.of(TestBundle.program, words, environment: [])
            #expect(answer.status == 0, "\(words)")
            #expect(answer.output.contains("commands:"), "\(words)")
        }
        for words in [
            ["help", "run"], ["h", "run"], ["run", "--bundle", "x", "--help"], ["run", "one", "-h"], ["run", "--help"],
        ] {
            let answer = try ProgramAnswer.of(TestBundle.program, words, environment: [])
            #expect(answer.status == 0, "\(words)")
            #expect(answer.output.hasPrefix("usage: bulkhead-oci run"), "\(words)")
        }
        #expect(try Self.answer("-V").output.hasPrefix("bulkhead-oci version "))
        #expect(try Self.answer("help", "nosuch").status == 1)
    }

    @Test("help of a command that is not supported is refused: podman takes it for support")
    func refusedHelp() throws {
        for words in [["checkpoint", "--help"], ["restore", "--help"], ["checkpoint", "-h"]] {
            let answer = try ProgramAnswer.of(TestBundle.program, words, environment: [])
            #expect(answer.status == 1)
            #expect(answer.output.isEmpty)
            #expect(answer.errors.contains("keeps no images"), "\(answer.errors)")
        }
    }

    @Test("the log is where crun's callers name it, and JSON on standard error when no file is named")
    func logs() throws {
        let bundle = try TestBundle.running("true")
        let named = try Self.answer(
            "--root", bundle.place, "--log", "file:\(bundle.place)/log", "--log-format", "json", "state", "absent")
        #expect(named.errors.hasPrefix("bulkhead-oci: cannot"), "\(named.errors)")
        #expect(try bundle.read("log").hasPrefix(#"{"level":"error","msg":"cannot"#))
        let unnamed = try Self.answer("--root", bundle.place, "--log-format", "json", "state", "absent")
        let line = try SpecObject(parsing: Array(unnamed.errors.utf8), document: "standard error")
        #expect(try line.string("level") == "error")
        #expect(try line.string("msg")?.contains("container does not exist") == true)
        let journal = try Self.answer("--log", "journald:one", "state", "absent")
        #expect(journal.status == 1)
        #expect(journal.errors.contains("writes to files alone"), "\(journal.errors)")
        try bundle.remove()
    }

    @Test("containers without cgroups are refused, and nothing is made")
    func withoutGroups() throws {
        let bundle = try TestBundle.running("true")
        let answer = try bundle.call("--cgroup-manager", "disabled", "run", "--bundle", bundle.place, TestBundle.id)
        #expect(answer.status == 1)
        #expect(answer.errors.contains("cannot run containers without cgroups"), "\(answer.errors)")
        #expect(!HostFacts.exists("\(bundle.place)/state"))
        try bundle.remove()
    }

    @Test("words about access lists mean nothing to a tmpfs", arguments: ["acl", "noacl"])
    func accessLists(word: String) throws {
        let bundle = try TestBundle.running("grep -c ' /here ' /proc/self/mounts") { members in
            guard case .array(let mounts)? = members["mounts"] else { return }
            members["mounts"] = .array(
                mounts + [["destination": "/here", "type": "tmpfs", "source": "tmpfs", "options": [.string(word)]]])
        }
        let answer = try bundle.run()
        #expect(answer.output == "1\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test("features names what is implemented: memory policies, options of mounts, and annotations that widen")
    func features() throws {
        let answer = try Self.answer("features")
        let document = try SpecObject(parsing: Array(answer.output.utf8), document: "features")
        let policy = try #require(try document.object("linux")?.object("memoryPolicy"))
        #expect(try policy.strings("modes").contains("MPOL_WEIGHTED_INTERLEAVE"))
        let flags = ["MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"]
        #expect(try policy.strings("flags") == flags)
        let options = try document.strings("mountOptions")
        #expect(Set(options).isSuperset(of: ["iversion", "noiversion", "loud", "nolazytime", "mand", "nomand"]))
        #expect(try document.strings("potentiallyUnsafeConfigAnnotations") == ["run.oci.keep_original_groups"])
    }
}
