import Diagnostics
import SeccompFormat
import Testing

@Suite("A filter is surveyed for a call, whatever its arguments")
struct FilterSurveyTests {
    private func survey(_ rules: [FilterRule], _ number: UInt32, on architecture: FilterArchitecture = .amd64) throws
        -> FilterSurvey
    {
        let program = try #require(FilterInstruction.decode(try assembled(rules).bytes))
        return try FilterSurvey(of: program, architecture: architecture.auditArchitecture, number: number)
    }

    @Test("a call without conditions has one answer")
    func plain() throws {
        let rules = [FilterRule("call5", .allow), FilterRule("call7", .refuse(.notPermitted))]
        #expect(try survey(rules, 5).onlyAction == .allow)
        #expect(try survey(rules, 7).onlyAction == .refuse(.notPermitted))
        #expect(try survey(rules, 6).onlyAction == .refuse(.noSuchCall))
        #expect(try survey(rules, 5, on: .x86).onlyAction == .killProcess)
        #expect(try survey(rules, 5 | FilterArchitecture.x32Bit).onlyAction == .killProcess)
    }

    @Test("a call with conditions has every answer its arguments can bring, and the tests on the way")
    func conditional() throws {
        let rules = [
            FilterRule("call9", when: [.int(0, is: 2)], .allow), FilterRule("call9", .refuse(.familyNotSupported)),
        ]
        let found = try survey(rules, 9)
        #expect(found.onlyAction == nil)
        #expect(Set(found.ways.map(\.action)) == [.allow, .refuse(.familyNotSupported)])
        #expect(found.text == "allow if argument 0 = 0x2; EAFNOSUPPORT if argument 0 ≠ 0x2")
    }

    @Test("it says what the evaluator says, for every number", arguments: [UInt64(0), 2, 0x1_0000_0002, .max])
    func agrees(_ argument: UInt64) throws {
        let filter = try assembled([
            FilterRule("call9", when: [.int(0, is: 2)], .allow), FilterRule("call4", .allow),
            FilterRule("call6", when: [ArgumentCondition(index: 1, .greater(5))], .allow),
        ])
        let program = try #require(FilterInstruction.decode(filter.bytes))
        for number in UInt32(0)..<20 {
            let said = try FilterEvaluator.evaluate(filter.bytes, .native(number, argument, argument))
            let found = try FilterSurvey(
                of: program, architecture: FilterArchitecture.amd64.auditArchitecture, number: number)
            #expect(found.ways.contains { $0.action == said })
        }
    }

    @Test("a program that is not one is refused", arguments: [UInt16(0x99), 0x20])
    func invalid(_ operation: UInt16) {
        #expect {
            try FilterSurvey(of: [FilterInstruction(operation: operation, operand: 3)], architecture: 0, number: 0)
        } throws: { ($0 as? Failure)?.code == "seccomp.program-invalid" }
    }

    @Test("instructions read as sentences")
    func text() {
        #expect(FilterInstruction(operation: 0x20, operand: 20).text(at: 0) == "load argument 0 (high half)")
        #expect(
            FilterInstruction(operation: 0x15, whenTrue: 1, whenFalse: 3, operand: 16).text(at: 4)
                == "if = 0x10 to 6, else to 8")
        #expect(FilterInstruction(operation: 0x06, operand: 0x0005_0001).text(at: 9) == "answer EPERM")
    }
}
