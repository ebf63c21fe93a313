import Authorization
import Testing

@Suite("Authorization")
struct DecisionTests {
    static let rules = [
        AuthorizationRule(
            principals: [.named("intern")], actions: [.one(.runTask)], objects: [.exactly("root")], isAllowed: false),
        AuthorizationRule(
            principals: [.named("intern"), .named("ops")], actions: [.one(.runTask), .one(.reserve)],
            objects: [.every], isAllowed: true),
        AuthorizationRule(
            principals: [.authenticated], actions: [.one(.registerFramework)], objects: [.startingWith("eng/")],
            isAllowed: true),
        AuthorizationRule(principals: [.anonymous], actions: [.every], objects: [.every], isAllowed: false),
        AuthorizationRule(principals: [.anyone], actions: [.one(.viewTask)], objects: [.every], isAllowed: true),
    ]

    struct Question: Sendable, CustomTestStringConvertible {
        var principal: String?
        var action: Action
        var object: String?
        var decision: AuthorizationDecision
        var testDescription: String { "\(principal ?? "nobody") \(action.rawValue) \(object ?? "everything")" }
    }

    // To Swift "\u{212A}" is K.
    @Test("another spelling of a denied name is not denied by chance and allowed by chance: it is another name")
    func spellings() {
        let authorizer = RuleAuthorizer([
            AuthorizationRule(
                principals: [.named("Kim")], actions: [.every], objects: [.startingWith("Kube/"), .exactly("K")],
                isAllowed: false),
            AuthorizationRule(principals: [.named("Kim")], actions: [.every], objects: [.every], isAllowed: true),
        ])
        let decide = { (principal: String, object: String) in
            authorizer.decide(Subject(principal: principal), to: .registerFramework, on: object)
        }
        #expect(decide("Kim", "Kube/a") == .refused(rule: 0) && decide("Kim", "K") == .refused(rule: 0))
        #expect(decide("Kim", "\u{212A}") == .allowed && decide("\u{212A}im", "a") == .refused(rule: nil))
    }

    @Test(
        "the first rule that matches decides, and no rule means no",
        arguments: [
            Question(principal: "intern", action: .runTask, object: "root", decision: .refused(rule: 0)),
            Question(principal: "intern", action: .runTask, object: "daemon", decision: .allowed),
            Question(principal: "ops", action: .runTask, object: "root", decision: .allowed),
            Question(principal: "ops", action: .reserve, object: nil, decision: .allowed),
            Question(principal: "other", action: .reserve, object: "eng", decision: .refused(rule: nil)),
            Question(principal: "other", action: .registerFramework, object: "eng/web", decision: .allowed),
            Question(principal: "other", action: .registerFramework, object: "eng", decision: .refused(rule: nil)),
            Question(
                principal: "other", action: .registerFramework, object: "engine", decision: .refused(rule: nil)),
            // Leave for some objects is not leave for all of them.
            Question(principal: "other", action: .registerFramework, object: nil, decision: .refused(rule: nil)),
            Question(principal: "other", action: .viewTask, object: "eng", decision: .allowed),
            Question(principal: nil, action: .viewTask, object: "eng", decision: .refused(rule: 3)),
            Question(principal: nil, action: .drainAgent, object: nil, decision: .refused(rule: 3)),
        ])
    func firstMatch(_ question: Question) {
        let decision = RuleAuthorizer(Self.rules)
            .decide(Subject(principal: question.principal), to: question.action, on: question.object)
        #expect(decision == question.decision)
    }

    @Test("without rules everything is allowed, and the first rule ends that", arguments: Action.allCases)
    func permissive(_ action: Action) {
        #expect(RuleAuthorizer().decide(.anonymous, to: action, on: "x") == .allowed)
        let other = AuthorizationRule(
            principals: [.named("ops")], actions: [.every], objects: [.every], isAllowed: true)
        #expect(RuleAuthorizer([other]).decide(.anonymous, to: action, on: "x") == .refused(rule: nil))
    }
}
