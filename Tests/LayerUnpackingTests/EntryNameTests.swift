import Diagnostics
import LinuxKernel
import OCIFormat
import Testing

@testable import LayerUnpacking

@Suite("names of entries") struct EntryNameTests {
    private func parsed(_ name: String) throws -> EntryName {
        try EntryName(parsing: Array(name.utf8), field: "path", of: Array(name.utf8), limits: .standard)
    }

    @Test("a name becomes components from the root", arguments: [
        ("etc/passwd", ["etc", "passwd"]), ("/etc/passwd", ["etc", "passwd"]), ("./etc//./x/", ["etc", "x"]),
        ("./", []), (".", []), ("/", []), ("...", ["..."]), ("..x/x..", ["..x", "x.."]),
    ])
    func components(_ name: String, _ expected: [String]) throws {
        #expect(try parsed(name).components == expected.map { RawPath($0) })
    }

    @Test("a name that goes up, is empty or too long is refused", arguments: [
        "..", "../x", "a/../b", "a/..", "/..", "./..", "", String(repeating: "n", count: 256),
        String(repeating: "d/", count: 2_048),
    ])
    func refused(_ name: String) throws {
        #expect(throws: Failure.self) { try parsed(name) }
    }

    @Test("whiteouts are told from content", arguments: [
        ("a/.wh.b", EntryMeaning.whiteout("b")), ("a/.wh..wh..opq", .opaque), (".wh..wh.plnk", .bookkeeping),
        (".wh..wh.plnk/x/y", .bookkeeping), ("a/wh.b", .content), ("a/.whb", .content), (".wh..b", .whiteout(".b")),
        (".wh....", .whiteout("...")), ("a.wh.", .content),
    ])
    func meaning(_ name: String, _ expected: EntryMeaning) throws {
        #expect(try EntryMeaning(try parsed(name), of: Array(name.utf8)) == expected)
    }

    @Test("whiteouts of nothing, of . and of .. and names below a whiteout are refused", arguments: [
        ".wh.", "a/.wh.", ".wh..", ".wh...", ".wh.x/y", "a/.wh..wh..opq/../../y", ".wh..x/y",
    ])
    func impossible(_ name: String) throws {
        #expect(throws: Failure.self) { try EntryMeaning(try parsed(name), of: Array(name.utf8)) }
    }

    @Test("a refusal names the entry, the field and the limit")
    func refusalSaysWhat() throws {
        let failure = try #require(throws: Failure.self) { try parsed(String(repeating: "n", count: 300)) }
        #expect(failure.code == "layer.limit")
        #expect(failure.field == "path")
        #expect(failure.limit == "name bytes 255")
        #expect(failure.subject?.hasPrefix("nnn") == true)
    }
}
