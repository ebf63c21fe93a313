public import Diagnostics

/// Every answer a filter can give to one call, whatever its arguments: both ways of each comparison with an argument
/// are walked. What depends on two comparisons that exclude each other may be listed though it cannot happen, never the
/// other way round.
public enum FilterReach {
    private struct Place: Hashable {
        var position: Int
        /// Nil: it depends on an argument.
        var accumulator: UInt32?
    }

    /// - Throws: `Failure` `seccomp.program-invalid` when the program holds what filters of seccomp(2) are not made of.
    public static func actions(
        _ instructions: [FilterInstruction], architecture: UInt32, number: UInt32
    ) throws(Failure) -> Set<FilterAction> {
        var found: Set<FilterAction> = []
        var seen: Set<Place> = []
        var open = [Place(position: 0, accumulator: 0)]
        while let place = open.popLast() {
            guard seen.insert(place).inserted else { continue }
            guard instructions.indices.contains(place.position) else { throw invalid(place.position) }
            let instruction = instructions[place.position]
            let next = place.position + 1
            let operand = instruction.operand
            switch instruction.operation {
            case FilterInstruction.load:
                let value: UInt32? =
                    switch operand {
                    case FilterInstruction.numberOffset: number
                    case FilterInstruction.architectureOffset: architecture
                    default: nil
                    }
                open.append(Place(position: next, accumulator: value))
            case FilterInstruction.and:
                open.append(Place(position: next, accumulator: place.accumulator.map { $0 & operand }))
            case FilterInstruction.jump:
                open.append(Place(position: next + Int(operand), accumulator: place.accumulator))
            case FilterInstruction.answer: found.insert(FilterAction(returnValue: operand))
            default:
                guard let holds = comparison(instruction.operation) else { throw invalid(place.position) }
                let ways = place.accumulator.map { [holds($0, operand)] } ?? [true, false]
                for way in ways {
                    let offset = Int(way ? instruction.whenTrue : instruction.whenFalse)
                    open.append(Place(position: next + offset, accumulator: place.accumulator))
                }
            }
        }
        return found
    }

    private static func comparison(_ operation: UInt16) -> ((UInt32, UInt32) -> Bool)? {
        switch operation {
        case FilterInstruction.jumpEqual: { $0 == $1 }
        case FilterInstruction.jumpGreater: { $0 > $1 }
        case FilterInstruction.jumpGreaterOrEqual: { $0 >= $1 }
        case FilterInstruction.jumpAnySet: { $0 & $1 != 0 }
        default: nil
        }
    }

    private static func invalid(_ position: Int) -> Failure {
        Failure(
            "seccomp.program-invalid", doing: "follow the seccomp program", on: "instruction \(position)",
            cause: "it is not one that filters are made of", remedy: "look at it with another tool")
    }
}
