import JSONFormat
import Testing

@Suite("Finding one object of a document") struct JSONPlaceTests {
    private func found(_ path: [String], _ text: String) -> String? {
        let bytes = Array(text.utf8)
        return JSONPlace.object(at: path, in: bytes).map { String(decoding: bytes[$0], as: UTF8.self) }
    }

    @Test(
        "an object is found where it stands, whatever comes before it and is in it",
        arguments: [
            (#"{"a":{"b":{}}}"#, "{}"),
            (#" { "a" : { "b" : { "c" : [ 1 , {"d":"}"} ] } } } "#, #"{ "c" : [ 1 , {"d":"}"} ] }"#),
            (#"{"x":[{"a":{"b":{"no":1}}}],"y":-1.5e3,"z":"\"}{","w":null,"a":{"q":{"b":{}},"b":{"yes":true}}}"#,
                #"{"yes":true}"#),
            (#"{"a":{"b":{"c":"\\"}},"b":{}}"#, #"{"c":"\\"}"#),
        ])
    func finds(text: String, object: String) { #expect(found(["a", "b"], text) == object) }

    @Test(
        "nothing is found where there is no such object",
        arguments: [
            "", "[]", "{}", #"{"b":{"a":{}}}"#, #"{"a":{}}"#, #"{"a":{"b":[]}}"#, #"{"a":{"b":null}}"#, #"{"a":"b"}"#,
            #"{"\u0061":{"b":{}}}"#, #"{"a":{"b":{"c":1"#, #"{"a":{"b":{""#, #"{"a":{"b"{}}}"#, #"{a:{"b":{}}}"#,
            #"{"a":{"b":{"c":"\"#,
        ])
    func findsNothing(text: String) { #expect(found(["a", "b"], text) == nil) }

    @Test("no document that is cut short or changed in one byte leads out of it")
    func damage() {
        let whole = Array(#"{"x":["\"",{}],"a":{"q":1,"b":{"c":["}",2]}}}"#.utf8)
        for end in 0...whole.count { _ = JSONPlace.object(at: ["a", "b"], in: Array(whole[..<end])) }
        for place in whole.indices {
            for byte in [UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "{"), UInt8(ascii: "]"), 0, 0xff] {
                var changed = whole
                changed[place] = byte
                if let range = JSONPlace.object(at: ["a", "b"], in: changed) {
                    #expect(range.upperBound <= changed.count)
                    #expect(changed[range.lowerBound] == UInt8(ascii: "{"))
                }
            }
        }
    }
}
