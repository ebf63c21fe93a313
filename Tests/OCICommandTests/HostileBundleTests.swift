import LinuxKernel
import RuntimeSpec
import Testing

@Suite("bundles and callers that mean no good, or nothing at all")
struct HostileBundleTests {
    @Test(
        "descriptors that the caller never opened are refused: the runtime's own would be given away",
        arguments: ["1", "2", "128", "9223372036854775807"])
    func strangeDescriptors(_ count: String) throws {
        let bundle = try TestBundle.running("ls -l /proc/self/fd")
        for verb in ["create", "run"] {
            let answer = try bundle.call(verb, "--bundle", bundle.place, "--preserve-fds", count, TestBundle.id)
            #expect(answer.status == 1)
            #expect(answer.errors.contains("descriptor"), "\(answer.errors)")
            #expect(answer.output.isEmpty)
        }
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        #expect(try bundle.create().status == 0)
        let exec = try bundle.call("exec", "--preserve-fds", count, TestBundle.id, "ls", "-l", "/proc/self/fd")
        #expect(exec.status == 255)
        #expect(exec.output.isEmpty)
        try bundle.remove()
    }

    @Test("more descriptors than there are numbers for are no crash")
    func listening() throws {
        let bundle = try TestBundle.running("true")
        let answer = try ProgramAnswer.of(
            TestBundle.program,
            [
                "--root", "\(bundle.place)/state", "run", "--bundle", bundle.place, "--preserve-fds",
                "9223372036854775807", TestBundle.id,
            ], environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "LISTEN_FDS=9223372036854775807"])
        #expect(answer.status == 1)
        #expect(answer.errors.contains("descriptor"), "\(answer.errors)")
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
            "nosuid", "nosymfollow", "private", "ratime", "rdev", "rdiratime", "relatime", "remount", "rexec",
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
