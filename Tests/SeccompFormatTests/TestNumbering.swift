import SeccompFormat

/// Calls with made-up numbers: `call5` is 5 on every ABI; `native7` exists on x86-64 only.
struct TestNumbering: CallNumbering {
    func number(of call: String, on architecture: FilterArchitecture) -> CallNumber {
        if call.hasPrefix("call"), let number = UInt32(call.dropFirst(4)) {
            return .number(architecture == .x32 ? number | FilterArchitecture.x32Bit : number)
        }
        if call.hasPrefix("native"), let number = UInt32(call.dropFirst(6)) {
            return architecture == .amd64 ? .number(number) : .absent
        }
        return .unknown
    }
}

extension FilterEvaluator.Call {
    static func native(_ number: UInt32, _ arguments: UInt64...) -> FilterEvaluator.Call {
        FilterEvaluator.Call(
            architecture: FilterArchitecture.amd64.auditArchitecture, number: number, arguments: arguments)
    }

    static func on(_ architecture: FilterArchitecture, _ number: UInt32) -> FilterEvaluator.Call {
        FilterEvaluator.Call(architecture: architecture.auditArchitecture, number: number)
    }
}

/// A filter for x86-64 from rules.
func assembled(
    _ rules: [FilterRule], defaultAction: FilterAction = .refuse(.noSuchCall),
    architectures: [FilterArchitecture] = [.amd64]
) throws -> CompiledFilter {
    try FilterAssembler.assemble(
        ResolvedFilter(name: "test", defaultAction: defaultAction, architectures: architectures, rules: rules),
        numbers: TestNumbering())
}
