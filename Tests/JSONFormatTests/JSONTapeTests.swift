import JSONFormat
import Testing

private let limits = JSONLimits(bytes: 100_000, depth: 8, values: 10_000)

private func tape(_ text: String) throws -> JSONTape { try JSONTape(Array(text.utf8), limits: limits) }

@Suite("A document as it was read") struct JSONTapeTests {
    @Test("members are found by name, whatever comes before them")
    func members() throws {
        let document = try tape(#" {"a":{"b":[1,{"c":2}],"d":"x"}, "long name here": true ,"e":[],"":null} "#)
        let a = try #require(document.member("a", of: 0))
        #expect(document.kind(at: a) == .object)
        #expect(document.member("b", of: a).map(document.kind) == .array)
        #expect(document.member("d", of: a).map(document.text) == "x")
        #expect(document.member("c", of: a) == nil)
        #expect(document.member("long name here", of: 0).map(document.kind) == .yes)
        #expect(document.member("e", of: 0).map(document.inside)?.isEmpty == true)
        #expect(document.member("", of: 0).map(document.kind) == .null)
        for name in ["b", "d", "long name", "long name herf", "A", "ab"] {
            #expect(document.member(name, of: 0) == nil)
        }
    }

    @Test(
        "a name is the same however it is written",
        arguments: [
            (#""\u0061b""#, "ab"), (#""a\/""#, "a/"), ("\"\u{212A}\"", "K"), ("\"e\u{301}\"", "é"), (#""\"""#, "\""),
        ])
    func names(json: String, name: String) throws {
        let document = try tape("{\(json):7}")
        #expect(document.member(name, of: 0).map(document.text) == "7")
        for (first, second) in [(json, plain(name)), (plain(name), json)] {
            let fault = #expect(throws: JSONFault.self) { try tape("{\(first):1,\(second):2}") }
            #expect(fault?.kind == .duplicateMember)
        }
    }

    private func plain(_ name: String) -> String { name == "\"" ? #""\u0022""# : "\"\(name)\"" }

    @Test("a name that is there twice is met in large objects too", arguments: [2, 15, 16, 17, 18, 40])
    func twice(count: Int) {
        for (first, again) in [(0, count - 1), (count - 2, count - 1), (0, count / 2)] where first < again {
            var names = (0..<count).map { "n\($0)" }
            #expect(throws: Never.self) { try tape(object(names)) }
            names[again] = names[first]
            let fault = #expect(throws: JSONFault.self) { try tape(object(names)) }
            #expect(fault?.kind == .duplicateMember)
            #expect(fault?.path == [names[first]])
        }
    }

    private func object(_ names: [String]) -> String {
        "{" + names.map { "\"\($0)\":[{}]" }.joined(separator: ",") + "}"
    }

    @Test("elements follow one another, whatever is in them")
    func elements() throws {
        let document = try tape(#"[1,[2,[3]],{"a":{"b":4}},"five",false]"#)
        var kinds: [JSONTape.Kind] = []
        var place = document.inside(0).lowerBound
        while place < document.inside(0).upperBound {
            kinds.append(document.kind(at: place))
            place = document.next(after: place)
        }
        #expect(kinds == [.number, .array, .object, .string, .no])
    }

    @Test("the way to every value can be told")
    func path() throws {
        let document = try tape(#"{"a":[0,{"b":{"c":"found"}}],"d":{"e\"":"found"},"f":"found"}"#)
        var found: [String] = []
        for place in 0..<document.next(after: 0) where document.text(at: place) == "found" {
            found.append(document.path(to: place))
        }
        #expect(found == ["a[1].b.c", "d.e\"", "f"])
        #expect(document.path(to: 0) == "")
        #expect(try tape("[1,2]").path(to: 2) == "[1]")
    }

    @Test("an object or array can be had as it stands")
    func bytes() throws {
        let document = try tape(#"{"a": { "b" :[1, "}" ] } ,"c":[ ]}"#)
        for (name, text) in [("a", #"{ "b" :[1, "}" ] }"#), ("c", "[ ]")] {
            let place = try #require(document.member(name, of: 0))
            #expect(String(decoding: document.bytes(at: place), as: UTF8.self) == text)
        }
    }

    @Test("texts are told with all their escapes, numbers as they stand")
    func texts() throws {
        for (json, text) in [
            (#""\ud83d\ude00\t\\x""#, "😀\t\\x"), (#""plain""#, "plain"), ("\"é\"", "é"), (#""""#, ""),
            ("-1.50E+2", "-1.50E+2"),
        ] {
            #expect(try tape(json).text(at: 0) == text)
        }
    }

    @Test("cut anywhere, a document is none, and nothing else happens")
    func cut() throws {
        let whole = Array(#"{"a":[1,-2.5e3,{"b":"x\u00e9\"é"}],"c":null,"d":true}"#.utf8)
        _ = try JSONTape(whole, limits: limits)
        for end in 0..<whole.count {
            #expect(throws: JSONFault.self) { try JSONTape(Array(whole[..<end]), limits: limits) }
        }
    }
}
