import CSeccomp
import Diagnostics
import LinuxKernel
import SeccompCompiler
import SeccompFormat
import Testing

/// libseccomp's own compiler is the judge of ours wherever it can say what a profile means.
@Suite("Comparison with libseccomp")
struct LibraryComparisonTests {
    @Test("random profiles mean the same to both compilers", arguments: UInt64(1)...12)
    func randomProfiles(seed: UInt64) throws {
        var random = SmallRandom(state: seed &* 0x9e37_79b9_7f4a_7c15)
        let rules = Self.rules(&random)
        let filter = ResolvedFilter(
            name: "random \(seed)", defaultAction: .refuse(.notPermitted), architectures: [.amd64], rules: rules)
        let ours = try #require(FilterInstruction.decode(try FilterCompiler.compile(filter).bytes))
        let theirs = try #require(FilterInstruction.decode(try Self.compiledByLibrary(rules)))
        for number in UInt32(0)..<460 {
            for _ in 0..<4 {
                let arguments = (0..<6).map { _ in Self.value(&random) }
                let call = FilterEvaluator.Call(
                    architecture: FilterArchitecture.amd64.auditArchitecture, number: number, arguments: arguments)
                let expected = try FilterEvaluator.evaluate(theirs, call)
                let seen = try FilterEvaluator.evaluate(ours, call)
                if seen != expected { Issue.record("\(number) \(arguments): \(seen), not \(expected)") }
            }
        }
        for call in [
            FilterEvaluator.Call(architecture: FilterArchitecture.x86.auditArchitecture, number: 3),
            FilterEvaluator.Call(architecture: FilterArchitecture.amd64.auditArchitecture, number: 0x4000_0003),
            FilterEvaluator.Call(architecture: FilterArchitecture.amd64.auditArchitecture, number: .max),
        ] {
            #expect(try FilterEvaluator.evaluate(ours, call) == FilterEvaluator.evaluate(theirs, call))
        }
    }

    @Test("numbers and names agree with libseccomp's on every ABI", arguments: FilterArchitecture.allCases)
    func numbers(architecture: FilterArchitecture) {
        let numbering = LibraryNumbering()
        let bit = architecture == .x32 ? FilterArchitecture.x32Bit : 0
        var found = 0
        for number in UInt32(0)..<600 {
            guard let name = numbering.name(of: number | bit, on: architecture) else { continue }
            // Names of this one ABI that are not libseccomp's are known by their number on x86-64 only.
            if architecture != .amd64, ["uprobe", "uretprobe"].contains(name) { continue }
            found += 1
            #expect(numbering.number(of: name, on: architecture) == .number(number | bit), "\(name)")
        }
        #expect(found > 250)
    }

    @Test("a call that exists on no ABI is unknown, one of another ABI is absent")
    func lookups() {
        let numbering = LibraryNumbering()
        #expect(numbering.number(of: "no_such_call", on: .amd64) == .unknown)
        #expect(numbering.number(of: "socketcall", on: .amd64) == .absent)
        #expect(numbering.number(of: "socket", on: .x86) == .number(359))
        #expect(numbering.number(of: "mseal", on: .amd64) == .number(462))
        #expect(numbering.number(of: "mseal", on: .x32) == .number(462 | 0x4000_0000))
        #expect(numbering.number(of: "uretprobe", on: .arm64) == .absent)
    }

    /// Rules whose meaning does not depend on their order: allowing ones, each call with conditions or without.
    private static func rules(_ random: inout SmallRandom) -> [FilterRule] {
        let numbering = LibraryNumbering()
        var rules: [FilterRule] = []
        for number in UInt32(0)..<450 where random.next() % 3 != 0 {
            guard let name = numbering.name(of: number, on: .amd64), seccomp_syscall_resolve_name(name) >= 0 else {
                continue
            }
            guard random.next() % 8 == 0 else {
                rules.append(FilterRule(name, .allow))
                continue
            }
            let indices = (UInt8(0)..<6).filter { _ in random.next() % 3 == 0 }
            let conditions = indices.map { ArgumentCondition(index: $0, test(&random)) }
            rules.append(FilterRule(name, when: conditions, .allow))
        }
        return rules
    }

    private static func test(_ random: inout SmallRandom) -> ArgumentCondition.Test {
        let value = value(&random)
        switch random.next() % 7 {
        case 0: return .equal(value)
        case 1: return .notEqual(value)
        case 2: return .less(value)
        case 3: return .lessOrEqual(value)
        case 4: return .greater(value)
        case 5: return .greaterOrEqual(value)
        default:
            let mask = Self.value(&random) | 0xff
            return .masked(mask, equal: value & mask)
        }
    }

    /// Few values, so that comparisons meet their edges.
    private static func value(_ random: inout SmallRandom) -> UInt64 {
        let values: [UInt64] = [0, 1, 2, 5, 0xff, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0001, .max - 1, .max]
        return values[Int(random.next() % UInt64(values.count))]
    }

    private static func compiledByLibrary(_ rules: [FilterRule]) throws -> [UInt8] {
        let context = try #require(seccomp_init(FilterAction.refuse(.notPermitted).returnValue))
        defer { seccomp_release(context) }
        let killProcess = FilterAction.killProcess.returnValue
        try #require(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, killProcess) == 0)
        for rule in rules {
            let number = seccomp_syscall_resolve_name(rule.call)
            let comparisons = rule.conditions.map(comparison)
            let result = seccomp_rule_add_array(
                context, rule.action.returnValue, number, UInt32(comparisons.count), comparisons)
            try #require(result == 0, "\(rule)")
        }
        let file = try OwnedDescriptor.memoryFile("filter")
        try #require(seccomp_export_bpf(context, file.number) == 0)
        try file.seek(to: 0)
        return try file.readAll(limit: 1 << 20)
    }

    private static func comparison(_ condition: ArgumentCondition) -> scmp_arg_cmp {
        let (operation, first, second): (scmp_compare, UInt64, UInt64) =
            switch condition.test {
            case .equal(let value): (SCMP_CMP_EQ, value, 0)
            case .notEqual(let value): (SCMP_CMP_NE, value, 0)
            case .less(let value): (SCMP_CMP_LT, value, 0)
            case .lessOrEqual(let value): (SCMP_CMP_LE, value, 0)
            case .greater(let value): (SCMP_CMP_GT, value, 0)
            case .greaterOrEqual(let value): (SCMP_CMP_GE, value, 0)
            case .masked(let mask, let value): (SCMP_CMP_MASKED_EQ, mask, value)
            }
        return scmp_arg_cmp(arg: UInt32(condition.index), op: operation, datum_a: first, datum_b: second)
    }
}

/// xorshift64*: the same profiles on every run.
private struct SmallRandom {
    var state: UInt64
    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return (state &* 0x2545_f491_4f6c_dd1d) >> 16
    }
}
