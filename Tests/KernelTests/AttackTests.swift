import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

/// Containers that work against the runtime while it is at work (security facts, sections 1.2 and 1.3).
@Suite("A running container cannot disturb the runtime", .serialized)
struct AttackTests {
    @Test("exchanging a volume's directories and links while others mount below it gains nothing on the host")
    func volumeRace() throws {
        let host = try TestHost.withProbe()
        let canary = try Canary(beside: host)
        let shared = try host.directory("shared", mode: 0o777)
        let inner = try host.directory("inner")
        try Directories.makeAll(shared + "/door", mode: 0o777)
        let volume = try OwnedDescriptor.open(RawPath(shared), [.directory])
        try volume.makeLink("gate", to: RawPath("/.." + canary.path))
        let attacker = try host.detached([Probe.program, "race", "exchange", "/vol/door", "/vol/gate"]) {
            $0.volumes = [VolumeRequest(source: shared, target: "/vol")]
        }
        var started = 0
        for _ in 0..<200 {
            do {
                let outcome = try host.shell("cat /proc/kallsyms /proc/interrupts; ls /vol/door/x") {
                    $0.volumes = [
                        VolumeRequest(source: shared, target: "/vol"),
                        VolumeRequest(source: inner, target: "/vol/door/x"),
                    ]
                }
                #expect(outcome.output == "")
                started += 1
            } catch {
                #expect((error as? Failure)?.code == "launch.step-failed", "\(error)")
            }
        }
        #expect(started > 0)
        #expect(try host.containerizer.status(of: attacker.record.request.id)?.state == .running)
        #expect(try canary.isUnchanged())
        #expect(!HostFacts.exists("/x"))
        #expect(try Set(volume.entries().map(\.name.description)) == ["door", "gate"])
    }

