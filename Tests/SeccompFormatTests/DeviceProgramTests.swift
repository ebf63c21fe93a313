import Diagnostics
import SeccompFormat
import Testing

@Suite("Device programs")
struct DeviceProgramTests {
    static let standard = DeviceProgram.bytes(rules: DeviceRule.standard)

    @Test(
        "the standard devices can be read and written and never made",
        arguments: [
            (1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (136, 0), (136, 4095),
        ] as [(UInt32, UInt32)])
    func standardDevices(major: UInt32, minor: UInt32) throws {
        for access in [DeviceAccess.read, .write, [.read, .write]] {
            #expect(try allows(.character, major, minor, access))
            #expect(try !allows(.block, major, minor, access))
        }
        for access in [DeviceAccess.makeNode, [.makeNode, .read], .all] {
            #expect(try !allows(.character, major, minor, access))
        }
    }

    @Test(
        "no other device can be opened",
        arguments: [
            (1, 1), (1, 2), (1, 4), (1, 11), (4, 0), (5, 1), (10, 200), (10, 229), (10, 232), (13, 0), (137, 0), (0, 0),
            (UInt32.max, UInt32.max),
        ] as [(UInt32, UInt32)])
    func otherDevices(major: UInt32, minor: UInt32) throws {
        for kind in [DeviceRule.Kind.character, .block] {
            for access in [DeviceAccess.read, .write, .makeNode] { #expect(try !allows(kind, major, minor, access)) }
        }
    }

    @Test("a rule opens exactly what it says, for every kind, number and access")
    func everyRule() throws {
        let kinds: [DeviceRule.Kind?] = [nil, .block, .character]
        let numbers: [UInt32?] = [nil, 0, 8, UInt32.max]
        for kind in kinds {
            for major in numbers {
                for minor in numbers {
                    for access in (0...7).map(DeviceAccess.init(rawValue:)) {
                        try check(DeviceRule(kind: kind, major: major, minor: minor, access: access))
                    }
                }
            }
        }
    }

    @Test("no rule allows nothing, one rule for everything allows all")
    func extremes() throws {
        let none = DeviceProgram.bytes(rules: [])
        let all = DeviceProgram.bytes(rules: [DeviceRule(kind: nil, major: nil, minor: nil, access: .all)])
        #expect(try !DeviceEvaluator.allows(none, kind: .character, major: 1, minor: 3, access: .read))
        #expect(try DeviceEvaluator.allows(all, kind: .block, major: 8, minor: 0, access: .all))
    }

    @Test("nothing follows a rule for everything, because the kernel refuses instructions that nothing reaches")
    func noUnreachableInstructions() {
        let all = DeviceRule(kind: nil, major: nil, minor: nil, access: .all)
        #expect(DeviceProgram.bytes(rules: [all] + DeviceRule.standard) == DeviceProgram.bytes(rules: [all]))
    }

    @Test("access is written in letters", arguments: [("", 0), ("r", 2), ("rw", 6), ("mwr", 7), ("m", 1), ("x", 0)])
    func letters(text: String, value: UInt32) {
        #expect(DeviceAccess(text).rawValue == value)
    }

    @Test(
        "a program the evaluator does not know is refused",
        arguments: [
            [1], [0x95], [0x85, 0, 0, 0, 0, 0, 0, 0], [0x61, 0x12, 64, 0, 0, 0, 0, 0], [0xb4, 0, 0, 0, 1, 0, 0, 0],
        ] as [[UInt8]])
    func unknownPrograms(program: [UInt8]) {
        #expect(throws: Failure.self) {
            try DeviceEvaluator.allows(program, kind: .block, major: 0, minor: 0, access: .read)
        }
    }

    private func allows(
        _ kind: DeviceRule.Kind, _ major: UInt32, _ minor: UInt32, _ access: DeviceAccess
    ) throws -> Bool {
        try DeviceEvaluator.allows(Self.standard, kind: kind, major: major, minor: minor, access: access)
    }

    private func check(_ rule: DeviceRule) throws {
        let program = DeviceProgram.bytes(rules: [rule])
        for kind in [DeviceRule.Kind.block, .character] {
            for major in [UInt32(0), 7, 8, .max] {
                for minor in [UInt32(0), 1, 8, .max] {
                    for access in [DeviceAccess.makeNode, .read, .write, [.read, .write], .all] {
                        let expected =
                            (rule.kind ?? kind) == kind && (rule.major ?? major) == major
                            && (rule.minor ?? minor) == minor && access.isSubset(of: rule.access)
                        let seen = try DeviceEvaluator.allows(
                            program, kind: kind, major: major, minor: minor, access: access)
                        if seen != expected { Issue.record("\(rule) for \(kind) \(major):\(minor) \(access)") }
                    }
                }
            }
        }
    }
}
