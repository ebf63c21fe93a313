import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

extension ControllerTests {
    @Suite("Processes", .serialized)
    struct ProcessControllerTests {
        /// Forks for ever; the shell itself becomes `sleep`, so the container goes on.
        static let bomb = "bomb() { bomb | bomb & }; bomb; exec sleep 600"

        @Test("a fork bomb stays within its limit, the host goes on, and it can be killed")
        func bomb() throws {
            let host = try TestHost()
            let (id, group, running) = try host.started(Self.bomb) {
                $0.limits.pids = 48
                $0.limits.pidsAsked = true
            }
            var highest: UInt64 = 0
            try Deadline(seconds: 60).wait("the kernel to refuse forks") {
                highest = max(highest, group.amount(of: "pids.current") ?? 0)
                return (group.value(of: "max", in: "pids.events") ?? 0) > 20
            }
            #expect(highest <= 48)
            #expect(try host.shell("echo alive").output == "alive\n")
            try host.containerizer.kill(id, signal: 9)
            #expect(try host.containerizer.wait(for: id, running: running).code == 137)
            #expect(!group.exists)
        }

        @Test("a full container takes no more processes, says so, and takes them again when it has room")
        func full() throws {
            let host = try TestHost()
            // Init, the shell and six sleeps.
            let (id, group, _) = try host.started("for i in 1 2 3 4 5 6; do sleep 600 & done; wait") {
                $0.limits.pids = 8
            }
            try Deadline(seconds: 120).wait("it to be full") { group.amount(of: "pids.current") == 8 }
            let failure = try #require(throws: Failure.self) { try host.exec(id, ["true"]) }
            #expect(failure.code == "container.process-limit")
            #expect(failure.limit == "pids 8")
            #expect(group.value(of: "max", in: "pids.events") == 1)
            #expect(group.amount(of: "pids.current") == 8)

            try host.containerizer.update(id, limits: ContainerLimits(pids: 16))
            #expect(try host.exec(id, ["echo", "room"]).output == "room\n")
        }

        @Test("limits hold from the first instruction")
        func fromBirth() throws {
            let host = try TestHost()
            let fork = try host.shell("/bin/true; echo survived") { $0.limits.pids = 2 }
            #expect(fork.exit.code == 2)
            #expect(fork.error.contains("can't fork: Resource temporarily unavailable"))
            let hog = try host.run(["dd", "if=/dev/zero", "of=/dev/null", "bs=32M", "count=1"]) {
                $0.limits.memory = 6 << 20
                $0.isolation.hasInit = false
            }
            #expect(hog.exit.reason == .memoryLimit)
            // Less than our own launcher needs: it is counted from its birth, too.
            let nothing = try host.shell("echo survived") { $0.limits.memory = 100 << 10 }
            #expect(nothing.exit.reason == .memoryLimit)
            #expect(nothing.output == "")
        }

        @Test("without being asked, a container has 1,024 processes and dies as one")
        func defaults() throws {
            let host = try TestHost()
            let (id, _, running) = try host.started("sleep 600")
            #expect(try host.setting("pids.max", of: id) == "1024")
            #expect(try host.setting("memory.oom.group", of: id) == "1")
            let inside = try host.exec(id, ["sh", "-c", "cat /sys/fs/cgroup/pids.max /proc/self/cgroup"])
            #expect(inside.output == "1024\n0::/\n")
            let outside = try TextFile.read("/proc/\(running.process.id)/cgroup")
            #expect(outside == "0::/bulkhead/\(id.text)\n")
            let write = try host.exec(id, ["sh", "-c", "echo max > /sys/fs/cgroup/pids.max"])
            #expect(write.code != 0)
            #expect(write.error.contains("Read-only file system"))
            #expect(try host.setting("pids.max", of: id) == "1024")
        }
    }
}
