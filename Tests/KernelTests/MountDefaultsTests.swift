import Containers
import Diagnostics
import LinuxKernel
import Testing

/// What a container sees of file systems and devices by default.
@Suite("A container's default mounts", .serialized)
struct MountDefaultsTests {
    @Test("the root is nosuid and nodev, and nothing propagates to the host or from it")
    func root() throws {
        let host = try TestHost()
        let mounts = try host.detached(["sleep", "600"]).task().mounts()
        let root = try #require(mounts["/"])
        #expect(root.type == "overlay")
        #expect(root.options.isSuperset(of: ["rw", "nosuid", "nodev"]))
        for (place, mount) in mounts { #expect(mount.propagation.isEmpty, "\(place)") }
        let inside = try host.shell("cat /proc/self/mountinfo")
        #expect(!inside.output.contains(host.places.store) && !inside.output.contains(host.places.volatile))
    }

    @Test("/proc, /sys, /dev and what is in them are mounted as the table says")
    func kernelFilesystems() throws {
        let host = try TestHost()
        let mounts = try host.detached(["sleep", "600"]).task().mounts()
        let expected: [(String, String, Set<String>)] = [
            ("/proc", "proc", ["rw", "nosuid", "nodev", "noexec"]),
            ("/sys", "sysfs", ["ro", "nosuid", "nodev", "noexec"]),
            ("/sys/fs/cgroup", "cgroup2", ["ro", "nosuid", "nodev", "noexec"]),
            ("/dev", "tmpfs", ["rw", "nosuid", "noexec"]),
            ("/dev/pts", "devpts", ["rw", "nosuid", "noexec"]),
            ("/dev/shm", "tmpfs", ["rw", "nosuid", "nodev", "noexec"]),
            ("/dev/mqueue", "mqueue", ["rw", "nosuid", "nodev", "noexec"]),
            ("/proc/sys", "proc", ["ro", "nosuid", "nodev", "noexec"]),
            ("/etc/hosts", "tmpfs", ["rw", "nosuid", "nodev", "noexec"]),
            ("/etc/resolv.conf", "tmpfs", ["rw", "nosuid", "nodev", "noexec"]),
        ]
        for (place, type, options) in expected {
            #expect(mounts[place]?.type == type, "\(place)")
            #expect(mounts[place]?.options.isSuperset(of: options) == true, "\(place): \(mounts[place]?.options ?? [])")
        }
    }

    @Test("no mount of a container is ever in this host's mount table")
    func hostTable() throws {
        let before = try HostMounts.now()
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let during = try HostMounts.now()
        #expect(!during.mentions(running.record.request.id.text))
        #expect(!during.mentions(host.places.volatile) && !during.mentions(host.places.store))
        #expect(during == before)
        _ = try host.exec(running.record.request.id, ["true"])
        try host.containerizer.remove(running.record.request.id, force: true)
        let after = try HostMounts.now()
        #expect(after == before && !after.mentions(host.places.store))
    }

    @Test("every masked path reads as nothing; those this kernel has are under a mount of their own")
    func masked() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let mounts = try running.task().mounts()
        for path in DefaultPaths.masked {
            let outcome = try host.exec(
                running.record.request.id,
                [
                    "sh", "-c",
                    "if [ -d \(path) ]; then ls -A \(path); elif [ -e \(path) ]; then cat \(path); else echo none; fi",
                ])
            #expect(outcome.output == (mounts[path] == nil ? "none\n" : ""), "\(path)")
            if HostFacts.exists(path) { #expect(mounts[path]?.options.contains("ro") == true, "\(path)") }
        }
    }

    @Test("every read-only path refuses writing")
    func readOnly() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let mounts = try running.task().mounts()
        for path in DefaultPaths.readOnly where HostFacts.exists(path) {
            let mount = try #require(mounts[path], "\(path)")
            #expect(mount.options.isSuperset(of: ["ro", "nosuid", "nodev", "noexec"]), "\(path)")
        }
    }

