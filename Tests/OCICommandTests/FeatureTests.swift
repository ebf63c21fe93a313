import Diagnostics
import LinuxKernel
import OrderedCollections
import RuntimeSpec
import Testing

@Suite("what few configurations ask for")
struct FeatureTests {
    private static func add(_ mount: SpecValue, to members: inout OrderedDictionary<String, SpecValue>) {
        guard case .array(let mounts)? = members["mounts"] else { return }
        members["mounts"] = .array(mounts + [mount])
    }

    private static func add(namespace: SpecValue, to members: inout OrderedDictionary<String, SpecValue>) {
        guard case .object(let linux)? = members["linux"], case .array(let there)? = linux["namespaces"] else { return }
        TestBundle.set(&members, ["linux", "namespaces"], .array(there + [namespace]))
    }

    @Test("a mapped mount shows its files under other ids, and those of the host stay what they are")
    func mappedMount() throws {
        let map: SpecValue = [["containerID": 0, "hostID": 300_000, "size": 1_000]]
        let script = "stat -c %u:%g /mapped/file; echo x > /mapped/new; stat -c %u /mapped/new"
        let bundle = try TestBundle.running(script) {
            Self.add(
                [
                    "destination": "/mapped", "source": "source", "options": ["rbind"], "uidMappings": map,
                    "gidMappings": map,
                ], to: &$0)
            // Root of the container is nobody the mount knows: it makes a file as an id that is mapped.
            TestBundle.set(&$0, ["process", "user"], ["uid": 300_000, "gid": 300_000])
        }
        try Directories.makeAll("\(bundle.place)/source", mode: 0o777)
        try bundle.write("x", "source/file")
        let answer = try bundle.run()
        #expect(answer.output == "300000:300000\n300000\n", "\(answer.errors)")
        let made = try OwnedDescriptor.open(RawPath("\(bundle.place)/source/new"), .path).status()
        #expect(made.uid == 0)
        try bundle.remove()
    }

    @Test("another container's time namespace is joined by its path")
    func timeNamespace() throws {
        let first = try TestBundle.running("sleep 600") {
            Self.add(namespace: ["type": "time"], to: &$0)
            TestBundle.set(&$0, ["linux", "timeOffsets"], ["boottime": ["secs": 50_000_000]])
        }
        #expect(try first.create().status == 0)
        #expect(try first.call("start", TestBundle.id).status == 0)
        let process = try #require(try first.state().integer("pid", as: Int32.self))
        let second = try TestBundle.running("cat /proc/uptime") {
            Self.add(namespace: ["type": "time", "path": .string("/proc/\(process)/ns/time")], to: &$0)
        }
        let answer = try second.run()
        let seconds = answer.output.split(separator: " ").first.flatMap { Double($0) }
        #expect(try #require(seconds, "\(answer.errors)") > 50_000_000)
        try second.remove()
        try first.remove()
    }

