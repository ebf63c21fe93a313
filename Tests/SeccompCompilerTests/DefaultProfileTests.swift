import Diagnostics
import SeccompCompiler
import SeccompFormat
import Testing

@Suite("The default profile, compiled")
struct DefaultProfileTests {
    static let numbering = LibraryNumbering()
    static let kernel = KernelRelease(major: 6, minor: 18)

    static func compiled(
        _ profile: SeccompProfile = .default, capabilities: CapabilitySet = .rootDefault
    ) throws -> [FilterInstruction] {
        let filter = try FilterCompiler.compile(profile.resolve(for: capabilities, kernel: kernel))
        return try #require(FilterInstruction.decode(filter.bytes))
    }

    @Test("every name of the table has a number on x86-64", arguments: DefaultTable.groups.map(\.title))
    func namesExist(title: String) throws {
        let group = try #require(DefaultTable.groups.first { $0.title == title })
        for call in group.allowed + group.decisions.map(\.call) {
            guard case .number = Self.numbering.number(of: call, on: .amd64) else {
                Issue.record("\(call) has no number")
                continue
            }
        }
    }

    @Test(
        "every call that Linux has on x86-64 and arm64 is decided exactly once",
        arguments: [
            FilterArchitecture.amd64, .arm64,
        ])
    func complete(architecture: FilterArchitecture) {
        let decided = DefaultTable.groups.flatMap { $0.allowed + $0.decisions.map(\.call) }
        #expect(Set(decided).count == decided.count)
        let known = (0..<600).compactMap { Self.numbering.name(of: $0, on: architecture) }
        #expect(known.count > 300)
        #expect(Set(known).subtracting(decided).isEmpty)
        if architecture == .amd64 { #expect(Set(decided).subtracting(known).isEmpty) }
    }

    @Test(
        "each of the numbers 0 to 600 gets what the table says, on x86-64",
        arguments: [
            CapabilitySet.rootDefault, .userDefault, [], CapabilitySet([.sysAdmin]),
            CapabilitySet([.sysPtrace, .sysNice]), .all,
        ])
    func everyNumber(capabilities: CapabilitySet) throws {
        let program = try Self.compiled(capabilities: capabilities)
        for number in UInt32(0)...600 {
            let name = Self.numbering.name(of: number, on: .amd64)
            let seen = try FilterEvaluator.evaluate(program, Self.call(number, argument: 0x7fff_ffff_ffff_ffff))
            let expected = Self.declared(name, capabilities, argument: 0x7fff_ffff_ffff_ffff)
            #expect(seen == expected, "\(number) \(name ?? "unknown")")
            let zero = try FilterEvaluator.evaluate(program, Self.call(number, argument: 0))
            #expect(zero == Self.declared(name, capabilities, argument: 0), "\(number) \(name ?? "unknown")")
        }
    }

    @Test(
        "each number of i386, x32, arm and arm64 kills the process",
        arguments: [
            FilterArchitecture.x86, .x32, .arm, .arm64,
        ])
    func foreign(architecture: FilterArchitecture) throws {
        let program = try Self.compiled(capabilities: .all)
        let bit = architecture == .x32 ? FilterArchitecture.x32Bit : 0
        for number in UInt32(0)...600 {
            let call = FilterEvaluator.Call(architecture: architecture.auditArchitecture, number: number | bit)
            #expect(try FilterEvaluator.evaluate(program, call) == .killProcess)
        }
    }

    @Test("an allowed call is answered without looking at its arguments, so the kernel answers it from its bitmap")
    func bitmap() throws {
        let program = try Self.compiled()
        // Loads of offsets 0 and 4 are all that the path of such a call has.
        let loadsNumber = program.filter { $0.operation == 0x20 && $0.operand >= 16 }
        #expect(loadsNumber.count < 40)
        #expect(program.count < 300)
    }

    @Test("the same profile compiles to the same bytes every time")
    func deterministic() throws {
        let first = try Self.compiled()
        for _ in 0..<5 { #expect(try Self.compiled() == first) }
    }

    static func call(_ number: UInt32, argument: UInt64) -> FilterEvaluator.Call {
        FilterEvaluator.Call(
            architecture: FilterArchitecture.amd64.auditArchitecture, number: number,
            arguments: Array(repeating: argument, count: 6))
    }

    /// The table's own answer, found without resolving or compiling anything.
    static func declared(_ name: String?, _ capabilities: CapabilitySet, argument: UInt64) -> FilterAction {
        guard let name else { return .refuse(.noSuchCall) }
        for group in DefaultTable.groups {
            if group.allowed.contains(name) { return .allow }
            guard let decision = group.decisions.first(where: { $0.call == name }) else { continue }
            if decision.openedBy.contains(where: capabilities.contains) { return .allow }
            let answer = decision.answers.first { $0.conditions.allSatisfy { $0.holds(for: argument) } }
            return answer?.action ?? decision.otherwise
        }
        return .refuse(.noSuchCall)
    }
}
