import AuditFormat
import Auditing
import Testing

/// Limits where version 1 of cgroups has the controllers: they are in directories of their own.
@Suite("Limits of version 1")
struct LegacyLimitTests {
    private static func facts(_ legacy: [LegacyGroupFacts]) -> ContainerFacts {
        var facts = CleanContainer.facts
        facts.declared = nil
        facts.controlGroup = .seen(
            ControlGroupFacts(path: "/sys/fs/cgroup/unified/docker/c1", values: [:], legacy: legacy))
        facts.namespaces.edit { spaces in
            for index in spaces.indices where spaces[index].kind == "user" {
                spaces[index].hostInode = spaces[index].inode
            }
        }
        return facts
    }

    private static func group(_ controller: String, _ path: String, _ values: [String: String]) -> LegacyGroupFacts {
        LegacyGroupFacts(path: "/sys/fs/cgroup/\(controller)\(path)", values: values)
    }

    @Test(
        "a limit is found where it is, here or above, and its file is named",
        arguments: [
            (
                "BH-CON-090", [group("pids", "/docker/c1", ["pids.max": "100"])], Verdict.pass,
                "/sys/fs/cgroup/pids/docker/c1/pids.max", "100"
            ),
            (
                "BH-CON-090",
                [
                    group("pids", "/docker/c1", ["pids.max": "max"]), group("pids", "/docker", ["pids.max": "50"]),
                ], .pass, "/sys/fs/cgroup/pids/docker/pids.max", "50"
            ),
            (
                "BH-CON-090", [group("pids", "/docker/c1", ["pids.max": "max"])], .finding,
                "/sys/fs/cgroup/pids/docker/c1/pids.max", "max"
            ),
            ("BH-CON-090", [], .finding, "/sys/fs/cgroup/unified/docker/c1/pids.max", "no limit"),
            (
                "BH-CON-091", [group("memory", "/docker/c1", ["memory.limit_in_bytes": "max"])], .finding,
                "/sys/fs/cgroup/memory/docker/c1/memory.limit_in_bytes", "max"
            ),
            (
                "BH-CON-092", [group("cpu", "/docker/c1", ["cpu.cfs_quota_us": "-1", "cpu.shares": "1024"])], .finding,
                "/sys/fs/cgroup/cpu/docker/c1/cpu.cfs_quota_us", "-1"
            ),
            (
                "BH-CON-092", [group("cpu", "/docker/c1", ["cpu.cfs_quota_us": "-1", "cpu.shares": "512"])], .pass,
                "/sys/fs/cgroup/cpu/docker/c1/cpu.shares", "512"
            ),
            (
                "BH-CON-093",
                [
                    group(
                        "memory", "/docker/c1",
                        ["memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "max"])
                ], .finding, "/sys/fs/cgroup/memory/docker/c1/memory.memsw.limit_in_bytes", "max"
            ),
        ] as [(RuleID, [LegacyGroupFacts], Verdict, String, String)])
    func limits(
        _ id: RuleID, _ legacy: [LegacyGroupFacts], _ verdict: Verdict, _ source: String, _ value: String
    ) throws {
        let findings = AuditCatalogue.findings(about: Self.facts(legacy), profile: .nist800190)
        let finding = try #require(findings.first { $0.id == id })
        #expect(finding.verdict == verdict, "\(finding)")
        #expect(finding.evidence.first?.source == source && finding.evidence.first?.value == value, "\(finding)")
    }

    @Test("a limit of a parent in version 2 is told with the parent's file")
    func parent() throws {
        var facts = CleanContainer.facts
        facts.declared = nil
        facts.controlGroup = .seen(
            ControlGroupFacts(
                path: "/sys/fs/cgroup/a/b/c", values: ["pids.max": "max"],
                above: [["pids.max": "max"], ["pids.max": "70"]]))
        let findings = AuditCatalogue.findings(about: facts, profile: .standard)
        let finding = try #require(findings.first { $0.id == "BH-CON-090" })
        #expect(finding.evidence.first?.source == "/sys/fs/cgroup/a/pids.max", "\(finding)")
    }
}
