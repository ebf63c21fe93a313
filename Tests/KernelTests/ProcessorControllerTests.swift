import Containers
import Isolation
import LinuxKernel
import NativeContainerizer
import Testing

extension ControllerTests {
    @Suite("Processors", .serialized)
    struct ProcessorControllerTests {
        static let spinners = "while :; do :; done & while :; do :; done"

        @Test("two spinners get the share they were given, a new share after an update, and all without a limit")
        func share() throws {
            let host = try TestHost()
            let (id, group, _) = try host.started(Self.spinners) { $0.limits.cpus = 0.5 }
            #expect(try host.setting("cpu.max", of: id) == "50000 100000")
            let half = try Measured.highest(reaching: 0.45) { try Measured.processors(group, using: 2) }
            #expect((0.45...0.55).contains(half), "used \(half) processors of 0.5")
            #expect((group.value(of: "nr_throttled", in: "cpu.stat") ?? 0) > 10)

            try host.containerizer.update(id, limits: ContainerLimits(cpus: 0.2))
            #expect(try host.setting("cpu.max", of: id) == "20000 100000")
            let fifth = try Measured.highest(reaching: 0.18) { try Measured.processors(group, using: 0.8) }
            #expect((0.18...0.22).contains(fifth), "used \(fifth) processors of 0.2")

            try host.containerizer.update(id, limits: ContainerLimits())
            #expect(try host.setting("cpu.max", of: id) == "max 100000")
            let all = try Measured.highest(reaching: 0.8) { try Measured.processors(group, using: 1.5) }
            #expect(all > 0.8, "used \(all) processors without a limit")
        }

        @Test("weights share out a processor that two containers want")
        func weight() throws {
            let host = try TestHost()
            func spinner(_ weight: UInt64) throws -> ControlGroup {
                try host.started("while :; do :; done") {
                    $0.limits.cpuset = "0"
                    $0.limits.cpuWeight = weight
                }.group
            }
            let light = try spinner(100)
            let heavy = try spinner(400)
            #expect(try heavy.read("cpu.weight") == "400\n")
            func used(_ group: ControlGroup) throws -> UInt64 {
                try #require(group.value(of: "usage_usec", in: "cpu.stat"))
            }
            // Whoever is read first has a little more time than the other one, and much more when the machine stands
            // still between the two readings: that is another window's to tell. Equal shares are 1 in all of them.
            var ratio = 0.0
            for _ in 0..<5 where !(3.2...4.8).contains(ratio) {
                let (heavyBefore, lightBefore) = (try used(heavy), try used(light))
                _ = try Measured.processors(heavy, using: 2.4)
                let (heavyUse, lightUse) = (try used(heavy) - heavyBefore, try used(light) - lightBefore)
                ratio = Double(heavyUse) / Double(lightUse)
            }
            #expect((3.2...4.8).contains(ratio), "the heavy one got \(ratio) times as much as the light one")
        }

        @Test("a processor set is all that the container sees and uses")
        func processorSet() throws {
            let host = try TestHost()
            let (id, _, _) = try host.started("sleep 600") { $0.limits.cpuset = "0" }
            let inside = try host.exec(
                id, ["sh", "-c", "nproc; grep Cpus_allowed_list /proc/self/status | tr -d '\\t'"])
            #expect(inside.output == "1\nCpus_allowed_list:0\n")
            #expect(try host.setting("cpuset.cpus.effective", of: id) == "0")
        }
    }
}
