import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

extension ControllerTests {
    @Suite("Memory", .serialized)
    struct MemoryControllerTests {
        static let limit: UInt64 = 32 << 20
        static let hog = "dd if=/dev/zero of=/dev/null bs=128M count=1"

        @Test("a hog is killed with all its processes, the end names limit and use, and a neighbour is left alone")
        func groupKill() throws {
            let host = try TestHost()
            let neighbour = try host.started("sleep 600") { $0.limits.memory = Self.limit }
            let (id, group, running) = try host.started("sleep 600 & \(Self.hog); echo survived") {
                $0.limits.memory = Self.limit
            }
            try #require(try running.process.waitForEnd(milliseconds: 60_000))
            try Deadline(seconds: 120).wait("the cgroup to be empty") { group.processes().isEmpty }
            #expect(group.value(of: "oom_group_kill", in: "memory.events") == 1)
            #expect((group.value(of: "oom_kill", in: "memory.events") ?? 0) >= 3, "init, shell, sleep and dd")

            let exit = try host.containerizer.wait(for: id, running: running)
            #expect(exit.reason == .memoryLimit)
            #expect(exit.code == 137)
            #expect(exit.message.contains("its memory limit of 32 MiB (highest use 32 MiB)"), "\(exit.message)")
            #expect(exit.message.contains("--memory"))
            #expect(!group.exists)

            #expect(try host.containerizer.status(of: neighbour.id)?.state == .running)
            #expect(neighbour.group.value(of: "oom_kill", in: "memory.events") == 0)
            #expect(try host.exec(neighbour.id, ["echo", "alive"]).output == "alive\n")
        }

        @Test(
            "a hog that is the task's child ends the container too, with an init and without", arguments: [true, false])
        func childHogs(hasInit: Bool) throws {
            let outcome = try TestHost().shell("(\(Self.hog)); echo survived") {
                $0.limits.memory = Self.limit
                $0.isolation.hasInit = hasInit
            }
            #expect(outcome.exit.reason == .memoryLimit)
            #expect(outcome.exit.code == 137)
            #expect(outcome.output == "")
        }

        @Test("a hog that joined counts as the container's")
        func execHogs() throws {
            let host = try TestHost()
            let (id, _, running) = try host.started("sleep 600") { $0.limits.memory = Self.limit }
            #expect(try host.exec(id, ["sh", "-c", Self.hog]).code == 137)
            try #require(try running.process.waitForEnd(milliseconds: 60_000))
            #expect(try host.containerizer.wait(for: id, running: running).reason == .memoryLimit)
        }

        @Test("a container that has used up its memory is ended by who joins it, and takes nobody outside along")
        func fullWhenJoined() throws {
            // Whoever joins is of our memory until it executes, and what that takes is the container's: the killer
            // would end this process.
            var killed: UInt64 = 0
            for room in [0, 1, 2, 3, 4, 6, 8, 12] as [UInt64] {
                let host = try TestHost()
                let fill = "dd if=/dev/zero of=/dev/shm/fill bs=1M count=24; echo full; sleep 600"
                let (id, group, _) = try host.started(fill) { $0.limits.memory = Self.limit }
                try Deadline(seconds: 120).wait("the memory to be full") { host.said(id).contains("full") }
                // What can be given back is, what the kernel has counted ahead of its use as well: a limit just below
                // makes it count again.
                do throws(KernelError) { try TextFile.write("32M", to: "\(group.path)/memory.reclaim") } catch {
                    #expect(error.errno == Errno.wouldBlock)
                }
                for above: Int64 in [-1, Int64(room)] {
                    let used = try #require(Int64(try host.setting("memory.current", of: id)))
                    try TextFile.write("\(used + above * 4_096)", to: "\(group.path)/memory.max")
                }
                // It runs, or its container ended meanwhile.
                do { _ = try host.exec(id, ["true"]) } catch let failure as Failure {
                    #expect(["container.not-running", "launch.lost"].contains(failure.code.rawValue), "\(failure)")
                }
                killed += group.value(of: "oom_group_kill", in: "memory.events") ?? 0
            }
            #expect(killed > 0)
        }

        @Test("files in memory count")
        func sharedMemory() throws {
            let outcome = try TestHost().shell("dd if=/dev/zero of=/dev/shm/file bs=1M count=60; echo survived") {
                $0.limits.memory = Self.limit
            }
            #expect(outcome.exit.reason == .memoryLimit)
            #expect(outcome.output == "")
        }

        @Test("sysinfo as the host answers it tells the limit, what is left of it, and no swap of the host's")
        func emulated() throws {
            let outcome = try TestHost().shell("free -b | sed -n '2p;$p'") {
                $0.limits.memory = Self.limit
                $0.isolation.emulated = [.sysinfo]
            }
            let rows = outcome.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            try #require(rows.count == 2 && rows[0].count > 5 && rows[1].count > 2, "\(outcome)")
            // Busybox takes the host's caches, of /proc/meminfo, off what is used: that leaves less than nothing.
            #expect(rows[0][1].hasPrefix("\(Self.limit)"))
            let free = try #require(UInt64(rows[0][rows[0].count - 4]))
            #expect(free > Self.limit / 2 && free < Self.limit, "\(free)")
            #expect(rows[1][1] == "0", "\(outcome.output)")
            let control = try TestHost().shell("free -b | sed -n 2p") { $0.limits.memory = Self.limit }
            #expect(control.output.split(separator: " ").dropFirst().first != "\(Self.limit)")
        }

        @Test("a task within its limit is not troubled")
        func within() throws {
            let outcome = try TestHost().shell("dd if=/dev/zero of=/dev/null bs=16M count=4 && echo survived") {
                $0.limits.memory = Self.limit
            }
            #expect(outcome.exit.code == 0)
            #expect(outcome.output == "survived\n")
        }

        @Test(
            "the kernel holds what was asked, as seen from outside and from inside",
            arguments: [(nil, "0"), (16 << 20, "16777216"), (UInt64(Int64.max), "max")] as [(UInt64?, String)])
        func readBack(swap: UInt64?, kept: String) throws {
            let host = try TestHost()
            let (id, _, _) = try host.started("sleep 600") {
                $0.limits.memory = Self.limit
                $0.limits.swap = swap
            }
            let inside = try host.exec(
                id, ["sh", "-c", "cd /sys/fs/cgroup; cat memory.max memory.swap.max memory.oom.group"])
            #expect(inside.output == "\(Self.limit)\n\(kept)\n1\n")
            #expect(try host.setting("memory.max", of: id) == "\(Self.limit)")
            #expect(try host.setting("memory.swap.max", of: id) == kept)
            #expect(try host.setting("memory.oom.group", of: id) == "1")
        }

        @Test("protection of the command itself from the kernel's killer is not passed on")
        func protectedParent() throws {
            let host = try TestHost()
            try TextFile.write("-1000", to: "/proc/self/oom_score_adj")
            defer {
                #expect(throws: Never.self) { try TextFile.write("0", to: "/proc/self/oom_score_adj") }
            }
            let (id, _, running) = try host.started("cat /proc/self/oom_score_adj; sleep 600") {
                $0.limits.memory = Self.limit
            }
            #expect(try host.exec(id, ["cat", "/proc/self/oom_score_adj"]).output == "0\n")
            #expect(try host.exec(id, ["cat", "/proc/1/oom_score_adj"]).output == "0\n")
            #expect(try host.exec(id, ["sh", "-c", Self.hog]).code == 137)
            try #require(try running.process.waitForEnd(milliseconds: 60_000))
            #expect(try host.containerizer.wait(for: id, running: running).reason == .memoryLimit)
        }
    }
}