    @Test("without pivot_root the root is the container's all the same")
    func noPivot() throws {
        let bundle = try TestBundle.running("ls /; cd ..; ls -d ../../bin ../../etc 2>/dev/null")
        let answer = try bundle.call("run", "--bundle", bundle.place, "--no-pivot", TestBundle.id)
        #expect(answer.output == "bin\ndev\nproc\nsys\n../../bin\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test("a variable given to exec takes the place of the container's")
    func environment() throws {
        let bundle = try TestBundle.running("sleep 600") {
            TestBundle.set(&$0, ["process", "env"], ["PATH=/bin", "COLOUR=red", "SIZE=small"])
        }
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let answer = try bundle.call("exec", "--env", "COLOUR=blue", TestBundle.id, "env")
        let lines = Set(answer.output.split(separator: "\n"))
        #expect(lines.isSuperset(of: ["PATH=/bin", "COLOUR=blue", "SIZE=small"]), "\(answer.errors)")
        #expect(!lines.contains("COLOUR=red"))
        try bundle.remove()
    }

    @Test("exec goes to a group below the container's and to no other", arguments: ["../..", "a/../../b", "./.."])
    func groupBelow(_ path: String) throws {
        let bundle = try TestBundle.running("sleep 600")
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let answer = try bundle.call("exec", "--cgroup", path, TestBundle.id, "true")
        #expect(answer.status == 255)
        #expect(answer.errors.contains("`..` components are not allowed"))
        #expect(try bundle.call("exec", "--cgroup", "none", TestBundle.id, "true").status == 255)
        try bundle.remove()
    }

    @Test("a filter compiled for one container serves the next, and the same calls are refused")
    func filters() throws {
        let bundle = try TestBundle.running("mount -t tmpfs x /proc 2>/dev/null && echo mounted; echo $?") {
            TestBundle.set(
                &$0, ["linux", "seccomp"],
                [
                    "defaultAction": "SCMP_ACT_ALLOW",
                    "syscalls": [["names": ["exit_group"], "action": "SCMP_ACT_KILL_PROCESS"]],
                ])
        }
        let kept = "\(bundle.place)/state/.filters"
        for round in 1...2 {
            #expect(try bundle.run().status == 128 + 31, "round \(round)")
            #expect(try OwnedDescriptor.open(RawPath(kept), [.directory]).entries().count == 1)
            #expect(try bundle.call("list", "--quiet").output.isEmpty)
        }
        try bundle.remove()
    }

    @Test("an id that is no name is refused", arguments: [".", "..", ".filters", "a/b", "a b", ""])
    func ids(_ id: String) throws {
        let bundle = try TestBundle.running("true")
        let answer = try bundle.call("run", "--bundle", bundle.place, id)
        #expect(answer.status == 1)
        #expect(answer.errors.contains("container id"))
        try bundle.remove()
    }

    @Test("kernel.domainname may say what domainname says, and nothing else")
    func domainName() throws {
        for (value, status) in [("one.example", 0), ("other.example", 1)] as [(String, Int32)] {
            let bundle = try TestBundle.running("true") {
                $0["domainname"] = "one.example"
                TestBundle.set(&$0, ["linux", "sysctl"], ["kernel.domainname": .string(value)])
            }
            let answer = try bundle.run()
            #expect(answer.status == status, "\(answer.errors)")
            try bundle.remove()
        }
    }

    @Test("in a user namespace too, a device is the one that is asked for, whatever the host calls so")
    func deviceOfUserNamespace() throws {
        let map: SpecValue = [["containerID": 0, "hostID": 300_000, "size": 1_000]]
        let read = "busybox head -c 2 /dev/full | busybox wc -c"
        let bundle = try TestBundle.running("stat -c '%t:%T %u:%g %a' /dev/mine /dev/full; \(read)") {
            Self.add(namespace: ["type": "user"], to: &$0)
            TestBundle.set(&$0, ["linux", "uidMappings"], map)
            TestBundle.set(&$0, ["linux", "gidMappings"], map)
            TestBundle.set(
                &$0, ["linux", "devices"],
                [
                    ["path": "/dev/mine", "type": "b", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 10, "gid": 11],
                    ["path": "/dev/full", "type": "c", "major": 1, "minor": 5],
                ])
        }
        let answer = try bundle.run()
        #expect(answer.output == "1:5 10:11 640\n1:5 0:0 666\n2\n", "\(answer.errors)")
        try bundle.remove()
    }

    @Test("a device whose owner the user namespace does not have is refused")
    func ownerOfDevice() throws {
        let map: SpecValue = [["containerID": 0, "hostID": 300_000, "size": 10]]
        let bundle = try TestBundle.running("true") {
            Self.add(namespace: ["type": "user"], to: &$0)
            TestBundle.set(&$0, ["linux", "uidMappings"], map)
            TestBundle.set(&$0, ["linux", "gidMappings"], map)
            TestBundle.set(
                &$0, ["linux", "devices"], [["path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "uid": 10]])
        }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("owner 10 of a device"), "\(answer.errors)")
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        try bundle.remove()
    }

    @Test(
        "a scheduler that no kernel would take is refused before anything is made",
        arguments: [
            (["policy": "SCHED_DEADLINE", "deadline": 20_000], "requires `runtime`"),
            (["policy": "SCHED_DEADLINE", "runtime": 20_000], "requires `deadline`"),
            (["policy": "SCHED_DEADLINE", "runtime": 0, "deadline": 20_000], "runtime must be greater than 0"),
            (["policy": "SCHED_DEADLINE", "runtime": 1_023, "deadline": 20_000], "runtime (1023) must be between 1024"),
            (["policy": "SCHED_DEADLINE", "runtime": 3_000, "deadline": 2_000], "runtime (3000) must be <= deadline"),
            (
                ["policy": "SCHED_DEADLINE", "runtime": 2_000, "deadline": 3_000, "period": 2_500],
                "deadline (3000) must be <= period (2500)"
            ),
            (["policy": "SCHED_FIFO"], "between 1 and 99, not 0"),
            (["policy": "SCHED_RR", "priority": 100], "between 1 and 99, not 100"),
            (["policy": "SCHED_OTHER", "priority": 1], "priority of 0, not 1"),
            (["policy": "SCHED_BATCH", "runtime": 2_000], "belong to SCHED_DEADLINE"),
        ] as [(SpecValue, String)])
    func wrongScheduler(_ scheduler: SpecValue, _ words: String) throws {
        let bundle = try TestBundle.running("true") { TestBundle.set(&$0, ["process", "scheduler"], scheduler) }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains(words) && answer.errors.contains("process.scheduler"), "\(answer.errors)")
        try bundle.remove()
    }
}