    @Test("a process that joins cannot be opened or traced before it is the container's own program")
    func execUnderAttack() throws {
        let host = try TestHost.withProbe()
        let id = try host.detached([Probe.program, "race", "attack", "memfd"]).record.request.id
        try Deadline(seconds: 120).wait("the attack to begin") { host.said(id).contains("ready") }
        for _ in 0..<200 { #expect(try host.exec(id, ["true"]).code == 0) }
        #expect(host.said(id) == "ready\n")
        // The same attack on an ordinary process succeeds, so it is one; on one that is there when it gets its turn.
        let other = try host.detached([Probe.program, "race", "attack", "busybox"]).record.request.id
        try Deadline(seconds: 120).wait("the attack to begin") { host.said(other).contains("ready") }
        var missed = ["mem", "environ", "exe", "root", "cwd", "fd", "ns/mnt", "ptrace"]
        let deadline = Deadline(seconds: 120)
        while true {
            _ = try host.exec(other, ["sleep", "3"])
            let said = host.said(other)
            missed.removeAll { said.contains(" \($0)\n") }
            if missed.isEmpty { break }
            try deadline.pause("a hit on \(missed)")
        }
    }

    @Test("nobody inside holds up a process that joins by stopping it")
    func execStopped() throws {
        let host = try TestHost.withProbe()
        let id = try host.detached([Probe.program, "race", "stop", "100"]).record.request.id
        try Deadline(seconds: 90).wait("the attack to begin") { host.said(id).contains("ready") }
        var codes: Set<Int32> = []
        // Met at least once, and more often than once.
        for round in 0..<400 where round < 40 || !codes.contains(137) { codes.insert(try host.exec(id, ["true"]).code) }
        #expect(host.said(id) == "ready\n")
        #expect(codes.contains(137) && codes.isSubset(of: [0, 137]), "\(codes)")
    }

    @Test(
        "a replaced /dev/null is noticed when a process joins",
        arguments: [
            "ln -s /root/fake /dev/null", "ln -s zero /dev/null", "echo x > /dev/null", "mkfifo /dev/null",
            "mkdir /dev/null",
        ])
    func replacedNull(_ replacement: String) throws {
        let host = try TestHost()
        let running = try host.detached(
            ["sh", "-c", "echo bait > /root/fake; rm /dev/null; \(replacement); echo done; exec sleep 600"])
        let id = running.record.request.id
        try Deadline(seconds: 120).wait("the replacement") { host.said(id).contains("done") }
        do {
            let outcome = try host.exec(id, ["cat"])
            Issue.record("joined with \(outcome.output)")
        } catch {
            #expect((error as? Failure)?.code == "launch.step-failed")
        }
        #expect(try host.containerizer.status(of: id)?.state == .running)
    }

    @Test("a thousand daemons that ignore every signal are gone when the task is")
    func daemons() throws {
        let host = try TestHost.withProbe()
        let outcome = try host.run([Probe.program, "race", "daemons", "1000"])
        #expect(outcome.output == "started 1000\n")
        #expect(outcome.exit.code == 0)
        #expect(HostFacts.wallClock() - outcome.exit.endedAt < 60)
        #expect(try host.containerizer.list().isEmpty)
    }

    @Test("a fork bomb stops at the container's own limit")
    func forkBomb() throws {
        let host = try TestHost.withProbe()
        let outcome = try host.run([Probe.program, "race", "daemons", "4000"]) { $0.limits.pids = 64 }
        #expect(outcome.exit.code == 1)
        #expect(outcome.output == "")
    }

    @Test("init takes no orders from inside and cannot be stopped or killed there")
    func initSignals() throws {
        let host = try TestHost()
        let outcome = try host.shell(
            "trap '' HUP INT QUIT USR1 USR2 TERM; for s in 1 2 3 9 10 12 15 19 20; do kill -$s 1; done; usleep 100000; "
                + "echo alive; exit 6")
        #expect(outcome.output == "alive\n")
        #expect(outcome.exit.code == 6)
    }

    @Test("a task that closes its streams, fills its output or leaves readers behind ends all the same")
    func streams() throws {
        let host = try TestHost()
        #expect(try host.shell("exec >&- 2>&-; exit 3").exit.code == 3)
        let flood = try host.shell("yes | head -c 20000000; (sleep 600 &) ; exit 4")
        #expect(flood.exit.code == 4)
        #expect(flood.output.utf8.count == 20_000_000)
    }

    @Test("groups are exactly those asked for: a file that shuts its group out shuts it out")
    func groups() throws {
        let host = try TestHost()
        let image = try host.image()
        try image.open("etc/closed", [.writeOnly, .create], mode: 0o607).write("open to all but group 1234\n")
        try image.changeMode(of: "etc/closed", 0o607)
        try image.changeOwner(of: "etc/closed", uid: 0, gid: 1_234)
        for (groups, isOpen) in [([UInt32(1_234)], false), ([], true)] {
            let outcome = try host.shell("cat /etc/closed; id -G") {
                $0.process.uid = 1_000
                $0.process.gid = 1_000
                $0.process.groups = groups
            }
            #expect(outcome.output.contains("open to all") == isOpen)
            #expect(outcome.output.hasSuffix(groups.isEmpty ? "1000\n" : "1000 1234\n"))
        }
    }

    @Test(
        "only the container's own sysctls can be set",
        arguments: [
            "kernel.core_pattern", "kernel/shm_rmid_forced", "kernel.shm_rmid_forced=1+kernel.core_pattern", "net.",
            "net..x",
            "net.ipv4.ip_forward\n", "net.ipv4.../../kernel/core_pattern", "vm.overcommit_memory", "fs.file-max",
            "kernel.modprobe", "", "user.max_user_namespaces",
        ])
    func refusedSysctls(_ name: String) throws {
        let host = try TestHost()
        do {
            _ = try host.shell("true") { $0.isolation.sysctls = [name: "1"] }
            Issue.record("\(name) was set")
        } catch {
            #expect((error as? Failure)?.code == "isolation.refused-sysctl")
        }
    }

    @Test("a sysctl of a namespace is set in the container and nowhere else")
    func sysctls() throws {
        let host = try TestHost()
        let before = try TextFile.read("/proc/sys/kernel/shm_rmid_forced")
        let outcome = try host.shell(
            "cd /proc/sys; cat kernel/shm_rmid_forced net/ipv4/ip_unprivileged_port_start fs/mqueue/queues_max"
        ) {
            $0.isolation.sysctls = [
                "kernel.shm_rmid_forced": "1", "net.ipv4.ip_unprivileged_port_start": "80",
                "fs.mqueue.queues_max": "17",
            ]
        }
        #expect(outcome.output == "1\n80\n17\n")
        #expect(try TextFile.read("/proc/sys/kernel/shm_rmid_forced") == before)
    }

    @Test("another container's processes, abstract sockets and shared memory are not there")
    func neighbours() throws {
        let host = try TestHost()
        let neighbour = try host.detached(["sh", "-c", "echo secret > /dev/shm/theirs; sleep 600"])
        let outcome = try host.shell(
            """
            ls -A /dev/shm; ps -o args | grep -c '[s]leep 600'; grep -c @ /proc/net/unix
            kill -9 \(neighbour.process.id); ls /proc | grep -c '^[0-9]'
            """
        )
        let lines = outcome.output.split(separator: "\n").map(String.init)
        #expect(lines.prefix(2) == ["0", "0"])
        #expect((lines.last.flatMap { Int($0) } ?? 99) <= 5)
        #expect(outcome.error.contains("No such process"))
        #expect(try host.containerizer.status(of: neighbour.record.request.id)?.state == .running)
    }
}

extension TestHost {
    /// What a container has written so far.
    func said(_ id: ContainerID) -> String {
        var log = containerizer.log(id)
        do {
            return try log.next().filter { $0.stream == .output }.map { String(decoding: $0.bytes, as: UTF8.self) }
                .joined()
        } catch {
            return "\(error)"
        }
    }
}
