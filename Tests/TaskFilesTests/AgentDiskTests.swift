import ClusterModel
import Diagnostics
import Testing

@testable import HostProbe
@testable import TaskFiles

@Suite("What an agent finds on its machine")
struct AgentDiskTests {
    private static func abilities(_ memory: Ability, pids: Ability) -> HostAbilities {
        var features = Dictionary(uniqueKeysWithValues: Feature.allCases.map { ($0, Ability.enforced) })
        features[.memory] = memory
        features[.pids] = pids
        return HostAbilities(
            kernel: KernelVersion(release: "6.1.0"),
            groups: ControlGroupLayout(kind: .hybrid, mountPoint: nil, controllers: []), features: features,
            hardLimits: [:], capabilities: 0)
    }

    @Test("it says what it is and what it enforces, and why not")
    func attributes() {
        let host = HostDescription(
            kind: .virtualMachine, hypervisor: "qemu", kernel: "6.1.0", processors: 2, memoryBytes: 1 << 30)
        let abilities = Self.abilities(
            Ability(.unavailable, why: "cgroup version 1 holds it"), pids: Ability(.weakened, why: "RLIMIT_NPROC"))
        let texts = Dictionary(
            uniqueKeysWithValues: MachineProbe.attributes(of: host, abilities).map { ($0.name, $0.text ?? "") })
        #expect(texts["bulkhead.host.kind"] == "vm")
        #expect(texts["bulkhead.host.hypervisor"] == "qemu")
        #expect(texts["bulkhead.kernel"] == "6.1.0")
        #expect(texts["bulkhead.cgroup"] == "hybrid")
        #expect(texts["bulkhead.isolation.memory"] == "unavailable: cgroup version 1 holds it")
        #expect(texts["bulkhead.isolation.pids"] == "weakened: RLIMIT_NPROC")
        #expect(texts["bulkhead.isolation.cpu"] == "enforced")
        #expect(MachineProbe.unenforceable(abilities) == ["memory", "pids"])
    }

    @Test("this machine has processors, memory, and a disk under a directory that is not made yet")
    func facts() async throws {
        let facts = try await MachineProbe.facts(workDirectory: "/var/lib/not-there/at/all")
        #expect(facts.processors > 0)
        #expect(facts.memory != nil && facts.disk != nil)
        #expect(facts.attributes.contains { $0.name == "bulkhead.kernel" })
    }

    @Test("a second agent is refused the work directory, and the first one's cache is left alone")
    func inUse() async throws {
        let place = try Workplace()
        let path = "\(place.path)/own"
        let disk = try await AgentDisk.open(path, unpacker: "/none", downloader: MemoryDownloader([:]))
        try place.write("kept", to: "own/meta/fetch-cache/file")
        let failure = await #expect(throws: Failure.self) {
            try await AgentDisk.open(path, unpacker: "/none", downloader: MemoryDownloader([:]))
        }
        #expect(failure?.code == "journal.in-use")
        #expect(try place.exists("own/meta/fetch-cache/file"))
        try await disk.close()
        try await AgentDisk.open(path, unpacker: "/none", downloader: MemoryDownloader([:])).close()
        #expect(try !place.exists("own/meta/fetch-cache/file"))
    }
}
