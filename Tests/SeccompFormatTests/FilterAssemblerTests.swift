import Diagnostics
import SeccompFormat
import Testing

@Suite("Assembling filters")
struct FilterAssemblerTests {
    @Test(
        "every action survives the way through a program",
        arguments: [
            FilterAction.killProcess, .killThread, .trap, .refuse(.notPermitted), .refuse(ErrorNumber(rawValue: 4095)),
            .notify, .trace(0), .trace(77), .log, .allow,
        ])
    func actions(action: FilterAction) throws {
        let program = try assembled([FilterRule("call3", action)]).bytes
        #expect(try FilterEvaluator.evaluate(program, .native(3)) == action)
        #expect(try FilterEvaluator.evaluate(program, .native(2)) == .refuse(.noSuchCall))
        #expect(try FilterEvaluator.evaluate(program, .native(4)) == .refuse(.noSuchCall))
    }

    static let tests: [ArgumentCondition.Test] = [0, 1, 5, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0005, .max - 1, .max]
        .flatMap { value -> [ArgumentCondition.Test] in
            [
                .equal(value), .notEqual(value), .less(value), .lessOrEqual(value), .greater(value),
                .greaterOrEqual(value), .masked(0xffff_ffff, equal: value), .masked(value, equal: value),
                .masked(0xff00_0000_00ff, equal: value), .masked(value, equal: 0), .masked(0, equal: value),
            ]
        }

    @Test("a comparison of 64 bits is exact at every edge, for every argument", arguments: tests)
    func comparisons(test: ArgumentCondition.Test) throws {
        let edges: [UInt64] = [
            0, 1, 4, 5, 6, 0xff, 0xffff_fffe, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0001, 0x1_0000_0004, 0x1_0000_0005,
            0x1_0000_0006, 0x2_0000_0005, 0xff00_0000_00ff, .max - 1, .max, 1 << 63,
        ]
        for index in UInt8(0)..<6 {
            let condition = ArgumentCondition(index: index, test)
            let program = try assembled([FilterRule("call3", when: [condition], .allow)]).bytes
            for value in edges {
                var arguments = [UInt64](repeating: ~value, count: 6)
                arguments[Int(index)] = value
                let call = FilterEvaluator.Call(
                    architecture: FilterArchitecture.amd64.auditArchitecture, number: 3, arguments: arguments)
                let expected: FilterAction = condition.holds(for: value) ? .allow : .refuse(.noSuchCall)
                #expect(try FilterEvaluator.evaluate(program, call) == expected, "\(condition) for \(value)")
            }
        }
    }

    @Test("all conditions of a rule must hold, and the first rule that holds decides")
    func decisionList() throws {
        let first = ArgumentCondition.int(0, is: 16)
        let second = ArgumentCondition.int(2, is: 0)
        let program = try assembled([
            FilterRule("call3", .trap), FilterRule("call3", when: [first, second], .allow),
            FilterRule("call3", when: [first], .refuse(.protocolNotSupported)),
            FilterRule("call3", when: [first], .killProcess), FilterRule("call3", .allow),
        ]).bytes
        #expect(try FilterEvaluator.evaluate(program, .native(3, 16, 9, 0)) == .allow)
        #expect(try FilterEvaluator.evaluate(program, .native(3, 16, 0, 9)) == .refuse(.protocolNotSupported))
        #expect(try FilterEvaluator.evaluate(program, .native(3, 2, 0, 0)) == .trap)
    }

    @Test("a comparison of an int cannot be evaded by high bits")
    func highBits() throws {
        let condition = ArgumentCondition.int(1, is: 0x5412)
        let program = try assembled([
            FilterRule("call16", when: [condition], .refuse(.notPermitted)), FilterRule("call16", .allow),
        ]).bytes
        #expect(try FilterEvaluator.evaluate(program, .native(16, 0, 0x5412)) == .refuse(.notPermitted))
        #expect(try FilterEvaluator.evaluate(program, .native(16, 0, 0x1_0000_5412)) == .refuse(.notPermitted))
        #expect(try FilterEvaluator.evaluate(program, .native(16, 0, 0xffff_ffff_0000_5412)) == .refuse(.notPermitted))
        #expect(try FilterEvaluator.evaluate(program, .native(16, 0, 0x5413)) == .allow)
    }

