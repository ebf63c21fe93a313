import AuditFormat
import Auditing
import Testing

@Suite("Rules about containers")
struct ContainerRuleTests {
    private func findings(_ facts: ContainerFacts, _ profile: AuditProfile) -> [Finding] {
        AuditCatalogue.findings(about: facts, profile: profile)
    }

    @Test("the default container is clean")
    func clean() {
        let findings = findings(CleanContainer.facts, .standard)
        #expect(findings.count > 40)
        for finding in findings {
            #expect([.pass, .notApplicable].contains(finding.verdict), "\(finding.id): \(finding.summary)")
        }
    }

    @Test("a misconfiguration is found with its evidence, and nothing else is", arguments: PlantedContainer.all)
    func planted(_ planted: PlantedContainer) throws {
        // What a profile finds of the clean container too is none of this misconfiguration's doing.
        let before = Set(findings(CleanContainer.facts, planted.profile).filter { $0.verdict == .finding }.map(\.id))
        var facts = CleanContainer.facts
        planted.plant(&facts)
        let found = findings(facts, planted.profile).filter { $0.verdict == .finding }
        let finding = try #require(found.first { $0.id == planted.id }, "found \(found.map(\.id))")
        let evidence = try #require(finding.evidence.first)
        #expect(evidence.value.contains(planted.value), "\(evidence.value)")
        #expect(!evidence.source.isEmpty)
        let others = Set(found.map(\.id)).subtracting(before).subtracting(planted.along).subtracting([planted.id])
        #expect(others.isEmpty, "also found \(others.sorted())")
    }

    @Test("every rule about containers has a planted misconfiguration")
    func complete() {
        let planted = Set(PlantedContainer.all.map(\.id))
        for rule in AuditCatalogue.container.map(\.rule) {
            #expect(planted.contains(rule.id), "\(rule.id) \(rule.title)")
        }
    }

    @Test("what could not be observed is unknown, never a pass", arguments: AuditProfile.allCases)
    func unknown(_ profile: AuditProfile) {
        var facts = ContainerFacts(subject: CleanContainer.facts.subject, host: CleanContainer.facts.host)
        facts.declared = CleanContainer.facts.declared
        for finding in findings(facts, profile) {
            #expect(finding.verdict != .pass && finding.verdict != .finding || finding.id == "BH-CON-141", "\(finding)")
        }
        #expect(findings(facts, profile).contains { $0.verdict == .unknown })
    }

    @Test("a finding that the user asked for names the flag")
    func overrides() {
        var facts = CleanContainer.facts
        facts.shareWithHost("net")
        facts.declared?.network = "host"
        let finding = findings(facts, .standard).first { $0.id == "BH-CON-002" }
        #expect(finding?.override == "--network host")
        facts.declared?.network = "none"
        #expect(findings(facts, .standard).first { $0.id == "BH-CON-002" }?.override == nil)
    }

    @Test("ids are unique, and every rule says what to do and what may come of it")
    func catalogue() {
        let rules = AuditCatalogue.rules
        #expect(Set(rules.map(\.id)).count == rules.count)
        for rule in rules {
            #expect(!rule.title.hasSuffix(".") && !rule.risk.isEmpty && !rule.remedy.isEmpty && !rule.profiles.isEmpty)
            #expect(rule.id.rawValue.contains(/^BH-(CON|HOST|IMG|DRIFT)-[0-9]{3}$/), "\(rule.id)")
            #expect(!rule.mappings.text.isEmpty, "\(rule.id) is in nobody else's catalogue")
        }
    }

    @Test("facts cross JSON unchanged")
    func coding() throws {
        let document = try AuditDocument(encoding: CleanContainer.facts)
        #expect(try document.decoded(as: ContainerFacts.self) == CleanContainer.facts)
    }
}
