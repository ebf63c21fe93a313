import JSONFormat
import Testing

/// A tree that shows its structure.
private enum Tree: JSONTree, Equatable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([Tree])
    case object([Member])

    struct Member: Equatable {
        var name: String
        var value: Tree
    }

    static var noMembers: [Member] { [] }

    static func add(_ value: Tree, as name: String, to members: inout [Member]) -> Bool {
        if members.contains(where: { $0.name == name }) { return false }
        members.append(Member(name: name, value: value))
        return true
    }
}

private let limits = JSONLimits(bytes: 1_000, depth: 5, values: 20, numberBytes: 20)

private func read(_ text: String, _ limits: JSONLimits = limits) throws(JSONFault) -> Tree {
    try JSONReader.read(Array(text.utf8), limits: limits)
}

@Suite("Reading JSON") struct JSONReaderTests {
    @Test("every value is read as it stands, in order")
    func values() throws {
        let tree = try read(#" { "b" : [ 1.50e+3 , -0 , true,false,null ] , "a" : { } ,"" : [] , "s":"x" } "#)
        let list: [Tree] = [.number("1.50e+3"), .number("-0"), .bool(true), .bool(false), .null]
        #expect(
            tree
                == .object([
                    .init(name: "b", value: .array(list)), .init(name: "a", value: .object([])),
                    .init(name: "", value: .array([])), .init(name: "s", value: .string("x")),
                ]))
    }

    @Test(
        "strings are read with all their escapes",
        arguments: [
            (#""""#, ""), (#""plain é 😀""#, "plain é 😀"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"),
            (#""\u00e9\uD83D\ude00x\u0001""#, "é😀x\u{1}"), (#""a\nb\n""#, "a\nb\n"),
        ])
    func strings(json: String, text: String) throws { #expect(try read(json) == .string(text)) }

    @Test("infinity is a number only where it is allowed")
    func infinity() throws {
        var lenient = limits
        lenient.allowsInfinity = true
        #expect(try read("[Infinity,-Infinity]", lenient) == .array([.number("Infinity"), .number("-Infinity")]))
        for text in ["Infinity", "-Infinity"] { #expect(throws: JSONFault.self) { try read(text) } }
        for text in ["Inf", "+Infinity", "NaN"] { #expect(throws: JSONFault.self) { try read(text, lenient) } }
    }

    @Test(
        "what is no JSON is refused at the byte where it goes wrong",
        arguments: [
            ("", 0), (" ", 1), ("{", 1), (#"{"a""#, 4), (#"{"a":1"#, 6), (#"{"a":1,}"#, 7), ("{a:1}", 1), ("[1,]", 3),
            ("[1 2]", 3), ("1 2", 2), ("01", 2), ("-", 1), (".5", 0), ("1.", 2), ("1e", 2), ("tru", 0), ("nul", 0),
            (#""abc"#, 4), ("\"a\u{1}\"", 2), (#""\x""#, 3), (#""\u12g4""#, 5), ("123456789012345678901", 21),
            ("[\"a\u{A}\"]", 3),
        ])
    func syntax(json: String, position: Int) {
        let fault = #expect(throws: JSONFault.self) { try read(json) }
        #expect(fault?.kind == .syntax)
        #expect(fault?.position == position)
    }

    @Test(
        "half a surrogate pair and NUL are refused",
        arguments: [#"\uD83D"#, #"\uD83Dx"#, #"\uDE00"#, #"\uD83D\u0041"#, #"\uD83D\n"#, #"\u0000"#])
    func encoding(escape: String) {
        let fault = #expect(throws: JSONFault.self) { try read("\"\(escape)\"") }
        #expect(fault?.kind == .encoding)
    }

    @Test("bytes that are not UTF-8 are refused before anything is read")
    func utf8() {
        let bytes: [[UInt8]] = [[0x22, 0xFF, 0x22], [0x22, 0xC3, 0x28, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]]
        for bytes in bytes {
            let fault = #expect(throws: JSONFault.self) { try JSONReader.read(bytes, limits: limits, as: Tree.self) }
            #expect(fault?.kind == .encoding)
            #expect(fault?.position == nil)
        }
    }

    @Test("bytes, depth and values are bounded, and a name is there once")
    func bounds() {
        let cases: [(String, JSONFault.Kind)] = [
            (String(repeating: " ", count: 1_001), .tooLarge), ("[[[[[[]]]]]]", .tooDeep),
            (String(repeating: "[", count: 900), .tooDeep),
            ("[" + String(repeating: "1,", count: 20) + "1]", .tooManyValues),
            (#"{"a":1,"\u0061":2}"#, .duplicateMember),
        ]
        for (json, kind) in cases {
            let fault = #expect(throws: JSONFault.self) { try read(json) }
            #expect(fault?.kind == kind)
        }
        #expect(throws: Never.self) { try read("[[[[[]]]]]") }
    }

    @Test("a fault names the members and elements it is in")
    func path() {
        let fault = #expect(throws: JSONFault.self) { try read(#"{"a":[1,{"b":{"c":tru}}]}"#) }
        #expect(fault?.path == ["a", "[1]", "b", "c"])
        #expect(#expect(throws: JSONFault.self) { try read(#"{"a":{"b":1,"b":2}}"#) }?.path == ["a", "b"])
    }
}
