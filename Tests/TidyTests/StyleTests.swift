import Foundation
import Testing

/// Docs/STYLE.md, what of it can be counted.
@Suite("Style")
struct StyleTests {
    static let linesHard = 600
    static let columnsMax = 120
    static let functionHard = 70
    static let launcherLinesMax = 2_300

    @Test("no file is longer than 600 lines", arguments: Repository.swift + Repository.tests + Repository.launcher)
    func fileLength(_ file: Repository.File) {
        #expect(file.lines.count <= Self.linesHard, "\(file.path) has \(file.lines.count) lines")
    }

    @Test("no line is wider than 120 columns", arguments: Repository.swift + Repository.tests + Repository.launcher)
    func width(_ file: Repository.File) {
        for (number, line) in file.lines.enumerated() where line.count > Self.columnsMax {
            Issue.record("\(file.path):\(number + 1) has \(line.count) columns")
        }
    }

    @Test("no function is longer than 70 lines", arguments: Repository.swift)
    func functionLength(_ file: Repository.File) {
        for function in Functions.found(in: file.lines) where function.length > Self.functionHard {
            Issue.record("\(file.path):\(function.line) is \(function.length) lines long")
        }
    }

    @Test("errors are never swallowed or trapped on", arguments: Repository.swift)
    func swallowed(_ file: Repository.File) {
        for (number, line) in file.lines.enumerated() where line.contains(/\btry[?!]/) {
            let comment = line.drop { $0 == " " }.hasPrefix("//")
            #expect(comment, "\(file.path):\(number + 1): \(line.trimmingCharacters(in: .whitespaces))")
        }
    }

    // What TextBytes.swift has in their place looks at bytes, as whoever reads the text after us does.
    @Test("text is cut and searched by its bytes", arguments: Repository.swift)
    func bytes(_ file: Repository.File) {
        guard !file.path.hasSuffix("TextBytes.swift"), !file.path.hasPrefix("Sources/Simulation/") else { return }
        let character = /(split\(separator: |(first|last)Index\(of: |\.contains\()"(\\.|[^"\\])"/
        let text = /\bhas(Prefix|Suffix)\b|\brange\(of: "/
        for (number, line) in file.lines.enumerated() where line.contains(character) || line.contains(text) {
            let isList = line.contains(/\b(fields|names|parts|words)\.(firstIndex|contains)\(/)
            #expect(isList, "\(file.path):\(number + 1): \(line.trimmingCharacters(in: .whitespaces))")
        }
    }

    @Test("nothing is left unfinished", arguments: Repository.swift + Repository.launcher + Repository.tests)
    func unfinished(_ file: Repository.File) {
        guard !file.path.hasPrefix("Tests/TidyTests") else { return }
        for word in ["TODO", "FIXME", "fatalError(\"not", "fatalError(\"un", ".disabled(", "withKnownIssue"] {
            #expect(!file.text.contains(word), "\(file.path) says \(word)")
        }
    }

    @Test("nothing has a name that means nothing", arguments: Repository.swift)
    func names(_ file: Repository.File) {
        let name = file.path.split(separator: "/").last.map(String.init) ?? ""
        for banned in ["Utils", "Util.", "Helper", "Common", "Misc", "Manager"] {
            #expect(!name.contains(banned) && !file.module.contains(banned), "\(file.path)")
        }
    }

    @Test("the launcher stays small enough to be read in one sitting")
    func launcherSize() {
        let lines = Repository.launcher.filter { $0.path.hasSuffix(".c") }.reduce(0) { $0 + $1.lines.count }
        #expect(lines > 500 && lines <= Self.launcherLinesMax, "\(lines) lines")
    }

    @Test("the launcher allocates nothing and buffers nothing", arguments: Repository.launcher)
    func launcherCalls(_ file: Repository.File) {
        for call in ["malloc(", "calloc(", "realloc(", "printf(", "fopen(", " exit(", "system(", "popen("] {
            #expect(!file.text.contains(call), "\(file.path) calls \(call)…)")
        }
    }
}

/// Functions of a file by the shape swift-format gives them: the closing brace stands where the declaration starts.
enum Functions {
    static func found(in lines: [Substring]) -> [(line: Int, length: Int)] {
        var result: [(Int, Int)] = []
        for (index, line) in lines.enumerated() {
            let body = line.drop { $0 == " " }
            let indent = line.count - body.count
            guard body.contains("func ") || body.hasPrefix("init") || body.contains(" init("),
                !body.hasPrefix("//"), !body.hasSuffix("}"), opensBody(lines[index...], indent: indent)
            else { continue }
            let closing = String(repeating: " ", count: indent) + "}"
            if let end = lines[(index + 1)...].firstIndex(where: { $0 == closing || $0.hasPrefix(closing + " ") }) {
                result.append((index + 1, end - index + 1))
            }
        }
        return result
    }

    /// A requirement of a protocol has no body: its declaration ends before a brace opens.
    private static func opensBody(_ lines: ArraySlice<Substring>, indent: Int) -> Bool {
        for (offset, line) in lines.enumerated() {
            let body = line.drop { $0 == " " }
            let goesOn = [")", "{", "where "].contains { body.hasPrefix($0) }
            if offset > 0 && !goesOn && line.count - body.count <= indent { return false }
            if body.hasSuffix("{") { return true }
        }
        return false
    }
}
