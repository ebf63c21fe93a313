import Authorization
import Diagnostics
import Testing

@Suite("Authorization rules file")
struct RulesFileTests {
    @Test("a file reads as the rules it says, in its order")
    func reads() throws {
        let text = """
            {"rules": [
              {"principals": ["ops", "@authenticated"], "actions": ["run-task", "*"], "objects": ["eng/*", "*", "x"],
               "allow": true},
              {"principals": ["@anonymous", "@anyone"], "actions": ["drain-agent"], "objects": ["*"], "allow": false}
            ]}
            """
        let rules = try RulesFile.rules(parsing: Array(text.utf8))
        #expect(
            rules == [
                AuthorizationRule(
                    principals: [.named("ops"), .authenticated], actions: [.one(.runTask), .every],
                    objects: [.startingWith("eng/"), .every, .exactly("x")], isAllowed: true),
                AuthorizationRule(
                    principals: [.anonymous, .anyone], actions: [.one(.drainAgent)], objects: [.every],
                    isAllowed: false),
            ])
    }

    @Test("no rules is a file, too")
    func empty() throws { #expect(try RulesFile.rules(parsing: Array(#"{"rules": []}"#.utf8)).isEmpty) }

    /// A rule with one member replaced, or removed by an empty text.
    static func rule(_ name: String, _ text: String) -> String {
        var members = [
            "principals": #""principals": ["ops"]"#, "actions": #""actions": ["*"]"#, "objects": #""objects": ["*"]"#,
            "allow": #""allow": true"#,
        ]
        members[name] = text.isEmpty ? nil : text
        let body = members.keys.sorted().compactMap { members[$0] }.joined(separator: ",")
        return #"{"rules": [{"# + body + "}]}"
    }

    @Test(
        "a slip is refused with its place",
        arguments: [
            (rule("allow", ""), "rules[0].allow"), (rule("allow", #""allow": "yes""#), "rules[0].allow"),
            (rule("principals", ""), "rules[0].principals"),
            (rule("principals", #""principals": []"#), "rules[0].principals"),
            (rule("principals", #""principals": "ops""#), "rules[0].principals"),
            (rule("principals", #""principals": ["@all"]"#), "rules[0].principals[0]"),
            (rule("principals", #""principals": ["*"]"#), "rules[0].principals[0]"),
            (rule("principals", #""principals": ["a", ""]"#), "rules[0].principals[1]"),
            (rule("principals", #""principals": [1]"#), "rules[0].principals[0]"),
            (rule("actions", #""actions": ["run_tasks"]"#), "rules[0].actions[0]"),
            (rule("actions", #""actions": ["*", "fly"]"#), "rules[0].actions[1]"),
            (rule("objects", ""), "rules[0].objects"), (rule("objects", #""objects": ["a*b"]"#), "rules[0].objects[0]"),
            (rule("objects", #""objects": [""]"#), "rules[0].objects[0]"),
            (rule("principal", #""principal": ["ops"]"#), "rules[0].principal"),
            (#"{"rule": []}"#, "rule"), ("[]", ""), (#"{"rules": [[]]}"#, "rules[0]"), ("{}", "rules"),
        ])
    func refused(_ text: String, _ field: String) {
        let failure = #expect(throws: Failure.self) { try RulesFile.rules(parsing: Array(text.utf8)) }
        #expect(failure?.code == "authorization.rules-invalid")
        #expect(failure?.field == field)
    }

    @Test("what is not JSON is refused with its line")
    func syntax() {
        let text = "{\n  \"rules\": [\n    {]\n}"
        let failure = #expect(throws: Failure.self) { try RulesFile.rules(parsing: Array(text.utf8)) }
        #expect(failure?.description.contains("line 3") == true, "\(String(describing: failure))")
    }

    @Test("more rules than fit are refused")
    func tooMany() {
        let rule = #"{"principals": ["o"], "actions": ["*"], "objects": ["*"], "allow": true}"#
        let text = #"{"rules": ["# + Array(repeating: rule, count: RulesFile.rulesMax + 1).joined(separator: ",") + "]}"
        let failure = #expect(throws: Failure.self) { try RulesFile.rules(parsing: Array(text.utf8)) }
        #expect(failure?.limit != nil)
    }
}