    @Test("a mask hides what it is asked to, and a path that cannot be covered stops the launch")
    func askedFor() throws {
        let host = try TestHost()
        let hidden = try host.shell("ls -A /etc; wc -c < /bin/busybox") {
            $0.isolation.maskedPaths += ["/etc", "/no/such/place"]
        }
        #expect(hidden.output.split(separator: "\n").count == 1)
        #expect(try host.shell("cat /etc/passwd") { $0.isolation.maskedPaths += ["/etc/passwd"] }.output == "")
        try OwnedDescriptor.open(RawPath(host.layer), [.directory]).makeLink("circle", to: "circle")
        do {
            _ = try host.shell("true") { $0.isolation.maskedPaths += ["/circle"] }
            Issue.record("a path that could not be looked up was left uncovered")
        } catch {
            #expect((error as? Failure)?.code == "launch.step-failed")
        }
    }

    @Test("with processes only, /proc has nothing but processes and needs no masks")
    func processesOnly() throws {
        let host = try TestHost()
        let outcome = try host.shell(
            "cd /proc; for f in *; do case $f in [0-9]*|self|thread-self) ;; *) echo $f; esac; done"
        ) {
            $0.isolation.procView = .processes
        }
        #expect(outcome.output == "")
    }

    @Test("/dev holds six devices, a few links, and places of the container's own")
    func devices() throws {
        let host = try TestHost()
        let outcome = try host.shell("cd /dev; for f in *; do stat -c '%n %F %t:%T %a %u' $f; done")
        #expect(
            outcome.output == """
                fd symbolic link 0:0 777 0
                full character special file 1:7 666 0
                mqueue directory 0:0 1777 0
                null character special file 1:3 666 0
                ptmx symbolic link 0:0 777 0
                pts directory 0:0 755 0
                random character special file 1:8 666 0
                shm directory 0:0 1777 0
                stderr symbolic link 0:0 777 0
                stdin symbolic link 0:0 777 0
                stdout symbolic link 0:0 777 0
                tty character special file 5:0 666 0
                urandom character special file 1:9 666 0
                zero character special file 1:5 666 0

                """)
        let works = try host.shell(
            "head -c 4 /dev/zero | od -An -tx1; echo x > /dev/null; echo y > /dev/full; head -c 1 /dev/urandom | wc -c")
        #expect(works.output == " 00 00 00 00\n1\n")
        #expect(works.error.contains("No space left"))
    }

    @Test("a device that came into /dev from outside is refused by the program on the cgroup")
    func deviceFilter() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let task = try running.task()
        let devices = try OwnedDescriptor.open(RawPath("/proc/\(task.id)/root/dev"), [.directory])
        for (name, major, minor) in [
            ("planted-null", UInt32(1), UInt32(3)), ("planted-kmsg", 1, 11), ("planted-fuse", 10, 229),
        ] {
            try devices.makeNode(RawPath(name), kind: .character, mode: 0o666, major: major, minor: minor)
            try devices.changeMode(of: RawPath(name), 0o666)
        }
        let outcome = try host.exec(
            running.record.request.id,
            ["sh", "-c", "for d in null kmsg fuse; do (exec 9<> /dev/planted-$d) 2>&1 && echo $d opened; done"])
        #expect(outcome.output.contains("null opened"))
        #expect(!outcome.output.contains("kmsg opened") && !outcome.output.contains("fuse opened"))
        #expect(outcome.output.contains("planted-kmsg: Operation not permitted"))
        #expect(outcome.output.contains("planted-fuse: Operation not permitted"))
    }

    @Test("the cgroup is seen as a root of its own, and only for reading")
    func controlGroup() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        #expect(try running.task().file("cgroup").contains("/bulkhead/\(running.record.request.id.text)"))
        let outcome = try host.exec(
            running.record.request.id,
            ["sh", "-c", "grep ^0:: /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs | wc -l"])
        #expect(outcome.output.hasPrefix("0::/\n"))
        #expect(outcome.code == 0)
    }

    @Test("a terminal's device belongs to the task's user, in a devpts of the container's own")
    func terminals() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"]) {
            $0.process.terminal = TerminalRequest()
            $0.process.uid = 1_000
        }
        let outcome = try host.exec(running.record.request.id, ["sh", "-c", "ls /dev/pts; stat -c %u /dev/pts/0"])
        #expect(outcome.output == "0\nptmx\n1000\n")
        #expect(try running.task().mounts()["/dev/pts"]?.type == "devpts")
    }
}
