import AuditFormat
import Testing

@testable import Auditing

/// What the rule about SELinux says where nothing is wrong, or nothing could be seen.
@Suite("SELinux is judged by what the policy allows")
struct ConfinementRuleTests {
    private static let label = "system_u:system_r:whatever_t:s0:c1"

    private func verdict(_ mode: PolicyMode, _ change: (inout ContainerFacts) -> Void = { _ in }) -> Verdict? {
        var facts = CleanContainer.facts
        facts.plantSELinux(Self.label, mode, DomainFacts(Self.label))
        change(&facts)
        return AuditCatalogue.findings(about: facts, profile: .standard).first { $0.id == "BH-CON-028" }?.verdict
    }

    @Test("a domain that may do nothing of the host's is good, whatever its name")
    func good() {
        #expect(verdict(.enforcing) == .pass)
    }

    @Test("what nobody could ask about is unknown, never a pass")
    func unknown() {
        #expect(verdict(.hidden) == .unknown)
        #expect(verdict(.enforcing) { $0.domains = nil } == .unknown)
        #expect(verdict(.enforcing) { $0.domains = .hidden("it was not readable") } == .unknown)
        #expect(verdict(.enforcing) { $0.host.selinux = nil } == .unknown)
        #expect(verdict(.enforcing) { $0.host.securityModules = [] } == .notApplicable)
    }

    @Test("a host whose SELinux could not be read is not said to have a module, nor to have none")
    func host() throws {
        var host = HostAndImageRuleTests.host
        for (mode, wanted) in [(PolicyMode.enforcing, Verdict.pass), (.hidden, .unknown)] {
            host.surroundings.plantSELinux(mode)
            let findings = AuditCatalogue.findings(about: host, profile: .standard)
            #expect(try #require(findings.first { $0.id == "BH-HOST-020" }).verdict == wanted)
        }
    }
}
