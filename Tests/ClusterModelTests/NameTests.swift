import ClusterModel
import Determinism
import Diagnostics
import Testing

@Suite("Names")
struct NameTests {
    @Test(
        "identifiers that name no directory of their own are refused",
        arguments: ["", ".", "..", "a/b", "a\\b", "a\n", "\u{7f}"])
    func identifiers(_ text: String) {
        let failure = #expect(throws: Failure.self) { try TaskID(text) }
        #expect(failure?.code == "identifier.invalid" && failure?.field == "task_id")
    }

    @Test("an identifier has at most 255 bytes")
    func length() throws {
        #expect(try AgentID(String(repeating: "a", count: 255)).text.count == 255)
        #expect(throws: Failure.self) { try AgentID(String(repeating: "a", count: 256)) }
        #expect(throws: Failure.self) { try AgentID(String(repeating: "é", count: 128)) }
        #expect(try AgentID("a") < AgentID("b"))
    }

    @Test(
        "role names that lead nowhere are refused",
        arguments: [
            "", "/", "/eng", "eng/", "eng//web", ".", "..", "eng/..", "eng/*", "-eng", "eng/-web", "a b", "a\tb",
            "a\u{8}", String(repeating: "a", count: RoleName.bytesMax + 1),
            Array(repeating: "a", count: RoleName.componentsMax + 1).joined(separator: "/"),
        ])
    func roles(_ text: String) {
        let failure = #expect(throws: Failure.self) { try RoleName(text) }
        #expect(failure?.code == "role.invalid")
    }

    @Test("roles know who is above them")
    func hierarchy() throws {
        let api = try RoleName("eng/web/api")
        let web = try RoleName("eng/web")
        #expect(try api.parent == web && api.top == (RoleName("eng")) && api.top.parent == nil)
        #expect(api.isWithin(web) && api.isStrictlyBelow(web) && !web.isWithin(api))
        #expect(web.isWithin(web) && !web.isStrictlyBelow(web))
        #expect(try !(RoleName("eng/webs")).isWithin(web) && !(RoleName("engine")).isWithin(RoleName("eng")))
        #expect(RoleName.anyone.isTop && !web.isTop && api.components == ["eng", "web", "api"])
    }

    @Test("an update's identifier is its sixteen bytes")
    func updates() {
        let bytes = (0..<16).map { UInt8($0 * 16 + 1) }
        let id = UpdateID(bytes: bytes)
        #expect(id?.bytes == bytes && id?.description == "01112131415161718191a1b1c1d1e1f1")
        #expect(UpdateID(bytes: bytes.dropLast()) == nil)
    }
}

@Suite("Offer constraints")
struct OfferConstraintTests {
    let agent: AgentInfo

    init() throws {
        agent = AgentInfo(
            id: try AgentID("a1"), address: NetworkAddress(hostname: "host-7.example", port: 5051), resources: [],
            attributes: [Attribute("rack", .text("r12")), Attribute("level", .scalar(Scalar(3)))],
            domain: FaultDomain(region: "west", zone: "w1"))
    }

    @Test("predicates hold for what an agent says about itself")
    func predicates() throws {
        let pattern = try TextPattern("r[0-9]+")
        let table: [(AttributeConstraint.Subject, AttributeConstraint.Predicate, Bool)] = [
            (.attribute("rack"), .exists, true), (.attribute("none"), .exists, false),
            (.attribute("rack"), .notExists, false), (.attribute("none"), .notExists, true),
            (.attribute("rack"), .textEquals("r12"), true), (.attribute("rack"), .textEquals("r1"), false),
            (.attribute("none"), .textEquals("r12"), false), (.attribute("none"), .textNotEquals("r12"), true),
            (.attribute("rack"), .textNotEquals("r12"), false), (.attribute("rack"), .textMatches(pattern), true),
            (.attribute("rack"), .textNotMatches(pattern), false), (.attribute("none"), .textMatches(pattern), false),
            (.attribute("none"), .textNotMatches(pattern), true), (.attribute("level"), .textEquals("x"), true),
            (.attribute("level"), .textNotMatches(pattern), true), (.attribute("level"), .notExists, false),
            (.hostname, .textEquals("host-7.example"), true), (.region, .textEquals("west"), true),
            (.zone, .textNotEquals("w1"), false), (.zone, .exists, true),
        ]
        for (subject, predicate, holds) in table {
            let constraint = AttributeConstraint(subject, predicate)
            #expect(constraint.holds(for: agent) == holds, "\(subject) \(predicate)")
        }
        var homeless = agent
        homeless.domain = nil
        #expect(!AttributeConstraint(.region, .exists).holds(for: homeless))
    }

    @Test("any group of constraints that all hold is enough, and other roles are free")
    func groups() throws {
        let role = try RoleName("eng")
        let wrong = AttributeConstraint(.zone, .textEquals("w9"))
        let right = AttributeConstraint(.zone, .textEquals("w1"))
        #expect(try OfferConstraints([role: [.init([wrong]), .init([right])]]).accept(agent, for: role))
        #expect(try !OfferConstraints([role: [.init([wrong, right])]]).accept(agent, for: role))
        #expect(try OfferConstraints([role: [.init([wrong])]]).accept(agent, for: .anyone))
        #expect(throws: Failure.self) { try OfferConstraints([role: []]) }
        #expect(throws: Failure.self) { try OfferConstraints([role: [.init([])]]) }
    }
}

