import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

extension ControllerTests {
    @Suite("Update and usage", .serialized)
    struct UpdateControllerTests {
        @Test("a refused value leaves every limit as it was, in the kernel and in the record")
        func refused() throws {
            let host = try TestHost()
            let old = ContainerLimits(cpus: 0.5, memory: 64 << 20, pids: 32, cpuset: "0")
            let (id, _, _) = try host.started("sleep 600") { $0.limits = old }
            var new = ContainerLimits(cpus: 0.25, cpuWeight: 50, memory: 128 << 20, pids: 64, cpuset: "0-4000")
            let failure = try #require(throws: Failure.self) { try host.containerizer.update(id, limits: new) }
            #expect(failure.code == "cgroup.cannot-limit")
            #expect(failure.field == "cpuset")
            #expect(failure.alsoFailed.isEmpty)
            for (file, kept) in [
                ("cpu.max", "50000 100000"), ("cpu.weight", "100"), ("memory.max", "67108864"), ("pids.max", "32"),
                ("cpuset.cpus", "0"),
            ] {
                #expect(try host.setting(file, of: id) == kept, "\(file)")
            }
            #expect(try host.containerizer.status(of: id)?.record.request.limits == old)

            new.cpuset = nil
            try host.containerizer.update(id, limits: new)
            for (file, kept) in [
                ("cpu.max", "25000 100000"), ("cpu.weight", "50"), ("memory.max", "134217728"), ("pids.max", "64"),
            ] {
                #expect(try host.setting(file, of: id) == kept, "\(file)")
            }
            let all = try TextFile.read("/sys/fs/cgroup/bulkhead/cpuset.cpus.effective")
            #expect(try host.group(id).read("cpuset.cpus.effective") == all)
            #expect(try host.containerizer.status(of: id)?.record.request.limits == new)
        }

        @Test("memory is not limited below what is in use, as that would kill")
        func belowUse() throws {
            let host = try TestHost()
            let (id, group, _) = try host.started("dd if=/dev/zero of=/dev/shm/file bs=1M count=32; sleep 600") {
                $0.limits.memory = 64 << 20
            }
            try Deadline(seconds: 120).wait("it to use memory") { (group.amount(of: "memory.current") ?? 0) > 32 << 20 }
            let failure = try #require(throws: Failure.self) {
                try host.containerizer.update(id, limits: ContainerLimits(memory: 16 << 20))
            }
            #expect(failure.code == "container.uses-more")
            #expect(try host.setting("memory.max", of: id) == "67108864")
            #expect(try host.containerizer.status(of: id)?.state == .running)

            _ = try host.exec(id, ["rm", "/dev/shm/file"])
            try host.containerizer.update(id, limits: ContainerLimits(memory: 16 << 20))
            #expect(try host.setting("memory.max", of: id) == "16777216")
        }

        @Test("usage tells what the container used, and its limits")
        func usage() throws {
            let host = try TestHost()
            let script =
                "dd if=/dev/zero of=/root/file bs=1M count=4 oflag=direct; "
                + "dd if=/dev/zero of=/dev/shm/file bs=1M count=8; while :; do :; done"
            let (id, group, _) = try host.started(script) {
                $0.limits.memory = 64 << 20
                $0.limits.cpus = 0.5
            }
            try Deadline(seconds: 300).wait("both files, and the loop") {
                group.value(of: "shmem", in: "memory.stat") ?? 0 >= 8 << 20 && group.processes().count == 2
            }
            _ = try Measured.processors(group, using: 1)
            let usage = try host.containerizer.usage(id)
            #expect((1_000_000...60_000_000).contains(usage.cpuMicroseconds ?? 0))
            #expect((usage.throttledMicroseconds ?? 0) > 100_000)
            #expect((8 << 20...64 << 20).contains(usage.memoryBytes ?? 0))
            #expect((usage.memoryPeakBytes ?? 0) >= usage.memoryBytes ?? .max)
            #expect(usage.memoryLimitBytes == 64 << 20)
            #expect(usage.processes == 2)
            #expect(usage.threads == 2)
            #expect(usage.processLimit == 1_024)
            #expect((4 << 20...8 << 20).contains(usage.writtenBytes ?? 0))
            #expect(usage.pressure.keys.sorted() == ["cpu", "io", "memory"])
        }
    }
}
