public import Diagnostics

/// A regular expression that a stranger may send: matching takes time proportional to text times pattern, whatever the
/// pattern, because all ways to match advance together. It must match the whole text.
///
/// The part of RE2's language that names need: literals, `.`, `[a-z]`, `[^…]`, `\d \w \s` and their opposites, `|`,
/// groups, `* + ? {n} {n,} {n,m}` (also lazy, which changes nothing here), `^`, `$`. Anything else is refused.
public struct TextPattern: Hashable, Sendable {
    public let source: String
    let program: [Instruction]

    /// Instructions of a compiled pattern at most.
    public static let instructionsMax = 1_000
    static let repetitionsMax = 1_000
    static let depthMax = 50

    enum Instruction: Hashable, Sendable {
        case one(ScalarClass)
        case fork(Int, Int)
        case jump(Int)
        case atStart
        case atEnd
        case accept
    }

    /// Ranges of Unicode scalars, or everything but them.
    struct ScalarClass: Hashable, Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isInverted = false
        func contains(_ scalar: Unicode.Scalar) -> Bool {
            ranges.contains { $0.contains(scalar.value) } != isInverted
        }
    }

    /// What one character of a text may cost: the instructions, and the ranges they compare it with.
    public var cost: Int {
        program.reduce(0) { sum, instruction in
            if case .one(let accepted) = instruction { return sum + max(1, accepted.ranges.count) }
            return sum + 1
        }
    }

    /// - Throws: `Failure` `pattern.invalid` with the place and the reason.
    public init(_ source: String) throws(Failure) {
        self.source = source
        var compiler = PatternCompiler(source)
        program = try compiler.compile()
    }

    public func matches(_ text: String) -> Bool {
        let scalars = Array(text.unicodeScalars)
        var current = Threads(count: program.count)
        var following = Threads(count: program.count)
        follow(0, at: 0, of: scalars.count, into: &current)
        for (position, scalar) in scalars.enumerated() {
            if current.list.isEmpty { return false }
            for address in current.list {
                if case .one(let accepted) = program[address], accepted.contains(scalar) {
                    follow(address + 1, at: position + 1, of: scalars.count, into: &following)
                }
            }
            swap(&current, &following)
            following.clear()
        }
        return current.list.contains { program[$0] == .accept }
    }

    /// The addresses at which some way to match stands, each once.
    private struct Threads {
        var list: [Int] = []
        var isListed: [Bool]
        init(count: Int) { isListed = [Bool](repeating: false, count: count) }
        mutating func clear() {
            list.removeAll(keepingCapacity: true)
            for index in isListed.indices { isListed[index] = false }
        }
    }

    /// Adds `start` and everything reachable from it without reading a character.
    private func follow(_ start: Int, at position: Int, of count: Int, into threads: inout Threads) {
        var pending = [start]
        while let address = pending.popLast() {
            if threads.isListed[address] { continue }
            threads.isListed[address] = true
            switch program[address] {
            case .jump(let target): pending.append(target)
            case .fork(let first, let second): pending += [second, first]
            case .atStart: if position == 0 { pending.append(address + 1) }
            case .atEnd: if position == count { pending.append(address + 1) }
            case .one, .accept: threads.list.append(address)
            }
        }
    }

    public static func == (left: TextPattern, right: TextPattern) -> Bool { left.source == right.source }
    public func hash(into hasher: inout Hasher) { hasher.combine(source) }
}
