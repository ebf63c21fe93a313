/// A line of the shell's language, as far as simulated containers need it: sequences, `&&` and `||`, `while` and
/// `until`, words with quotes and variables, output redirected to a file or to the errors.
indirect enum ShellScript: Equatable, Sendable {
    case simple([Word], to: Output)
    case sequence([ShellScript])
    case both(ShellScript, ShellScript)
    case either(ShellScript, ShellScript)
    /// Runs the second as long as the first ends with zero, or with another number.
    case loop(ShellScript, ShellScript, whileZero: Bool)

    enum Output: Equatable, Sendable {
        case output, error
        case file(Word)
    }

    struct Word: Equatable, Sendable {
        enum Part: Equatable, Sendable {
            case text(String)
            case variable(String)
        }
        var parts: [Part] = []
        /// Counts as a word even when it is empty.
        var isQuoted = false
    }

    enum Token: Equatable {
        case word(Word)
        case symbol(String)
    }

    /// Nil for what is beyond it.
    init?(_ line: String) {
        guard let tokens = ShellScript.tokens(line) else { return nil }
        var reader = Reader(tokens: tokens)
        guard let script = reader.sequence(until: []), reader.isAtEnd else { return nil }
        self = script
    }

    // MARK: Words

    private static func tokens(_ line: String) -> [Token]? {
        var tokens: [Token] = []
        var word: Word?
        var rest = Array(line)[...]
        func ended() { if let done = word { tokens.append(.word(done)) }; word = nil }
        while let character = rest.popFirst() {
            switch character {
            case " ", "\n": ended()
            case ";", "|", "&", ">":
                ended()
                var symbol = String(character)
                if let next = rest.first, ["||", "&&", ">&"].contains(symbol + String(next)) {
                    symbol.append(next)
                    rest.removeFirst()
                }
                // `2>` has no number before it here: nothing that is simulated redirects its errors.
                tokens.append(.symbol(symbol))
            case "'":
                guard let end = rest.firstIndex(of: "'") else { return nil }
                word = (word ?? Word()).adding(String(rest[..<end]), isQuoted: true)
                rest = rest[(end + 1)...]
            case "\"":
                guard let end = rest.firstIndex(of: "\"") else { return nil }
                var inner = rest[..<end]
                var quoted = word ?? Word()
                quoted.isQuoted = true
                while let each = inner.popFirst() { quoted.take(each, &inner) }
                word = quoted
                rest = rest[(end + 1)...]
            default:
                var plain = word ?? Word()
                plain.take(character, &rest)
                word = plain
            }
        }
        ended()
        return tokens
    }

    // MARK: Sentences

    private struct Reader {
        var tokens: [Token]
        var place = 0
        var isAtEnd: Bool { place >= tokens.count }
        var next: Token? { isAtEnd ? nil : tokens[place] }

        mutating func skip(_ token: Token) -> Bool {
            guard next == token else { return false }
            place += 1
            return true
        }

        static func keyword(_ text: String) -> Token { .word(Word(parts: [.text(text)])) }

        mutating func sequence(until ends: [String]) -> ShellScript? {
            var parts: [ShellScript] = []
            while !isAtEnd, !ends.contains(where: { next == Reader.keyword($0) }) {
                if skip(.symbol(";")) { continue }
                guard let part = chain() else { return nil }
                parts.append(part)
            }
            return .sequence(parts)
        }

        private mutating func chain() -> ShellScript? {
            guard var left = command() else { return nil }
            while true {
                if skip(.symbol("||")) {
                    guard let right = command() else { return nil }
                    left = .either(left, right)
                } else if skip(.symbol("&&")) {
                    guard let right = command() else { return nil }
                    left = .both(left, right)
                } else {
                    return left
                }
            }
        }

        private mutating func command() -> ShellScript? {
            for (name, whileZero) in [("while", true), ("until", false)] where skip(Reader.keyword(name)) {
                guard let condition = sequence(until: ["do"]), skip(Reader.keyword("do")),
                    let body = sequence(until: ["done"]), skip(Reader.keyword("done"))
                else { return nil }
                return .loop(condition, body, whileZero: whileZero)
            }
            return simple()
        }

        private mutating func simple() -> ShellScript? {
            var words: [Word] = []
            var output = Output.output
            while let token = next {
                if case .word(let word) = token {
                    words.append(word)
                    place += 1
                } else if skip(.symbol(">&")) {
                    guard skip(Reader.keyword("2")) else { return nil }
                    output = .error
                } else if skip(.symbol(">")) {
                    guard case .word(let word) = next else { return nil }
                    output = .file(word)
                    place += 1
                } else {
                    break
                }
            }
            return words.isEmpty ? nil : .simple(words, to: output)
        }
    }
}

extension ShellScript.Word {
    func adding(_ text: String, isQuoted: Bool) -> ShellScript.Word {
        var word = self
        word.parts.append(.text(text))
        word.isQuoted = word.isQuoted || isQuoted
        return word
    }

    /// One character, or the variable that begins with it.
    mutating func take(_ character: Character, _ rest: inout ArraySlice<Character>) {
        guard character == "$", let first = rest.first, first.isLetter || first.isNumber else {
            if case .text(let text) = parts.last {
                parts[parts.count - 1] = .text(text + String(character))
            } else {
                parts.append(.text(String(character)))
            }
            return
        }
        var name = ""
        while let next = rest.first, next.isLetter || next.isNumber || next == "_" {
            name.append(next)
            rest.removeFirst()
        }
        parts.append(.variable(name))
    }
}
