import Containers
import Isolation
import LinuxKernel
import NativeContainerizer
import Testing

extension ControllerTests {
    @Suite("Stopping and leaving nothing", .serialized)
    struct FreezeControllerTests {
        static let storm = "storm() { storm | storm & }; storm; while :; do (:) & done"

        @Test("a container in the middle of a fork storm is paused, continued and killed")
        func storm() throws {
            let host = try TestHost()
            let (id, group, running) = try host.started(Self.storm) { $0.limits.pids = 64 }
            try Deadline(seconds: 120).wait("the storm") { (group.amount(of: "pids.current") ?? 0) > 10 }
            try host.containerizer.pause(id)
            #expect(try host.containerizer.status(of: id)?.state == .paused)
            #expect(group.value(of: "frozen", in: "cgroup.events") == 1)
            // Frozen is said when the last process stands; the time it took to stop is still being added up.
            // That is so at the latest when its processor has had a tick; looked at every 10 ms.
            var (stopped, looks): (UInt64?, Int) = (nil, 0)
            try Deadline(seconds: 120).wait("the accounting to settle") {
                let now = group.value(of: "usage_usec", in: "cpu.stat")
                looks = now == stopped ? looks + 1 : 0
                stopped = now
                return looks >= 50
            }
            let count = group.amount(of: "pids.current")
            #expect(try host.shell("echo alive").output == "alive\n")
            #expect(group.value(of: "usage_usec", in: "cpu.stat") == stopped)
            #expect(group.amount(of: "pids.current") == count)

            try host.containerizer.resume(id)
            _ = try Measured.processors(group, using: 0.01)
            try host.containerizer.remove(id, force: true)
            #expect(!group.exists)
            #expect(try running.process.hasEnded())
        }

        @Test("a paused container can be killed")
        func killPaused() throws {
            let host = try TestHost()
            let (id, group, running) = try host.started("sleep 600")
            try host.containerizer.pause(id)
            try host.containerizer.kill(id, signal: 9)
            #expect(try host.containerizer.wait(for: id, running: running).code == 137)
            #expect(!group.exists)
        }

        @Test("fifty containers with limits leave no cgroup, not even a dying one")
        func nothingLeft() throws {
            let host = try TestHost()
            let before = try Self.descendants()
            for number in 0..<50 {
                let outcome = try host.run(["sh", "-c", "echo text > /root/file"]) {
                    $0.limits = ContainerLimits(cpus: 0.9, memory: 32 << 20, pids: 32, cpuset: "0")
                    $0.limits.io = [IOLimit(kind: .writeBytes, device: nil, perSecond: 64 << 20)]
                }
                #expect(outcome.exit.code == 0, "container \(number)")
            }
            // Containers of suites beside this one come and go, and some stay for a while; fifty would be more.
            try Deadline(seconds: 60).wait("living cgroups to go") {
                do { return try Self.descendants().living < before.living + 25 } catch { return false }
            }
            // A dying cgroup is one that is removed while pages are still charged to it: what the containers wrote,
            // until it is written back, and what of it is kept in memory after that.
            try OwnedDescriptor.open(RawPath(host.places.store), [.directory]).synchronizeFilesystem()
            try Deadline(seconds: 120).wait("dying cgroups to go") {
                do {
                    try TextFile.write("3", to: "/proc/sys/vm/drop_caches")
                    return try Self.descendants().dying < before.dying + 25
                } catch { return false }
            }
        }

        static func descendants() throws -> (living: UInt64, dying: UInt64) {
            let text = try TextFile.read("/sys/fs/cgroup/bulkhead/cgroup.stat")
            let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0) }
            return (numbers[0], numbers[1])
        }
    }
}
