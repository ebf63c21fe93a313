import Diagnostics

/// Reads a pattern from left to right and writes the program that `TextPattern` runs.
struct PatternCompiler {
    typealias Instruction = TextPattern.Instruction
    typealias ScalarClass = TextPattern.ScalarClass

    private let source: String
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0

    init(_ source: String) {
        self.source = source
        scalars = Array(source.unicodeScalars)
    }

    mutating func compile() throws(Failure) -> [Instruction] {
        let program = try alternatives()
        if position < scalars.count { throw invalid("')' without '('") }
        return try bounded(program + [.accept])
    }

    private func invalid(_ cause: String) -> Failure {
        Failure(
            "pattern.invalid", doing: "use pattern", on: source, cause: "\(cause) at character \(position + 1)",
            remedy: "use literals, '.', classes, groups, '|', '*', '+', '?', '{n,m}', '\\d', '\\w', '\\s'",
            field: "regex")
    }

    private func bounded(_ program: [Instruction]) throws(Failure) -> [Instruction] {
        guard program.count <= TextPattern.instructionsMax else {
            throw Failure(
                "pattern.too-complex", doing: "use pattern", on: source,
                cause: "it needs more than \(TextPattern.instructionsMax) instructions",
                remedy: "use a shorter pattern or smaller repetitions", field: "regex",
                limit: "pattern instructions \(TextPattern.instructionsMax)")
        }
        return program
    }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    /// Programs are relocatable: targets count from the program's own beginning until they are placed.
    private func placed(_ program: [Instruction], at offset: Int) -> [Instruction] {
        program.map { instruction in
            switch instruction {
            case .fork(let first, let second): .fork(first + offset, second + offset)
            case .jump(let target): .jump(target + offset)
            default: instruction
            }
        }
    }

    private func joined(_ first: [Instruction], _ second: [Instruction]) throws(Failure) -> [Instruction] {
        try bounded(first + placed(second, at: first.count))
    }

    private mutating func alternatives() throws(Failure) -> [Instruction] {
        var program = try sequence()
        while take("|") {
            let other = try sequence()
            let end = program.count + 2 + other.count
            let head: [Instruction] = [.fork(1, program.count + 2)]
            program = try bounded(
                head + placed(program, at: 1) + [.jump(end)] + placed(other, at: program.count + 2))
        }
        return program
    }

