import Diagnostics
import Testing

@testable import LaunchPlanning

@Suite("what to do about a program that does not start")
struct ProgramRemedyTests {
    private func failure(_ error: Int32, _ isMeant: (Step) -> Bool, in plan: LaunchPlan) throws -> Failure {
        let index = try #require(plan.steps.firstIndex { isMeant($0.step) })
        return LauncherReport(kind: .failed, step: UInt32(index), error: error, detail: 0).failure(in: plan)
    }

    @Test("a program that was looked for, found and may not be executed is not one that is missing")
    func closed() throws {
        let isSearch: (Step) -> Bool = { if case .findProgram = $0 { true } else { false } }
        let denied = try failure(13, isSearch, in: Sample.everyPlan)
        #expect(denied.code == "launch.program-not-executable" && denied.remedy?.contains("must be executable") == true)
        #expect(try failure(2, isSearch, in: Sample.everyPlan).code == "launch.program-not-found")
    }

    @Test("of one that is named by its path the interpreter may be missing", arguments: ["/bin/x", "./x"])
    func interpreter(_ path: String) throws {
        var plan = Sample.everyPlan
        let index = try #require(plan.steps.firstIndex { if case .execute = $0.step { true } else { false } })
        plan.steps[index].step = .execute(arguments: [path], environment: [])
        let report = LauncherReport(kind: .failed, step: UInt32(index), error: 2, detail: 0)
        #expect(report.failure(in: plan).remedy?.contains("its #! line or its ELF header names") == true)
    }
}
