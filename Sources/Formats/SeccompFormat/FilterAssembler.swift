public import Diagnostics

/// A program for seccomp(2) and what a person should know about it.
public struct CompiledFilter: Hashable, Sendable {
    /// What it was compiled from: `default`, `unconfined`, a path.
    public var name: String
    /// An array of `struct sock_filter`; empty when nothing is filtered and nothing is to be installed.
    public var bytes: [UInt8]
    public var flags: FilterFlags
    /// What was left out or read in a way the profile's author may not expect, a sentence each.
    public var notes: [String]
    public init(name: String, bytes: [UInt8], flags: FilterFlags = [], notes: [String] = []) {
        self.name = name
        self.bytes = bytes
        self.flags = flags
        self.notes = notes
    }
    public var instructionCount: Int { bytes.count / FilterInstruction.byteCount }
    /// Whether the program can answer that a listener decides, SECCOMP_RET_USER_NOTIF of seccomp(2): an instruction
    /// that returns it. Read off the program, so that one from a cache says it as well.
    public var needsListener: Bool {
        stride(from: 0, to: bytes.count, by: FilterInstruction.byteCount).contains { start in
            bytes[start] == 0x06 && bytes[start + 6] == 0xc0 && bytes[start + 7] == 0x7f
        }
    }
}

/// Writes a resolved filter as classic BPF.
///
/// Calls are found by a binary search over ranges of numbers that share an answer, so an allowed call costs about
/// eight comparisons and the program stays short. A range whose answer does not depend on arguments is one that the
/// kernel (5.11 and later) recognises and answers from a bitmap without running the program at all.
public enum FilterAssembler {
    /// - Throws: `Failure` `seccomp.filter-too-long` when the kernel's limit of instructions is exceeded.
    public static func assemble(
        _ filter: ResolvedFilter, numbers: some CallNumbering
    ) throws(Failure) -> CompiledFilter {
        if filter.isUnconfined { return CompiledFilter(name: filter.name, bytes: [], notes: filter.notes) }
        let table = NumberedRules(filter, numbers: numbers)
        var program: [FilterInstruction] = [.loading(FilterInstruction.architectureOffset)]
        for (audit, answers) in table.answers {
            let body = [.loading(FilterInstruction.numberOffset)] + search(answers[...])
            program.append(
                FilterInstruction(operation: FilterInstruction.jumpEqual, whenTrue: 1, operand: audit))
            program.append(.skipping(body.count))
            program += body
        }
        program.append(.answering(.killProcess))
        guard program.count <= FilterInstruction.countMax else {
            throw Failure(
                "seccomp.filter-too-long", doing: "compile the seccomp profile", on: filter.name,
                cause: "it needs \(program.count) instructions", remedy: "use fewer rules about arguments",
                limit: "filter instructions \(FilterInstruction.countMax)")
        }
        var notes = filter.notes
        if !table.unknown.isEmpty {
            notes.append("calls nobody here knows, left out: \(table.unknown.joined(separator: " "))")
        }
        return CompiledFilter(
            name: filter.name, bytes: program.flatMap(\.bytes), flags: filter.flags, notes: notes)
    }

    private static func search(_ ranges: ArraySlice<AnswerRange>) -> [FilterInstruction] {
        guard ranges.count > 1 else { return ranges.first.map { answer($0.answer) } ?? [] }
        let middle = ranges.startIndex + ranges.count / 2
        let low = search(ranges[..<middle])
        let high = search(ranges[middle...])
        let test = FilterInstruction.jumpGreaterOrEqual
        let first = ranges[middle].first
        guard low.count <= Int(UInt8.max) else {
            return [.init(operation: test, whenFalse: 1, operand: first), .skipping(low.count)] + low + high
        }
        return [.init(operation: test, whenTrue: UInt8(low.count), operand: first)] + low + high
    }

    private static func answer(_ answer: CallAnswer) -> [FilterInstruction] {
        answer.alternatives.flatMap(ConditionCode.alternative) + [.answering(answer.otherwise)]
    }
}

/// What one call gets: the action of the first alternative that holds, or the other action.
struct CallAnswer: Hashable {
    struct Alternative: Hashable {
        var conditions: [ArgumentCondition]
        var action: FilterAction
    }
    var alternatives: [Alternative]
    var otherwise: FilterAction

    init(_ rules: [FilterRule], defaultAction: FilterAction) {
        otherwise = rules.first { $0.conditions.isEmpty }?.action ?? defaultAction
        alternatives = rules.filter { !$0.conditions.isEmpty }.map {
            Alternative(conditions: $0.conditions, action: $0.action)
        }
        while alternatives.last?.action == otherwise { alternatives.removeLast() }
    }
}

/// The calls from `first` up to the next range.
struct AnswerRange: Hashable {
    var first: UInt32
    var answer: CallAnswer
}

/// A filter's rules under the numbers that calls have, for each audit architecture in the filter's order.
struct NumberedRules {
    private(set) var answers: [(audit: UInt32, ranges: [AnswerRange])] = []
    private(set) var unknown: [String] = []

    init(_ filter: ResolvedFilter, numbers: some CallNumbering) {
        var rules: [FilterArchitecture: [UInt32: [FilterRule]]] = [:]
        var recognised: Set<String> = []
        for rule in filter.rules {
            for architecture in filter.architectures {
                let found = numbers.number(of: rule.call, on: architecture)
                if found != .unknown { recognised.insert(rule.call) }
                guard case .number(let number) = found else { continue }
                rules[architecture, default: [:]][number, default: []].append(rule)
            }
        }
        unknown = Set(filter.rules.map(\.call)).subtracting(recognised).sorted()
        for architecture in filter.architectures
        where !answers.contains(where: {
            $0.audit == architecture.auditArchitecture
        }) {
            let sharing = filter.architectures.filter { $0.auditArchitecture == architecture.auditArchitecture }
            let numbered = sharing.reduce(into: [:]) { $0.merge(rules[$1] ?? [:]) { first, _ in first } }
            answers.append(
                (architecture.auditArchitecture, Self.ranges(numbered, filter: filter, abis: Set(sharing))))
        }
    }

    private static func ranges(
        _ rules: [UInt32: [FilterRule]], filter: ResolvedFilter, abis: Set<FilterArchitecture>
    ) -> [AnswerRange] {
        let otherwise = CallAnswer([], defaultAction: filter.defaultAction)
        var points: [UInt32: CallAnswer] = [0: otherwise]
        if abis.contains(.amd64), !abis.contains(.x32) {
            points[FilterArchitecture.x32Bit] = CallAnswer([], defaultAction: .killProcess)
            // A tracer skips a call by making its number -1. That is no call of x32.
            points[UInt32.max] = otherwise
        }
        for number in rules.keys where points[number &+ 1] == nil { points[number &+ 1] = otherwise }
        for (number, rules) in rules { points[number] = CallAnswer(rules, defaultAction: filter.defaultAction) }
        var ranges: [AnswerRange] = []
        for (first, answer) in points.sorted(by: { $0.key < $1.key }) where ranges.last?.answer != answer {
            ranges.append(AnswerRange(first: first, answer: answer))
        }
        return ranges
    }
}
