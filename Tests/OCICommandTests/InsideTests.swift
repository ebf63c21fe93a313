import Diagnostics
import LinuxKernel
import RuntimeSpec
import Testing

@Suite("what a bundle's process finds inside")
struct InsideTests {
    private func output(
        _ script: String, _ path: [String] = [], _ value: SpecValue = .null
    ) throws -> String {
        let bundle = try TestBundle.running(script) { if !path.isEmpty { TestBundle.set(&$0, path, value) } }
        let answer = try bundle.run()
        #expect(answer.errors.isEmpty)
        try bundle.remove()
        return answer.output
    }

    @Test("without no_new_privs the filter is there, and the capability that installed it is gone")
    func filter() throws {
        let bundle = try TestBundle.running("grep -E '^(Seccomp|CapEff|CapPrm|NoNewPrivs):' /proc/self/status") {
            TestBundle.set(&$0, ["process", "noNewPrivileges"], false)
            TestBundle.set(
                &$0, ["linux", "seccomp"],
                [
                    "defaultAction": "SCMP_ACT_ALLOW",
                    "syscalls": [["names": ["swapon"], "action": "SCMP_ACT_ERRNO"]],
                ])
        }
        let lines = try bundle.run().output.split(separator: "\n").map { $0.filter { !$0.isWhitespace } }
        #expect(lines == ["CapPrm:0000000020000420", "CapEff:0000000020000420", "NoNewPrivs:0", "Seccomp:2"])
        try bundle.remove()
    }

    @Test("masked paths are empty and read-only ones are read-only")
    func paths() throws {
        let text = try output(
            "cat /proc/kcore 2>/dev/null | head -c 4; echo x 2>/dev/null > /proc/sys/kernel/hostname || echo refused")
        #expect(text == "refused\n")
    }

    @Test("devices, links and the standard file systems are there")
    func devices() throws {
        #expect(try output("stat -c %t:%T /dev/null /dev/tty").hasPrefix("1:3\n5:0"))
        #expect(try output("echo x > /dev/null; ls /dev/pts /dev/shm /dev/mqueue; ls -d /proc/1").contains("/proc/1"))
    }

    @Test("mounts keep their order, data on a bind mount means nothing, and ro holds")
    func mounts() throws {
        let bundle = try TestBundle.running("cat /a/b/file; echo x 2>/dev/null > /a/b/file || echo refused")
        try Directories.makeAll("\(bundle.place)/source", mode: 0o755)
        try bundle.write("found\n", "source/file")
        guard case .object(var members) = bundle.configuration, case .array(let mounts)? = members["mounts"] else {
            return
        }
        members["mounts"] = .array(
            mounts + [
                ["destination": "/a", "type": "tmpfs", "source": "tmpfs"],
                ["destination": "/a/b", "source": "source", "options": ["rbind", "ro", "mode=755"]],
            ])
        try bundle.write(SpecValue.object(members).text, "config.json")
        #expect(try bundle.run().output == "found\nrefused\n")
        try bundle.remove()
    }

