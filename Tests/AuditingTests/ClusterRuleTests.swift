import AuditFormat
import Auditing
import Testing

@Suite("Rules about clusters")
struct ClusterRuleTests {
    static let place = ClusterPlace(agent: "S0", host: "rack7", framework: "F", task: "web")
    static let agent = Subject(.agent, id: "S0", cluster: place)
    static let container = Subject(.container, id: "c", name: "web", cluster: place)

    @Test("an agent that is silent and a container that is missing are unknown, never a pass")
    func unseen() {
        #expect(ClusterRules.answered(Self.agent, containers: 3).verdict == .pass)
        #expect(ClusterRules.silent(Self.agent, "no route").verdict == .unknown)
        #expect(ClusterRules.presence(Self.container, missing: nil).verdict == .pass)
        #expect(ClusterRules.presence(Self.container, missing: "gone").verdict == .unknown)
    }

    @Test("a stranger and a record that says something else are found, with what was declared")
    func planted() {
        #expect(ClusterRules.acquaintance(Self.container, isKnown: true).verdict == .pass)
        #expect(ClusterRules.acquaintance(Self.container, isKnown: false).verdict == .finding)
        let declared = ["network": "none", "seccomp": "standard", "memory": "1"]
        #expect(ClusterRules.conformity(Self.container, declared: declared, made: declared).verdict == .pass)
        #expect(ClusterRules.conformity(Self.container, declared: declared, made: nil).verdict == .notApplicable)
        let found = ClusterRules.conformity(
            Self.container, declared: declared, made: ["network": "host", "seccomp": "standard", "devices": "c 1:1"])
        #expect(found.verdict == .finding)
        #expect(
            found.evidence == [
                Evidence("c 1:1", source: "record.json devices", declared: "nothing"),
                Evidence("nothing", source: "record.json memory", declared: "1"),
                Evidence("host", source: "record.json network", declared: "none"),
            ])
    }
}
