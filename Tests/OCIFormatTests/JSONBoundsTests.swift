import Diagnostics
import OCIFormat
import Testing

@Suite("bounded JSON")
struct JSONBoundsTests {
    static let hostile: [HostileDocument] = [
        HostileDocument("empty", "", "image.document-syntax"),
        HostileDocument("cut", #"{"a":"#, "image.document-syntax"),
        HostileDocument("trailing", "{} {}", "image.document-syntax"),
        HostileDocument("byte order mark", "\u{feff}{}", "image.document-syntax"),
        HostileDocument("comma", "[1,]", "image.document-syntax"),
        HostileDocument("single quotes", "{'a':1}", "image.document-syntax"),
        HostileDocument("NaN", "[NaN]", "image.document-syntax"),
        HostileDocument("infinity", "[-Infinity]", "image.document-syntax"),
        HostileDocument("octal", "[012]", "image.document-syntax"),
        HostileDocument("plus", "[+1]", "image.document-syntax"),
        HostileDocument("point", "[1.]", "image.document-syntax"),
        HostileDocument("a number of 100 digits", "[\(String(repeating: "1", count: 100))]", "image.document-syntax"),
        HostileDocument("bare line feed", "[\"a\nb\"]", "image.document-syntax"),
        HostileDocument("escape", #"["\x41"]"#, "image.document-syntax"),
        HostileDocument("high surrogate alone", #"["\ud800"]"#, "image.document-encoding"),
        HostileDocument("low surrogate alone", #"["\udc00"]"#, "image.document-encoding"),
        HostileDocument("two high surrogates", #"["\ud800\ud800"]"#, "image.document-encoding"),
        HostileDocument("escaped NUL", #"["a\u0000b"]"#, "image.document-encoding"),
        HostileDocument("not UTF-8", bytes: [0x5b, 0x22, 0xff, 0x22, 0x5d], "image.document-encoding"),
        HostileDocument("overlong UTF-8", bytes: [0x5b, 0x22, 0xc0, 0xaf, 0x22, 0x5d], "image.document-encoding"),
        HostileDocument("member twice", #"{"a":{"b":1,"b":2}}"#, "image.document-duplicate-member", field: "a.b"),
        HostileDocument(
            "member twice, once escaped", #"{"b":1,"\u0062":2}"#, "image.document-duplicate-member", field: "b"),
        HostileDocument("65 arrays", String(repeating: "[", count: 65), "image.document-too-deep"),
        HostileDocument("a million arrays", String(repeating: "[", count: 1_000_000), "image.document-too-deep"),
        HostileDocument("a million objects", String(repeating: #"{"a":"#, count: 500_000), "image.document-too-deep"),
        HostileDocument(
            "half a million values", "[" + String(repeating: "0,", count: 500_000) + "0]",
            "image.document-too-many-values"),
        HostileDocument("5 MiB", bytes: Array(repeating: 0x20, count: 5 << 20), "image.document-too-large"),
    ]

    @Test("a document that is not JSON within its bounds is refused", arguments: hostile)
    func refuses(document: HostileDocument) {
        let failure = #expect(throws: Failure.self) {
            _ = try JSONBounds().value(parsing: document.content, as: "the test document")
        }
        #expect(failure?.code.rawValue == document.code)
        if let field = document.field { #expect(failure?.field == field) }
        #expect(failure?.description.contains("read the test document") == true)
    }

    @Test("each bound names itself")
    func boundsAreNamed() {
        let bounds = JSONBounds(bytes: 100, depth: 2, values: 3)
        let cases = [
            ("[[[]]]", "depth 2"), ("[1,2,3]", "values 3"), (String(repeating: " ", count: 101), "document bytes 100"),
        ]
        for (text, limit) in cases {
            let failure = #expect(throws: Failure.self) { _ = try bounds.value(parsing: Array(text.utf8), as: "it") }
            #expect(failure?.limit == limit)
        }
    }

    @Test("64 levels, escapes and exact numbers are read")
    func reads() throws {
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        _ = try JSONBounds().value(parsing: Array(deep.utf8), as: "it")
        let text =
            #" { "a" : "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00" , "#
            + #""n":[0,-1,1.5e+3,9007199254740993],"t":true,"f":false,"x":null}"#
        let value = try JSONBounds().value(parsing: Array(text.utf8), as: "it")
        #expect(
            value == [
                "a": "\"\\/\u{8}\u{c}\n\r\té😀",
                "n": [.number("0"), .number("-1"), .number("1.5e+3"), .number("9007199254740993")],
                "t": .bool(true), "f": .bool(false), "x": .null,
            ])
    }

    @Test("what is written is read back")
    func writesBack() throws {
        let value: JSONValue = [
            "text": "a\"b\\c\n\u{1}\u{7f}é😀", "list": [.null, .bool(false), .number(12)], "nested": ["x": [:]],
        ]
        #expect(try JSONBounds().value(parsing: Array(value.text.utf8), as: "it") == value)
    }
}