    @Test("only the listed ABIs are open; any other kills the process")
    func architectures() throws {
        let rules = [FilterRule("call3", .allow)]
        let native = try assembled(rules).bytes
        #expect(try FilterEvaluator.evaluate(native, .on(.x86, 3)) == .killProcess)
        #expect(try FilterEvaluator.evaluate(native, .on(.arm64, 3)) == .killProcess)
        #expect(try FilterEvaluator.evaluate(native, .native(3 | FilterArchitecture.x32Bit)) == .killProcess)
        #expect(try FilterEvaluator.evaluate(native, .native(UInt32.max - 1)) == .killProcess)

        let open = try assembled(rules, architectures: [.amd64, .x86, .x32]).bytes
        for call in [FilterEvaluator.Call.native(3), .on(.x86, 3), .native(3 | FilterArchitecture.x32Bit)] {
            #expect(try FilterEvaluator.evaluate(open, call) == .allow)
        }
        for call in [FilterEvaluator.Call.native(4), .on(.x86, 4), .native(4 | FilterArchitecture.x32Bit)] {
            #expect(try FilterEvaluator.evaluate(open, call) == .refuse(.noSuchCall))
        }
        #expect(try FilterEvaluator.evaluate(open, .on(.arm, 3)) == .killProcess)
    }

    @Test("a call that a tracer skips by number -1 is not taken for a call of x32")
    func skippedCall() throws {
        let program = try assembled([FilterRule("call3", .allow)]).bytes
        #expect(try FilterEvaluator.evaluate(program, .native(UInt32.max)) == .refuse(.noSuchCall))
    }

    @Test("a name nobody knows is left out and named; one of another ABI is left out silently")
    func unknownNames() throws {
        let filter = try assembled(
            [FilterRule("mystery", .allow), FilterRule("native7", .allow), FilterRule("call3", .allow)],
            architectures: [.amd64, .x86])
        #expect(filter.notes.count == 1)
        #expect(filter.notes.first?.contains("mystery") == true)
        #expect(try FilterEvaluator.evaluate(filter.bytes, .native(7)) == .allow)
        #expect(try FilterEvaluator.evaluate(filter.bytes, .on(.x86, 7)) == .refuse(.noSuchCall))
    }

    @Test("a program with jumps longer than a byte answers right for every number")
    func longPrograms() throws {
        let rules = (0..<400).flatMap { number in
            [
                FilterRule("call\(number)", when: [.int(0, is: UInt32(number))], .allow),
                FilterRule("call\(number)", .refuse(ErrorNumber(rawValue: UInt16(number + 1)))),
            ]
        }
        let filter = try assembled(rules)
        #expect(filter.instructionCount > 2000)
        for number in UInt32(0)..<400 {
            #expect(try FilterEvaluator.evaluate(filter.bytes, .native(number, UInt64(number))) == .allow)
            let other = try FilterEvaluator.evaluate(filter.bytes, .native(number, UInt64(number) + 1))
            #expect(other == .refuse(ErrorNumber(rawValue: UInt16(number + 1))))
        }
        #expect(try FilterEvaluator.evaluate(filter.bytes, .native(400)) == .refuse(.noSuchCall))
    }

    @Test("a filter beyond the kernel's limit is refused with that limit")
    func tooLong() {
        let rules = (0..<1200).map { FilterRule("call\($0)", when: [.int(0, is: UInt32($0))], .allow) }
        let failure = #expect(throws: Failure.self) { try assembled(rules) }
        #expect(failure?.code == "seccomp.filter-too-long")
        #expect(failure?.limit == "filter instructions 4096")
    }

    @Test("unconfined needs no program")
    func unconfined() throws {
        let filter = SeccompProfile.unconfined.resolve(for: [], kernel: KernelRelease(major: 6, minor: 1))
        #expect(filter.isUnconfined)
        #expect(try FilterAssembler.assemble(filter, numbers: TestNumbering()).bytes.isEmpty)
    }

    @Test(
        "the evaluator refuses what the kernel's verifier would",
        arguments: [
            [], [1, 2, 3], [0x06, 0, 0, 0], [0x20, 0, 0, 0, 64, 0, 0, 0], [0x20, 0, 0, 0, 2, 0, 0, 0],
            [0x05, 0, 0, 0, 9, 0, 0, 0], [0x99, 0, 0, 0, 0, 0, 0, 0], [0x20, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]])
    func invalidPrograms(program: [UInt8]) {
        let failure = #expect(throws: Failure.self) { try FilterEvaluator.evaluate(program, .native(0)) }
        #expect(failure?.code == "seccomp.program-invalid")
    }
}