    private mutating func sequence() throws(Failure) -> [Instruction] {
        var program: [Instruction] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let atom = try atom()
            program = try joined(program, try repeated(atom))
        }
        return program
    }

    private mutating func repeated(_ atom: [Instruction]) throws(Failure) -> [Instruction] {
        let bounds: (least: Int, most: Int?)
        switch next {
        case "*": bounds = (0, nil)
        case "+": bounds = (1, nil)
        case "?": bounds = (0, 1)
        case "{": bounds = try counts()
        default: return atom
        }
        if "*+?".unicodeScalars.contains(next ?? " ") { position += 1 }
        _ = take("?")
        if let again = next, "*+?{".unicodeScalars.contains(again) { throw invalid("a repetition of a repetition") }
        return try repeated(atom, least: bounds.least, most: bounds.most)
    }

    private func repeated(_ atom: [Instruction], least: Int, most: Int?) throws(Failure) -> [Instruction] {
        // Nothing repeated is nothing: a pattern of empty groups must not cost what its numbers say.
        if atom.isEmpty { return [] }
        var program: [Instruction] = []
        for _ in 0..<least { program = try joined(program, atom) }
        guard let most else {
            let loop = [.fork(1, atom.count + 2)] + placed(atom, at: 1) + [.jump(0)]
            return try joined(program, loop)
        }
        let optional = [.fork(1, atom.count + 1)] + placed(atom, at: 1)
        for _ in least..<most { program = try joined(program, optional) }
        return program
    }

    /// `{n}`, `{n,}` or `{n,m}`, read to its end.
    private mutating func counts() throws(Failure) -> (least: Int, most: Int?) {
        position += 1
        guard let least = number() else { throw invalid("'{' without a number") }
        if take("}") { return (least, least) }
        guard take(",") else { throw invalid("'{' without '}'") }
        if take("}") { return (least, nil) }
        guard let most = number(), take("}") else { throw invalid("'{' without '}'") }
        if most < least { throw invalid("a repetition of at least \(least) and at most \(most)") }
        return (least, most)
    }

    private mutating func number() -> Int? {
        var digits = ""
        while let scalar = next, ("0"..."9").contains(scalar) {
            digits.unicodeScalars.append(scalar)
            position += 1
        }
        guard let number = Int(digits), number <= TextPattern.repetitionsMax else { return nil }
        return number
    }

    private mutating func atom() throws(Failure) -> [Instruction] {
        guard let scalar = next else { throw invalid("the pattern ends too early") }
        switch scalar {
        case "*", "+", "?", "{": throw invalid("nothing to repeat")
        case "(": return try group()
        case "[": return [.one(try bracketed())]
        case "\\": return try escape()
        default: break
        }
        position += 1
        switch scalar {
        case ".": return [.one(ScalarClass(ranges: [10...10], isInverted: true))]
        case "^": return [.atStart]
        case "$": return [.atEnd]
        default: return [.one(ScalarClass(ranges: [scalar.value...scalar.value]))]
        }
    }

    private mutating func group() throws(Failure) -> [Instruction] {
        position += 1
        if take("?"), !take(":") { throw invalid("a group of a kind that is not supported") }
        depth += 1
        if depth > TextPattern.depthMax { throw invalid("groups nested too deep") }
        let program = try alternatives()
        guard take(")") else { throw invalid("'(' without ')'") }
        depth -= 1
        return program
    }

    private mutating func escape() throws(Failure) -> [Instruction] {
        position += 1
        guard let scalar = next else { throw invalid("the pattern ends too early") }
        switch scalar {
        case "A", "z":
            position += 1
            return scalar == "A" ? [.atStart] : [.atEnd]
        default: return [.one(try escapedClass())]
        }
    }

    /// What stands behind a backslash, which has been read.
    private mutating func escapedClass() throws(Failure) -> ScalarClass {
        guard let scalar = next else { throw invalid("the pattern ends too early") }
        position += 1
        switch scalar {
        case "d", "D": return ScalarClass(ranges: [48...57], isInverted: scalar == "D")
        case "w", "W": return ScalarClass(ranges: [48...57, 65...90, 95...95, 97...122], isInverted: scalar == "W")
        case "s", "S": return ScalarClass(ranges: [9...10, 12...13, 32...32], isInverted: scalar == "S")
        case "t": return ScalarClass(ranges: [9...9])
        case "n": return ScalarClass(ranges: [10...10])
        case "r": return ScalarClass(ranges: [13...13])
        default:
            if scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) {
                throw invalid("'\\\(scalar)' is not supported")
            }
            return ScalarClass(ranges: [scalar.value...scalar.value])
        }
    }

    private mutating func bracketed() throws(Failure) -> ScalarClass {
        position += 1
        var result = ScalarClass(ranges: [], isInverted: take("^"))
        var isFirst = true
        while let scalar = next {
            if scalar == "]", !isFirst {
                position += 1
                return result
            }
            isFirst = false
            let low = try member()
            guard low.ranges.count == 1, low.ranges[0].count == 1, next == "-",
                position + 1 < scalars.count, scalars[position + 1] != "]"
            else {
                result.ranges += low.isInverted ? opposite(of: low.ranges) : low.ranges
                continue
            }
            position += 1
            let high = try member()
            guard high.ranges.count == 1, high.ranges[0].count == 1,
                low.ranges[0].lowerBound <= high.ranges[0].lowerBound
            else { throw invalid("a range that runs backwards") }
            result.ranges.append(low.ranges[0].lowerBound...high.ranges[0].lowerBound)
        }
        throw invalid("'[' without ']'")
    }

    private mutating func member() throws(Failure) -> ScalarClass {
        guard let scalar = next else { throw invalid("'[' without ']'") }
        if scalar == "[", position + 1 < scalars.count, scalars[position + 1] == ":" {
            throw invalid("a named class, which is not supported")
        }
        position += 1
        if scalar == "\\" { return try escapedClass() }
        return ScalarClass(ranges: [scalar.value...scalar.value])
    }

    /// Everything that sorted, separate `ranges` leave out.
    private func opposite(of ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        var start: UInt32 = 0
        for range in ranges {
            if range.lowerBound > start { result.append(start...(range.lowerBound - 1)) }
            start = range.upperBound + 1
        }
        result.append(start...0x10_ffff)
        return result
    }
}
