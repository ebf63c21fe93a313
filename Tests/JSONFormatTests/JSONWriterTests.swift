import FoundationEssentials
import JSONFormat
import Testing

private enum Shape: Codable, Equatable {
    case none
    case circle(radius: Double)
    case lines([[Int]], closed: Bool)
    case named(String)
}

private enum Colour: String, Codable { case red, blue }

private struct Inner: Codable, Equatable {
    var small: Int8 = -128
    var large: UInt64 = .max
    var byNumber = [1: "b"]
    var gaps: [Int?] = [nil, 2]
    var colour: Colour? = .red
    var absent: Inner.Empty?
    var empty = Empty()

    struct Empty: Codable, Equatable {}
}

private struct Everything: Codable, Equatable {
    var text = "x"
    var yes = true
    var no = false
    var fraction: Float = 0.5
    var numbers: [Double] = [0, -0.0, 1e-7, 1.5e300, 1_795_247_928.239_398_5, .leastNonzeroMagnitude]
    var words = ["a", "", "b"]
    var nothing: [String] = []
    var lists: [[String]] = [[], ["q"], [[]].flatMap { $0 }]
    var table = ["k": 1, "": 2]
    var shapes: [Shape] = [.none, .circle(radius: 2), .lines([[], [1, 2]], closed: true), .named("n")]
    var inner = [Inner(), Inner(colour: nil)]
    var deep: [String: [String: [Inner]]] = ["x": ["y": [Inner()], "z": []]]
    var set: Set<Int> = [1, 2, 3]
}

/// By hand: containers in containers, and a member of the outer one after an inner one.
private struct ByHand: Encodable {
    enum Key: String, CodingKey { case first, second, third, fourth }

    func encode(to encoder: any Encoder) throws {
        var outer = encoder.container(keyedBy: Key.self)
        var list = outer.nestedUnkeyedContainer(forKey: .first)
        try list.encode(1)
        var object = list.nestedContainer(keyedBy: Key.self)
        try object.encode("in", forKey: .second)
        try object.encodeNil(forKey: .third)
        var inner = list.nestedUnkeyedContainer()
        try inner.encodeNil()
        try list.encode(true)
        #expect(list.count == 4 && inner.count == 1)
        try outer.encode("after", forKey: .second)
        _ = outer.nestedContainer(keyedBy: Key.self, forKey: .third)
        try outer.encode(2, forKey: .fourth)
    }
}

private struct Nothing: Encodable {
    func encode(to encoder: any Encoder) {}
}

@Suite("Writing JSON") struct JSONWriterTests {
    private func text(_ value: some Encodable) throws -> String {
        String(decoding: try JSONWriter.bytes(of: value), as: UTF8.self)
    }

    @Test("what is written is read back as it was")
    func thereAndBack() throws {
        let written = try JSONWriter.bytes(of: Everything())
        #expect(try JSONDecoder().decode(Everything.self, from: Data(written)) == Everything())
    }

    @Test("every scalar is read back as it was, by this reader and another")
    func scalars() throws {
        let scalars = (0...0x2FF).compactMap(Unicode.Scalar.init) + ["\u{2028}", "\u{FFFF}", "\u{1F600}", "\u{10FFFF}"]
        for scalar in scalars {
            let value = ["a\(scalar)b\(scalar)"]
            let written = try JSONWriter.bytes(of: value)
            #expect(try JSONDecoder().decode([String].self, from: Data(written)) == value, "\(scalar.value)")
        }
    }

    @Test("nothing stands between members, and only what must be is escaped")
    func bytes() throws {
        #expect(try text(["a/b", "é\u{7F}", "\"\\\n\r\t\u{8}\u{0}"]) == #"["a/b","é\#u{7F}","\"\\\n\r\t\u0008\u0000"]"#)
        #expect(try text(Shape.circle(radius: 2)) == #"{"circle":{"radius":2.0}}"#)
        #expect(try text(Shape.none) == #"{"none":{}}"#)
        #expect(try text(["k": [Int?.none]]) == #"{"k":[null]}"#)
        #expect(try text(Colour.blue) == #""blue""#)
        #expect(try text("top") == #""top""# && text(7) == "7" && text(true) == "true" && text([Int]()) == "[]")
    }

    @Test("containers in containers end where the next thing begins")
    func nesting() throws {
        #expect(
            try text(ByHand())
                == #"{"first":[1,{"second":"in","third":null},[null],true],"second":"after","third":{},"fourth":2}"#)
    }

    @Test("a number that JSON has not, and a value that encodes nothing, are refused with their place")
    func refused() throws {
        for number in [Double.nan, .infinity, -.infinity] {
            let error = #expect(throws: EncodingError.self) { try JSONWriter.bytes(of: ["a": ["b": number]]) }
            guard case .invalidValue(_, let context) = error else { continue }
            #expect(context.codingPath.map(\.stringValue) == ["a", "b"])
        }
        #expect(throws: EncodingError.self) { try JSONWriter.bytes(of: [Float.infinity]) }
        #expect(throws: EncodingError.self) { try JSONWriter.bytes(of: Nothing()) }
        #expect(try text([Nothing()]) == "[{}]")
    }
}
