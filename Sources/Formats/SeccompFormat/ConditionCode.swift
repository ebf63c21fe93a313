/// Instructions for comparisons of arguments. A filter sees 32 bits at a time, so a 64-bit comparison looks at the high
/// half first and at the low half only where that decides.
enum ConditionCode {
    private enum Target { case next, holds, fails }

    private struct Draft {
        var operation: UInt16
        var operand: UInt32
        var whenTrue = Target.next
        var whenFalse = Target.next
    }

    /// Answers with the action when all conditions hold, otherwise goes on behind it.
    static func alternative(_ alternative: CallAnswer.Alternative) -> [FilterInstruction] {
        precondition(alternative.conditions.count <= 32, "jumps in an alternative must fit in a byte")
        let parts = alternative.conditions.map(draft)
        let end = parts.reduce(1) { $0 + $1.count }
        var code: [FilterInstruction] = []
        for part in parts {
            let partEnd = code.count + part.count
            for draft in part {
                let next = code.count + 1
                func distance(_ target: Target) -> UInt8 {
                    switch target {
                    case .next: 0
                    case .holds: UInt8(partEnd - next)
                    case .fails: UInt8(end - next)
                    }
                }
                code.append(
                    FilterInstruction(
                        operation: draft.operation, whenTrue: distance(draft.whenTrue),
                        whenFalse: distance(draft.whenFalse), operand: draft.operand))
            }
        }
        return code + [.answering(alternative.action)]
    }

    private static func draft(_ condition: ArgumentCondition) -> [Draft] {
        let index = condition.index
        switch condition.test {
        case .equal(let value): return equality(index, value, equal: .holds, different: .fails)
        case .notEqual(let value): return equality(index, value, equal: .fails, different: .holds)
        case .greater(let value):
            return order(index, value, FilterInstruction.jumpGreater, above: .holds, below: .fails)
        case .greaterOrEqual(let value):
            return order(index, value, FilterInstruction.jumpGreaterOrEqual, above: .holds, below: .fails)
        case .less(let value):
            return order(index, value, FilterInstruction.jumpGreaterOrEqual, above: .fails, below: .holds)
        case .lessOrEqual(let value):
            return order(index, value, FilterInstruction.jumpGreater, above: .fails, below: .holds)
        case .masked(let mask, let value): return maskedEquality(index, mask, value)
        }
    }

    private static func equality(_ index: UInt8, _ value: UInt64, equal: Target, different: Target) -> [Draft] {
        [
            load(FilterInstruction.highHalf(ofArgument: index)),
            Draft(operation: FilterInstruction.jumpEqual, operand: high(value), whenFalse: different),
            load(FilterInstruction.lowHalf(ofArgument: index)),
            Draft(
                operation: FilterInstruction.jumpEqual, operand: low(value), whenTrue: equal, whenFalse: different),
        ]
    }

    private static func order(
        _ index: UInt8, _ value: UInt64, _ lowTest: UInt16, above: Target, below: Target
    ) -> [Draft] {
        [
            load(FilterInstruction.highHalf(ofArgument: index)),
            Draft(operation: FilterInstruction.jumpGreater, operand: high(value), whenTrue: above),
            Draft(operation: FilterInstruction.jumpEqual, operand: high(value), whenFalse: below),
            load(FilterInstruction.lowHalf(ofArgument: index)),
            Draft(operation: lowTest, operand: low(value), whenTrue: above, whenFalse: below),
        ]
    }

    private static func maskedEquality(_ index: UInt8, _ mask: UInt64, _ value: UInt64) -> [Draft] {
        half(FilterInstruction.highHalf(ofArgument: index), high(mask), high(value))
            + half(FilterInstruction.lowHalf(ofArgument: index), low(mask), low(value))
    }

    private static func half(_ offset: UInt32, _ mask: UInt32, _ value: UInt32) -> [Draft] {
        // No bit is looked at and none is asked for: nothing to test.
        if mask == 0, value == 0 { return [] }
        let test = Draft(operation: FilterInstruction.jumpEqual, operand: value, whenFalse: .fails)
        if mask == .max { return [load(offset), test] }
        return [load(offset), Draft(operation: FilterInstruction.and, operand: mask), test]
    }

    private static func load(_ offset: UInt32) -> Draft { Draft(operation: FilterInstruction.load, operand: offset) }
    private static func high(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value >> 32) }
    private static func low(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value) }
}
