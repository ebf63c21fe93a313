import AgentCore
import ClusterModel
import Testing

@Suite("What a machine offers")
struct MachineFactsTests {
    @Test(
        "what is not named is found, and something stays for the machine",
        arguments: [
            (8, 16 << 30, 100 << 30, 8, 15_360, 97_280), (0, nil, nil, 1, 1_024, 10_240),
            (2, 1 << 30, 6 << 30, 2, 512, 3_072), (2, 2 << 30, 10 << 30, 2, 1_024, 5_120),
        ] as [(Int, UInt64?, UInt64?, Int, Int, Int)])
    func found(_ cpus: Int, _ memory: UInt64?, _ disk: UInt64?, _ c: Int, _ m: Int, _ d: Int) throws {
        let resources = try MachineFacts(processors: cpus, memory: memory, disk: disk).resources(given: "")
        #expect(
            resources == [
                Resource("cpus", .scalar(Scalar(c))), Resource("mem", .scalar(Scalar(m))),
                Resource("disk", .scalar(Scalar(d))), Resource("ports", .ranges(Ranges([31_000...32_000]))),
            ])
    }

    @Test("a little more or less of what is measured is the same")
    func steps() throws {
        let before = MachineFacts(processors: 2, memory: 16_050 << 20, disk: 90_000 << 20)
        let after = MachineFacts(processors: 2, memory: 16_040 << 20, disk: 89_990 << 20)
        #expect(try before.resources(given: "") == after.resources(given: ""))
        let small = MachineFacts(processors: 1, memory: 100 << 20, disk: 100 << 20)
        #expect(try Resources(small.resources(given: "")).amount(of: "mem") == Scalar(50))
    }

    @Test("what is named counts as it is said, and nothing means nothing")
    func given() throws {
        let facts = MachineFacts(processors: 8, memory: 16 << 30, disk: 100 << 30)
        let resources = try facts.resources(given: "cpus(eng):2;cpus:1;disk:0;bugs:{a,b}")
        #expect(resources.map(\.name) == ["cpus", "cpus", "bugs", "mem", "ports"])
        let reserved = try facts.resources(given: "mem:64", defaultRole: RoleName("ops"))
        #expect(reserved.allSatisfy { $0.reservedFor?.description == "ops" })
    }
}
