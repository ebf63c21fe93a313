import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import Testing

func parsed(_ json: String) throws(Failure) -> WireValue { try WireBounds.standard.value(parsing: Array(json.utf8)) }
func object(_ json: String) throws(Failure) -> WireObject { try WireObject(parsed(json)) }

@Suite("JSON of the wire") struct WireTests {
    private enum Colour: String { case red = "RED" }

    @Test("what is written is one line of ASCII and reads back as it was", arguments: 0..<200)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let value = WireTests.value(&random, depth: 5)
        let bytes = value.bytes
        #expect(bytes.allSatisfy { (0x20..<0x7F).contains($0) })
        #expect(try WireBounds.standard.value(parsing: bytes) == value)
    }

    private static func value(_ random: inout SeededRandom, depth: Int) -> WireValue {
        let text = { (random: inout SeededRandom) in
            String(
                String.UnicodeScalarView(
                    (0..<random.below(6)).map { _ in
                        ["a", "\"", "\\", "\n", "\u{1}", "\u{7F}", "é", "\u{2028}", "😀", "/"][random.below(10)]
                            as Unicode.Scalar
                    }))
        }
        switch random.below(depth == 0 ? 4 : 6) {
        case 0: return .null
        case 1: return .bool(random.below(2) == 0)
        case 2: return .number(Int64(bitPattern: random.next()))
        case 3: return .string(text(&random))
        case 4: return .array((0..<random.below(4)).map { _ in value(&random, depth: depth - 1) })
        default:
            var members: [String: WireValue] = [:]
            for _ in 0..<random.below(4) { members[text(&random)] = value(&random, depth: depth - 1) }
            return .object(members)
        }
    }

    @Test("members are sorted, what is not ASCII is escaped, infinity is quoted")
    func written() {
        let value = WireValue.object([
            "b": .string("é😀\n\t\"\\\u{1}\u{7f}"), "a": .number(Double.infinity), "c": .number(-Double.infinity),
            "d": .number(0.5), "e": .array([.null, true]), "f": .number("Infinity"), "g": .number(Double.nan),
        ])
        let expected =
            #"{"a":"Infinity","b":"\u00e9\ud83d\ude00\n\t\"\\\u0001\u007f","c":"-Infinity","d":0.5,"#
            + #""e":[null,true],"f":"Infinity","g":0.0}"#
        #expect(String(decoding: value.bytes, as: UTF8.self) == expected)
    }

    @Test("numbers, booleans and bytes are read in every form clients send")
    func lenient() throws {
        let call = try object(
            #"{"a":32,"b":32.0,"c":"32","d":"5.5","e":"Infinity","f":Infinity,"g":-Infinity,"h":"true","i":false,"#
                + #""j":"AAEC/w==","k":18446744073709551615,"l":null,"m":3.2e1,"n":"AAEC/w"}"#)
        for name in ["a", "b", "c", "m"] { #expect(try call.integer(name, as: Int32.self) == 32) }
        #expect(try call.double("c") == 32)
        #expect(try call.double("d") == 5.5)
        #expect(try call.double("e") == .infinity)
        #expect(try call.double("f") == .infinity)
        #expect(try call.double("g") == -.infinity)
        #expect(try call.bool("h") == true)
        #expect(try call.bool("i") == false)
        #expect(try call.bytes("j") == [0, 1, 2, 255])
        #expect(try call.bytes("n") == [0, 1, 2, 255])
        #expect(try call.integer("k", as: UInt64.self) == .max)
        #expect(try call.string("l") == nil)
        #expect(try call.object("l") == nil)
        #expect(try call.objects("l").isEmpty)
        #expect(try call.bool("absent") == nil)
    }

    @Test("one value stands for a list of one")
    func single() throws {
        let call = try object(#"{"roles":"a","objects":{"x":"1"},"many":["a","b"]}"#)
        #expect(try call.strings("roles") == ["a"])
        #expect(try call.objects("objects").map { try $0.string("x") } == ["1"])
        #expect(try call.strings("many") == ["a", "b"])
    }

    @Test("an enumeration with a name nobody knows is unset, with a number it is refused")
    func enumerations() throws {
        let call = try object(#"{"a":"RED","b":"GREEN","c":1}"#)
        #expect(try call.choice("a", of: Colour.self) == .red)
        #expect(try call.choice("b", of: Colour.self) == nil)
        #expect(throws: Failure.self) { try call.choice("c", of: Colour.self) }
    }

    @Test("a value of the wrong type is refused with its place")
    func wrongTypes() throws {
        let call = try WireObject(
            parsed(#"{"x":[1],"n":1,"s":"a","t":"nan","u":"0x10","f":1.5,"big":1e30}"#), path: "p[0]")
        let attempts: [(String, () throws -> Void)] = [
            ("x", { _ = try call.object("x") }), ("x[0]", { _ = try call.objects("x") }),
            ("x[0]", { _ = try call.strings("x") }), ("n", { _ = try call.string("n") }),
            ("n", { _ = try call.bool("n") }), ("s", { _ = try call.double("s") }), ("t", { _ = try call.double("t") }),
            ("u", { _ = try call.double("u") }), ("f", { _ = try call.integer("f", as: Int.self) }),
            ("big", { _ = try call.integer("big", as: Int64.self) }),
        ]
        for (place, attempt) in attempts {
            let failure = #expect(throws: Failure.self, "\(place)") { try attempt() }
            #expect(failure?.code == "api.member-type")
            #expect(failure?.field == "p[0].\(place)")
        }
    }

    @Test("bytes that are not base64 are refused", arguments: ["A", "AA=A", "*", "AAAA=", "A===", "====", "AAA\u{e9}"])
    func notBase64(text: String) throws {
        let call = try WireObject(.object(["data": .string(text)]))
        #expect(throws: Failure.self) { try call.bytes("data") }
    }

    @Test("bytes of every length survive", arguments: 0..<70)
    func bytes(count: Int) throws {
        let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        let agent = try AgentID("S")
        let event = SchedulerEvent.message(data, executor: try ExecutorID("E"), agent: agent)
        let message = try WireObject(event.value(for: [])).object("message")
        #expect(try message?.bytes("data") == data)
    }

    @Test(
        "what is not JSON, or more than is allowed, is refused",
        arguments: [
            ("", "api.body-syntax"), ("{", "api.body-syntax"), ("{\"a\"}", "api.body-syntax"),
            ("01", "api.body-syntax"),
            ("1.", "api.body-syntax"), ("nul", "api.body-syntax"), ("[1,]", "api.body-syntax"),
            ("{} x", "api.body-syntax"),
            ("\"a\nb\"", "api.body-syntax"), ("\"\\x\"", "api.body-syntax"), ("NaN", "api.body-syntax"),
            ("\"\\u12\"", "api.body-syntax"), ("-", "api.body-syntax"), ("\"\\ud800\"", "api.body-encoding"),
            ("\"\\ud800\\u0041\"", "api.body-encoding"), ("\"\\u0000\"", "api.body-encoding"),
            ("{\"a\":1,\"a\":2}", "api.body-duplicate-member"), ("[[[[[1]]]]]", "api.body-too-deep"),
            ("[1,2,3,4,5,6,7,8,9,10]", "api.body-too-many-values"),
            ("[                       ]  ", "api.body-too-large"),
        ] as [(String, Failure.Code)])
    func refused(json: String, code: Failure.Code) {
        let bounds = WireBounds(bytes: 25, depth: 4, values: 10)
        let failure = #expect(throws: Failure.self) { try bounds.value(parsing: Array(json.utf8)) }
        #expect(failure?.code == code)
    }

    @Test("bytes that are not UTF-8 are refused")
    func encoding() {
        let failure = #expect(throws: Failure.self) { try WireBounds.standard.value(parsing: [0x22, 0xC3, 0x22]) }
        #expect(failure?.code == "api.body-encoding")
    }

    @Test("a million brackets cost a refusal, not the stack")
    func depth() {
        let failure = #expect(throws: Failure.self) {
            try WireBounds.standard.value(parsing: [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000))
        }
        #expect(failure?.code == "api.body-too-deep")
    }
}
