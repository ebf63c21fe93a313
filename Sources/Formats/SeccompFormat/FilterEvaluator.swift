public import Diagnostics

/// Runs a filter as the kernel would, to see what it answers. It checks what the kernel's verifier checks on the path
/// it takes: known operations, jumps that stay inside, loads inside `struct seccomp_data`.
public enum FilterEvaluator {
    public struct Call: Hashable, Sendable {
        /// `AUDIT_ARCH_*`.
        public var architecture: UInt32
        public var number: UInt32
        /// The six arguments; those not given are zero.
        public var arguments: [UInt64]
        public init(architecture: UInt32, number: UInt32, arguments: [UInt64] = []) {
            precondition(arguments.count <= 6, "a call has six arguments")
            self.architecture = architecture
            self.number = number
            self.arguments = arguments + Array(repeating: 0, count: 6 - arguments.count)
        }
    }

    /// The action for `call`.
    ///
    /// - Throws: `Failure` `seccomp.program-invalid` when the kernel would not accept the program.
    public static func evaluate(_ program: [UInt8], _ call: Call) throws(Failure) -> FilterAction {
        guard let instructions = FilterInstruction.decode(program) else { throw invalid(0, "it has no whole program") }
        return try evaluate(instructions, call)
    }

    public static func evaluate(
        _ instructions: [FilterInstruction], _ call: Call
    ) throws(Failure) -> FilterAction {
        guard instructions.count <= FilterInstruction.countMax else { throw invalid(0, "it is too long") }
        var accumulator: UInt32 = 0
        var position = 0
        // Every jump goes forward, so the loop ends.
        while position < instructions.count {
            let instruction = instructions[position]
            let operand = instruction.operand
            position += 1
            func branch(_ holds: Bool) -> Int { Int(holds ? instruction.whenTrue : instruction.whenFalse) }
            switch instruction.operation {
            case FilterInstruction.load:
                guard let word = word(at: operand, of: call) else { throw invalid(position - 1, "it loads outside") }
                accumulator = word
            case FilterInstruction.and: accumulator &= operand
            case FilterInstruction.jump: position += Int(operand)
            case FilterInstruction.jumpEqual: position += branch(accumulator == operand)
            case FilterInstruction.jumpGreater: position += branch(accumulator > operand)
            case FilterInstruction.jumpGreaterOrEqual: position += branch(accumulator >= operand)
            case FilterInstruction.jumpAnySet: position += branch(accumulator & operand != 0)
            case FilterInstruction.answer: return FilterAction(returnValue: operand)
            case FilterInstruction.answerAccumulator: return FilterAction(returnValue: accumulator)
            default: throw invalid(position - 1, "operation \(instruction.operation) is not known")
            }
        }
        throw invalid(position, "it runs past its end")
    }

    private static func word(at offset: UInt32, of call: Call) -> UInt32? {
        switch offset {
        case FilterInstruction.numberOffset: return call.number
        case FilterInstruction.architectureOffset: return call.architecture
        // The instruction pointer: no filter of ours asks for it, others see zero.
        case 8, 12: return 0
        case 16..<64 where offset % 4 == 0:
            let argument = call.arguments[Int(offset - 16) / 8]
            return UInt32(truncatingIfNeeded: offset % 8 == 0 ? argument : argument >> 32)
        default: return nil
        }
    }

    private static func invalid(_ position: Int, _ cause: String) -> Failure {
        Failure(
            "seccomp.program-invalid", doing: "evaluate the seccomp program", on: "instruction \(position)",
            cause: cause, remedy: "compile the profile again")
    }
}
