public import Diagnostics

/// Runs a device program as the kernel would, to see whom it lets in. It knows the few instructions such programs use
/// and refuses every other.
public enum DeviceEvaluator {
    /// Whether `program` lets a member of the cgroup open (or make) the device for all of `access` at once.
    ///
    /// - Throws: `Failure` `device-filter.program-invalid`.
    public static func allows(
        _ program: [UInt8], kind: DeviceRule.Kind, major: UInt32, minor: UInt32, access: DeviceAccess
    ) throws(Failure) -> Bool {
        guard program.count % 8 == 0 else { throw invalid(0, "it has no whole program") }
        let context = [access.rawValue << 16 | kind.rawValue, major, minor]
        var registers = [UInt64](repeating: 0, count: 11)
        var position = 0
        // Every jump goes forward, so the loop ends.
        while position * 8 < program.count {
            let at = position * 8
            let immediate = (0..<4).reduce(UInt32(0)) { $0 | UInt32(program[at + 4 + $1]) << UInt32(8 * $1) }
            let target = Int(program[at + 1] & 0xf)
            let source = Int(program[at + 1] >> 4)
            let offset = Int(UInt16(program[at + 2]) | UInt16(program[at + 3]) << 8)
            guard max(target, source) < registers.count else { throw invalid(position, "no such register") }
            position += 1
            switch program[at] {
            case DeviceInstruction.loadWord:
                guard source == 1, offset % 4 == 0, offset / 4 < context.count else {
                    throw invalid(position - 1, "it loads outside")
                }
                registers[target] = UInt64(context[offset / 4])
            case DeviceInstruction.setImmediate: registers[target] = UInt64(immediate)
            case DeviceInstruction.copyRegister: registers[target] = registers[source] & 0xffff_ffff
            case DeviceInstruction.andImmediate: registers[target] = registers[target] & UInt64(immediate)
            case DeviceInstruction.shiftRightImmediate:
                registers[target] = (registers[target] & 0xffff_ffff) >> UInt64(immediate & 31)
            case DeviceInstruction.jumpUnlessEqual:
                if UInt32(truncatingIfNeeded: registers[target]) != immediate { position += offset }
            case DeviceInstruction.exitProgram: return registers[0] != 0
            default: throw invalid(position - 1, "operation \(program[at]) is not known")
            }
        }
        throw invalid(position, "it runs past its end")
    }

    private static func invalid(_ position: Int, _ cause: String) -> Failure {
        Failure(
            "device-filter.program-invalid", doing: "evaluate the device program", on: "instruction \(position)",
            cause: cause, remedy: "make the program again")
    }
}