@Suite("Text patterns")
struct TextPatternTests {
    @Test(
        "a pattern matches the whole text or nothing",
        arguments: [
            ("abc", "abc", true), ("abc", "abcd", false), ("", "", true), ("", "a", false), ("a*", "aaaa", true),
            ("a+", "", false), ("ab?c", "ac", true), ("(ab|cd)+", "abcdab", true), ("(ab|cd)+", "abc", false),
            ("(?:x|y)z", "yz", true), ("[a-c]{2,3}", "abca", false), ("[a-c]{2,3}", "abc", true), ("a{2}", "aa", true),
            ("a{2,}", "aaaaa", true), ("a{0}", "", true), ("[^0-9]+", "abc", true), ("[^0-9]+", "ab3", false),
            ("\\d+\\.\\d+", "10.25", true), ("\\w+\\s\\S+", "ab c-d", true), (".*", "anything at all", true),
            (".", "\n", false), ("^a$", "a", true), ("a^b", "ab", false), ("a*?b", "aab", true), ("[]a]+", "a]", true),
            ("[a-]+", "-a", true), ("[\\D]", "x", true), ("[\\D]", "5", false), ("a|b|", "", true), ("é+", "éé", true),
            ("(a*)*", "aaa", true), ("((a|b)*c|d)*", "abcdbc", true), ("\\Aab\\z", "ab", true),
            ("(){1000}x", "x", true),
        ])
    func matches(_ pattern: String, _ text: String, _ expected: Bool) throws {
        #expect(try TextPattern(pattern).matches(text) == expected)
    }

    @Test(
        "what is not understood is refused",
        arguments: [
            "(", ")", "a)", "[", "[a", "*", "+a", "a**", "a{", "a{x}", "a{3,2}", "a{1001}", "\\", "\\p{L}", "\\1",
            "(?i)a",
            "(?=a)", "[z-a]", "[[:alpha:]]", "a{1000}{1000}", "((a{100}){100}){100}",
        ])
    func refused(_ pattern: String) {
        let failure = #expect(throws: Failure.self) { try TextPattern(pattern) }
        #expect(failure?.field == "regex")
    }

    @Test("a pattern made to explode does not, and neither does one made of nothing")
    func linear() throws {
        let text = String(repeating: "a", count: 2_000)
        #expect(try !TextPattern("(a*)*(a|aa)*b").matches(text))
        #expect(try TextPattern("(((){1000}){1000}){1000}").matches(""))
        #expect(throws: Failure.self) { try TextPattern(String(repeating: "(", count: 10_000)) }
    }
}

@Suite("Tasks")
struct TaskTests {
    @Test("terminal states are the ones nothing follows")
    func states() {
        let terminal: Set<TaskState> = [.finished, .failed, .killed, .error, .lost, .dropped, .gone]
        for state in TaskState.allCases { #expect(state.isTerminal == terminal.contains(state)) }
        #expect(TaskState.unreachable.withoutPartitions == .lost && TaskState.failed.withoutPartitions == .failed)
    }

    @Test("limits bound what was asked for from above")
    func limits() throws {
        func task(_ limits: [String: ResourceLimit], _ resources: String = "cpus:1;mem:64") throws -> TaskSpec {
            TaskSpec(
                id: try TaskID("t"), name: "t", agent: try AgentID("a"), resources: try Resource.parse(resources),
                limits: limits, runner: .command(CommandSpec(.shell("true"))))
        }
        try task(["cpus": .infinite, "mem": .atMost(Scalar(64))]).validateResources()
        #expect(throws: Failure.self) { try task(["mem": .atMost(Scalar(63))]).validateResources() }
        #expect(throws: Failure.self) { try task(["disk": .infinite]).validateResources() }
        #expect(throws: Failure.self) { try task(["mem": .infinite], "cpus:1").validateResources() }
        #expect(throws: Failure.self) { try task([:], "").validateResources() }
    }

    @Test(
        "refusing for odd lengths of time means what the protocol says",
        arguments: [
            (5.0, Duration.seconds(5)), (-1, .seconds(5)), (.nan, .seconds(5)), (0, .zero),
            (1e12, .seconds(31_536_000)),
            (.infinity, .seconds(31_536_000)), (nil, .seconds(5)),
        ] as [(Double?, Duration)])
    func filters(_ seconds: Double?, _ expected: Duration) {
        #expect(OfferFilter(refuseSeconds: seconds).refuseFor == expected)
    }

    @Test("an offer is worth making when any alternative is met")
    func minimum() {
        #expect(MinimumOffer.standard.isMet(by: ["cpus": Scalar(thousandths: 10)]))
        #expect(MinimumOffer.standard.isMet(by: ["mem": Scalar(32)]))
        #expect(!MinimumOffer.standard.isMet(by: ["mem": Scalar(31), "disk": Scalar(100)]))
        #expect(MinimumOffer(anyOf: []).isMet(by: .none))
    }
}
