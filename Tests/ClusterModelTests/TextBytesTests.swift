import ClusterModel
import Diagnostics
import Testing

/// U+0301 is set on the letter before it, U+0600 on what follows it, and U+212A is another spelling of K.
@Suite("Text as bytes")
struct TextBytesTests {
    @Test(
        "text is cut where the byte is, whatever is set on it",
        arguments: [
            ("../\u{301}x", ["..", "\u{301}x"]), ("a\u{600}/b", ["a\u{600}", "b"]), ("/a//b/", ["a", "b"]), ("", []),
        ] as [(String, [String])])
    func cut(_ text: String, _ parts: [String]) { #expect(text.cut(at: "/").map(String.init) == parts) }

    @Test("a line ends at its line feed, and parts that are empty are kept where they are asked for")
    func lines() {
        #expect("a\r\nb\n".cut(at: "\n").map(String.init) == ["a\r", "b"])
        #expect("a==b".cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init) == ["a", "=b"])
        #expect("/a/".cut(at: "/", omittingEmptySubsequences: false).map(String.init) == ["", "a", ""])
    }

    @Test("what is looked for is found under a mark")
    func search() {
        #expect("A=\u{301}x".before("=") == "A" && "A".before("=") == "A")
        #expect("a/\u{301}".has("/") && "x\r\ny".has("\n") && !"ab".has("/"))
        #expect("/dev/\u{301}".begins(with: "/dev/") && "\u{600} (deleted)".ends(with: " (deleted)"))
        #expect(!"de".ends(with: "cde") && "".ends(with: "") && !"\u{212A}".begins(with: "K"))
        let text = "a:\u{301}b:c"
        #expect(text.position(of: ":").map { text[..<$0] } == "a")
        #expect(text.lastPosition(of: ":").map { text[$0...] } == ":c")
        let address = "https://\u{301}h"
        #expect(address.place(of: "://").map { address[..<$0.lowerBound] } == "https" && address.place(of: ":h") == nil)
    }

    @Test("two spellings are two texts")
    func spellings() {
        #expect("K" == "\u{212A}" && !"K".isSame(as: "\u{212A}") && "K".isSame(as: "K"))
        let (one, other): (String?, String?) = ("\u{e9}", "e\u{301}")
        #expect(!one.isSame(as: other) && one.isSame(as: one) && !one.isSame(as: nil) && String?.none.isSame(as: nil))
    }

    @Test("identifiers and roles are told apart by their bytes")
    func names() throws {
        #expect(try FrameworkID("K") != FrameworkID("\u{212A}") && FrameworkID("\u{e9}") == FrameworkID("\u{e9}"))
        #expect(try RoleName("K/a") != RoleName("\u{212A}/a"))
        #expect(try !(RoleName("\u{212A}/a")).isWithin(RoleName("K")))
        #expect(try Set(["K", "\u{212A}"].map { (text) throws in try VolumeID(text) }).count == 2)
    }

    @Test(
        "a name that would be set on the slash beside it is refused",
        arguments: ["\u{301}x", "x\u{600}", "\u{200d}"])
    func marks(_ text: String) {
        #expect(throws: Failure.self) { try FrameworkID(text) }
        #expect(throws: Failure.self) { try RoleName("eng/\(text)") }
        #expect(throws: Failure.self) { try RoleName("\(text)/eng") }
    }

    @Test(
        "names in any script are names",
        arguments: ["job:1 \u{fc}", "e\u{301}t\u{e9}", "\u{65e5}\u{672c}", "\u{1f468}\u{200d}\u{1f469}"])
    func scripts(_ text: String) throws { #expect(try TaskID(text).text == text) }
}
