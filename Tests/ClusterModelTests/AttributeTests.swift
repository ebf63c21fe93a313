import ClusterModel
import Diagnostics
import Testing

@Suite("Attributes as text")
struct AttributeTests {
    @Test("each part is a number, a range, a set, or else text")
    func parses() throws {
        let attributes = try Attribute.parse("rack:r12; level:10;keys:[1000-1500];zones:{a,b};url:http://h/x")
        #expect(
            attributes == [
                Attribute("rack", .text("r12")), Attribute("level", .scalar(Scalar(10))),
                Attribute("keys", .ranges(Ranges([1_000...1_500]))), Attribute("zones", .set(ItemSet(["a", "b"]))),
                Attribute("url", .text("http://h/x")),
            ])
        #expect(try Attribute.parse("").isEmpty)
    }

    @Test("what cannot be read is refused with its part", arguments: ["rack", ":x", "rack:", "keys:[5-1]", "z:{a"])
    func refuses(_ text: String) {
        let failure = #expect(throws: Failure.self) { try Attribute.parse("ok:1;" + text) }
        #expect(failure?.code == "attribute.unreadable")
        #expect(failure?.description.contains(text) == true)
    }
}
