public import Diagnostics

/// Everything a filter may answer to one call, whatever its arguments: the program is walked with the number known and
/// the arguments not, so both sides of every test of an argument are taken.
public struct FilterSurvey: Hashable, Sendable {
    /// One way through the program.
    public struct Way: Hashable, Sendable {
        /// Tests of arguments on the way, in order, as a person reads them; empty when none was made.
        public var conditions: [String]
        public var action: FilterAction
    }

    public var ways: [Way]

    /// A program with more ways for one call than this is not followed to its end.
    public static let waysMax = 1_024

    /// All ways give this; nil when it depends on arguments.
    public var onlyAction: FilterAction? {
        let actions = Set(ways.map(\.action))
        return actions.count == 1 ? actions.first : nil
    }

    /// - Throws: `Failure` `seccomp.program-invalid`, or `seccomp.survey-too-long`.
    public init(
        of program: [FilterInstruction], architecture: UInt32, number: UInt32
    ) throws(Failure) {
        var walk = Walk(program: program, architecture: architecture, number: number)
        try walk.run(0, Value.known(0), [])
        ways = walk.ways
    }

    /// In one line: "allow", or "allow if argument 0 = 0x1; else EPERM".
    public var text: String {
        if let onlyAction { return onlyAction.description }
        return ways.map { way in
            way.conditions.isEmpty
                ? way.action.description : "\(way.action) if \(way.conditions.joined(separator: " and "))"
        }.joined(separator: "; ")
    }
}

/// What the accumulator holds: a number, or half of an argument under a mask.
private enum Value {
    case known(UInt32)
    case argument(index: UInt32, isHigh: Bool, mask: UInt32)

    var text: String {
        switch self {
        case .known(let number): "0x\(String(number, radix: 16))"
        case .argument(let index, let isHigh, let mask):
            "argument \(index)\(isHigh ? " (high half)" : "")" + (mask == .max ? "" : " & 0x\(String(mask, radix: 16))")
        }
    }
}

private struct Walk {
    let program: [FilterInstruction]
    let architecture: UInt32
    let number: UInt32
    var ways: [FilterSurvey.Way] = []

    /// Jumps go forward only, so it ends.
    mutating func run(_ start: Int, _ begun: Value, _ tests: [String]) throws(Failure) {
        var (position, value, conditions) = (start, begun, tests)
        while position < program.count {
            let instruction = program[position]
            position += 1
            switch instruction.operation {
            case FilterInstruction.load: value = try loaded(instruction.operand, at: position - 1)
            case FilterInstruction.and: value = masked(value, instruction.operand)
            case FilterInstruction.jump: position += Int(instruction.operand)
            case FilterInstruction.answer: return try end(conditions, FilterAction(returnValue: instruction.operand))
            case FilterInstruction.answerAccumulator:
                guard case .known(let word) = value else { throw Self.invalid(position - 1, "it answers an argument") }
                return try end(conditions, FilterAction(returnValue: word))
            case FilterInstruction.jumpEqual, FilterInstruction.jumpGreater, FilterInstruction.jumpGreaterOrEqual,
                FilterInstruction.jumpAnySet:
                if case .known(let word) = value {
                    position += Int(Self.holds(instruction, word) ? instruction.whenTrue : instruction.whenFalse)
                    continue
                }
                let (yes, no) = Self.sentences(instruction, value)
                // The same test again has the same answer: no way goes on as if it had another.
                if conditions.contains(yes) {
                    position += Int(instruction.whenTrue)
                    continue
                }
                if !conditions.contains(no) {
                    try run(position + Int(instruction.whenTrue), value, conditions + [yes])
                    conditions.append(no)
                }
                position += Int(instruction.whenFalse)
            default: throw Self.invalid(position - 1, "operation \(instruction.operation) is not known")
            }
        }
        throw Self.invalid(position, "it runs past its end")
    }

    private mutating func end(_ conditions: [String], _ action: FilterAction) throws(Failure) {
        guard ways.count < FilterSurvey.waysMax else {
            throw Failure(
                "seccomp.survey-too-long", doing: "survey the seccomp program", on: "call \(number)",
                cause: "there are too many ways through it", limit: "ways \(FilterSurvey.waysMax)")
        }
        ways.append(FilterSurvey.Way(conditions: conditions, action: action))
    }

    private func loaded(_ offset: UInt32, at position: Int) throws(Failure) -> Value {
        switch offset {
        case FilterInstruction.numberOffset: return .known(number)
        case FilterInstruction.architectureOffset: return .known(architecture)
        case 8, 12: return .argument(index: 6, isHigh: offset == 12, mask: .max)
        case 16..<64 where offset % 4 == 0:
            return .argument(index: (offset - 16) / 8, isHigh: offset % 8 == 4, mask: .max)
        default: throw Self.invalid(position, "it loads outside")
        }
    }

    private func masked(_ value: Value, _ mask: UInt32) -> Value {
        switch value {
        case .known(let word): .known(word & mask)
        case .argument(let index, let isHigh, let had): .argument(index: index, isHigh: isHigh, mask: had & mask)
        }
    }

    private static func holds(_ instruction: FilterInstruction, _ word: UInt32) -> Bool {
        switch instruction.operation {
        case FilterInstruction.jumpEqual: word == instruction.operand
        case FilterInstruction.jumpGreater: word > instruction.operand
        case FilterInstruction.jumpGreaterOrEqual: word >= instruction.operand
        default: word & instruction.operand != 0
        }
    }

    private static func sentences(_ instruction: FilterInstruction, _ value: Value) -> (yes: String, no: String) {
        let operand = "0x" + String(instruction.operand, radix: 16)
        let (yes, no) =
            switch instruction.operation {
            case FilterInstruction.jumpEqual: ("=", "≠")
            case FilterInstruction.jumpGreater: (">", "≤")
            case FilterInstruction.jumpGreaterOrEqual: ("≥", "<")
            default: ("has any of", "has none of")
            }
        return ("\(value.text) \(yes) \(operand)", "\(value.text) \(no) \(operand)")
    }

    private static func invalid(_ position: Int, _ cause: String) -> Failure {
        Failure(
            "seccomp.program-invalid", doing: "survey the seccomp program", on: "instruction \(position)", cause: cause)
    }
}

extension FilterInstruction {
    /// As a person reads it: `if A = 0xc000003e go on, else to 12`. `position` is its own, from 0.
    public func text(at position: Int) -> String {
        func jump(_ test: String) -> String {
            "if \(test) 0x\(String(operand, radix: 16)) to \(position + 1 + Int(whenTrue)), "
                + "else to \(position + 1 + Int(whenFalse))"
        }
        switch operation {
        case Self.load: return "load " + Self.place(operand)
        case Self.and: return "and 0x" + String(operand, radix: 16)
        case Self.jump: return "to \(position + 1 + Int(operand))"
        case Self.jumpEqual: return jump("=")
        case Self.jumpGreater: return jump(">")
        case Self.jumpGreaterOrEqual: return jump("≥")
        case Self.jumpAnySet: return jump("has any of")
        case Self.answer: return "answer \(FilterAction(returnValue: operand))"
        case Self.answerAccumulator: return "answer what was computed"
        default: return "operation \(operation) of 0x\(String(operand, radix: 16))"
        }
    }

    private static func place(_ offset: UInt32) -> String {
        switch offset {
        case numberOffset: "the call's number"
        case architectureOffset: "the architecture"
        case 16..<64: "argument \((offset - 16) / 8)\(offset % 8 == 4 ? " (high half)" : "")"
        default: "offset \(offset)"
        }
    }
}