    @Test("what is empty and read-only holds what is mounted below it, and no more; what covers it keeps its own")
    func readOnlyAbove() throws {
        let mounts: SpecValue = [
            ["destination": "/memory", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]],
            ["destination": "/memory/in/it", "type": "tmpfs", "source": "tmpfs"],
            ["destination": "/covered", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]],
            ["destination": "covered/", "type": "tmpfs", "source": "tmpfs"],
        ]
        let text = try output(
            "for f in /memory/x /memory/in/it/x /covered/x; do echo x 2>/dev/null > $f || echo $f; done", ["mounts"],
            mounts)
        #expect(text == "/memory/x\n")
    }

    @Test("remount changes what is mounted there, mounts nothing, and takes away nothing that is not named")
    func remount() throws {
        let script = "cat /a/x; grep -c ' /a ' /proc/mounts; grep -E ' /(a|dev) ' /proc/mounts"
        let bundle = try TestBundle.running(script) {
            guard case .array(let mounts)? = $0["mounts"] else { return }
            $0["mounts"] = .array(
                mounts + [
                    ["destination": "/a", "source": "a", "options": ["bind", "nosuid", "nodev"]],
                    ["destination": "/a", "options": ["remount", "bind", "ro", "dev"]],
                    ["destination": "/dev", "type": "tmpfs", "options": ["remount", "ro"]],
                ])
        }
        try Directories.makeAll("\(bundle.place)/a", mode: 0o755)
        try bundle.write("found\n", "a/x")
        let answer = try bundle.run()
        let lines = answer.output.split(separator: "\n")
        try #require(lines.count == 4, "\(answer.output)\(answer.errors)")
        #expect(lines[..<2] == ["found", "1"])
        let words = lines[2...].map { $0.split(separator: " ")[3].split(separator: ",") }
        for word in ["ro", "nosuid"] { #expect(words.allSatisfy { $0.contains(Substring(word)) }, "\(lines)") }
        #expect(!words.joined().contains("nodev"))
        try bundle.remove()
    }

    @Test(
        "a remount of nothing is refused, and so is what a mount cannot be changed in",
        arguments: [
            ["destination": "/bin", "type": "tmpfs", "options": ["remount", "ro"]],
            ["destination": "/dev/shm", "type": "tmpfs", "options": ["remount", "size=1m"]],
            ["destination": "/b", "source": "rootfs", "options": ["bind", "idmap=uids=0-1-1;gids=0-1-1"]],
        ] as [SpecValue])
    func refusedChange(_ mount: SpecValue) throws {
        let bundle = try TestBundle.running("true") {
            if case .array(let mounts)? = $0["mounts"] { $0["mounts"] = .array(mounts + [mount]) }
        }
        let answer = try bundle.run()
        #expect(answer.status == 1 && !answer.errors.isEmpty, "\(answer)")
        try bundle.remove()
    }

    @Test("a -- after the program that is executed is the program's")
    func programsDashes() throws {
        let bundle = try TestBundle.running("sleep 100")
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        #expect(try bundle.call("exec", TestBundle.id, "sh", "-c", "echo $0 $1", "--", "x").output == "-- x\n")
        let answer = try bundle.call("exec", TestBundle.id, "env", "--", "sh", "-c", "echo in")
        #expect(answer.output == "in\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test("tmpcopyup begins with what the image has")
    func copyUp() throws {
        let bundle = try TestBundle.running("cat /etc/one; cat /etc/two") { members in
            guard case .array(let mounts)? = members["mounts"] else { return }
            members["mounts"] = .array(
                mounts + [["destination": "/etc", "type": "tmpfs", "source": "t", "options": ["tmpcopyup", "ro"]]])
        }
        try Directories.makeAll("\(bundle.place)/rootfs/etc", mode: 0o755)
        try bundle.write("1\n", "rootfs/etc/one")
        try OwnedDescriptor.open(RawPath("\(bundle.place)/rootfs/etc"), [.directory]).makeLink("two", to: "one")
        #expect(try bundle.run().output == "1\n1\n")
        try bundle.remove()
    }

    @Test("a link at /dev leads no node out of the image")
    func deviceLink() throws {
        let bundle = try TestBundle.running("true") { members in
            guard case .array(let mounts)? = members["mounts"] else { return }
            members["mounts"] = .array(Array(mounts.prefix(1)))
        }
        let root = try OwnedDescriptor.open(RawPath("\(bundle.place)/rootfs"), [.directory])
        try root.removeDirectory("dev")
        try root.makeLink("dev", to: "/bin")
        #expect(try bundle.run().status == 1)
        #expect(!HostFacts.exists("\(bundle.place)/rootfs/bin/null"))
        try bundle.remove()
    }

    @Test("descriptors that are kept have their numbers, others are closed")
    func descriptors() throws {
        let bundle = try TestBundle.running("cat <&3; ls /proc/self/fd")
        let kept = try OwnedDescriptor.memoryFile("kept")
        try kept.write("kept\n")
        try kept.seek(to: 0)
        let answer = try bundle.call(
            "run", "--bundle", bundle.place, "--preserve-fds", "1", TestBundle.id, passing: [kept])
        #expect(answer.output.split(separator: "\n") == ["kept", "0", "1", "2", "3", "4"])
        try bundle.remove()
    }

    @Test("in a user namespace root is somebody else outside")
    func userNamespace() throws {
        let bundle = try TestBundle.running("cat /proc/self/uid_map; echo x > /dev/null && id") { members in
            guard case .object(let linux)? = members["linux"], case .array(let namespaces)? = linux["namespaces"]
            else { return }
            TestBundle.set(&members, ["linux", "namespaces"], .array(namespaces + [["type": "user"]]))
            let map: SpecValue = [["containerID": 0, "hostID": 300_000, "size": 65_536]]
            TestBundle.set(&members, ["linux", "uidMappings"], map)
            TestBundle.set(&members, ["linux", "gidMappings"], map)
        }
        let text = try bundle.run().output
        #expect(text.split(separator: "\n").first?.split(separator: " ") == ["0", "300000", "65536"])
        #expect(text.contains("uid=0"))
        try bundle.remove()
    }

    @Test("another process joins with a user, a directory and variables of its own")
    func exec() throws {
        let bundle = try TestBundle.running("sleep 600")
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let answer = try bundle.call(
            "exec", "--user", "5:6", "--cwd", "/bin", "--env", "X=y", TestBundle.id, "sh", "-c",
            "pwd; echo $X; id -u; id -g; exit 3")
        #expect(answer.output == "/bin\ny\n5\n6\n")
        #expect(answer.status == 3)
        #expect(try bundle.call("exec", TestBundle.id, "/none").status == 255)
        #expect(try bundle.call("exec", "--user", "0x1", TestBundle.id, "true").status == 255)
        let relative = try bundle.call("exec", "--cwd", "bin", TestBundle.id, "true")
        #expect(relative.status == 255)
        #expect(relative.errors.contains("does not begin with a slash"), "\(relative.errors)")
        try bundle.remove()
    }

    @Test(
        "what cannot be meant is refused, on standard error and in the log",
        arguments: [
            (["process", "capabilities"], ["bounding": ["CAP_NONE"]], "CAP_NONE"),
            (["process", "args"], ["/none"], "/none"),
            (["process", "apparmorProfile"], "none-such", "none-such"),
            (["process", "selinuxLabel"], "a:b:none-such", "none-such"),
            (["linux", "intelRdt"], ["closID": "x"], "linux.intelRdt"),
            (["linux", "sysctl"], ["vm.swappiness": "1"], "vm.swappiness"),
            (["linux", "namespaces"], [["type": "mount"]], "uts namespace"),
            (["linux", "rootfsPropagation"], "around", "around"),
        ] as [([String], SpecValue, String)])
    func refusals(_ path: [String], _ value: SpecValue, _ word: String) throws {
        let bundle = try TestBundle.running("true") { TestBundle.set(&$0, path, value) }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains(word))
        let line = try SpecObject(parsing: Array(try bundle.read("log").utf8), document: "the log")
        #expect(try line.string("level") == "error")
        #expect(try line.string("msg")?.contains(word) == true)
        #expect(try line.string("time")?.hasSuffix("Z") == true)
        try bundle.remove()
    }

    @Test("systemd is not asked for cgroups")
    func systemd() throws {
        let bundle = try TestBundle.running("true")
        #expect(try bundle.call("--systemd-cgroup", "list").errors.contains("cgroupfs"))
        try bundle.remove()
    }
}
