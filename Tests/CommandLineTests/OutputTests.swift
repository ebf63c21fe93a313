import CommandOutput
import Diagnostics
import FoundationEssentials
import ImageStorage
import Testing

@testable import bulkhead

@Suite("Output")
struct OutputTests {
    @Test("columns are as wide as their widest cell, and strangers' text cannot drive a terminal")
    func table() {
        var table = TextTable(headings: ["ID", "NAME", "STATE"])
        table.rows = [["1", "a\u{1b}[31m", "running"], ["22222", "b", ""]]
        #expect(table.text == "ID     NAME         STATE\n1      a\\u{1b}[31m  running\n22222  b\n")
        #expect("abcdef".shortened(to: 4) == "abc…" && "abcd".shortened(to: 4) == "abcd")
    }

    @Test(
        "a refusal is one line that drives no terminal, whatever it repeats of what was asked for",
        arguments: ["\u{1b}[31m", "\u{9b}31m", "a\nb", "\r", "\u{7f}", "\u{202e}", "\u{61c}", "\u{e0041}"])
    func refusalOfStrangersText(_ text: String) {
        for failure in [
            Failure("a.b", doing: "use \(text)"), Failure("a.b", doing: "use", on: text),
            Failure("a.b", doing: "use", cause: text), Failure("a.b", doing: "use", remedy: "mkdir -p \(text)"),
        ] {
            for scalar in text.unicodeScalars where Untrusted.shown(String(scalar)) != String(scalar) {
                #expect(!failure.description.unicodeScalars.contains(scalar))
            }
            #expect(failure.description.contains("\\u{"))
        }
    }

    @Test(
        "JSON drives no terminal, and says the same to programs",
        arguments: [
            ("\u{1b}[31m", "\\u001b[31m"), ("\u{9b}31m", "\\u009b31m"), ("\u{7f}", "\\u007f"),
            ("\u{202e}abc", "\\u202eabc"), ("\u{e0041}", "\\udb40\\udc41"), ("grün 日本 🙂", "grün 日本 🙂"),
        ])
    func jsonOfStrangersText(_ text: String, _ shown: String) throws {
        let document = try JSONDocument.text([text: text], isPretty: false)
        #expect(document == "{\"\(shown)\":\"\(shown)\"}\n")
        #expect(try JSONDecoder().decode([String: String].self, from: Data(document.utf8)) == [text: text])
        #expect(try JSONDocument.text([text, "b"]) == "[\n  \"\(shown)\",\n  \"b\"\n]\n")
    }

    @Test(
        "ages are round numbers",
        arguments: [
            (-5, "now"), (0.4, "now"), (1, "1 second ago"), (59.9, "59 seconds ago"), (60, "1 minute ago"),
            (7_200, "2 hours ago"), (172_800, "2 days ago"), (1_209_600, "2 weeks ago"), (63_072_001, "2 years ago"),
        ])
    func ages(_ seconds: Double, _ text: String) { #expect(Age.text(seconds) == text) }

    @Test(
        "times are RFC 3339 in UTC, both ways",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T23:59:59Z", 951_868_799), ("2026-11-21T00:54:58Z", 1_795_222_498),
            ("1969-12-31T23:59:59Z", -1), ("2100-03-01T00:00:00Z", 4_107_542_400),
        ])
    func times(_ text: String, _ seconds: Double) throws {
        #expect(Timestamp.text(seconds, digits: 0) == text)
        #expect(try Timestamp.parse(text, flag: "since", now: 0) == seconds)
    }

    @Test("a time can be a span before now or a number")
    func spans() throws {
        #expect(try Timestamp.parse("10m", flag: "since", now: 1_000) == 400)
        #expect(try Timestamp.parse("1h30m", flag: "since", now: 10_000) == 4_600)
        #expect(try Timestamp.parse("12.5", flag: "since", now: 0) == 12.5)
        #expect(Timestamp.text(nanoseconds: 1_000_000_005) == "1970-01-01T00:00:01.000000005Z")
        for text in ["", "soon", "10", "10x", "2026-13-01", "2026-01-01T00:00:00+01:00"] where text != "10" {
            #expect(
                refusal { () throws(Failure) in try Timestamp.parse(text, flag: "since", now: 0) } != nil, "\(text)")
        }
    }

    @Test("progress says what, how much and of how much when that is known")
    func progress() {
        #expect(
            ProgressBar.line(ImportProgress(phase: .unpacking(layer: 2, of: 4), completed: 5 << 20, total: 10 << 20))
                == "layer 2 of 4  [############------------] 50%  5 MiB of 10 MiB")
        #expect(ProgressBar.line(ImportProgress(phase: .reading, completed: 3 << 20, total: nil)) == "reading  3 MiB")
        #expect(ProgressBar.line(ImportProgress(phase: .finishing, completed: 0, total: nil)) == "writing to disk")
    }

    @Test("a refusal is one sentence for people and an object for programs")
    func refusals() {
        let failure = Failure.flag("memory", "1q\n", cause: "it is not a size", limit: "x").also(
            Failure("state.unwritable", doing: "clean up"))
        #expect(
            ErrorReport.text(failure, as: .table)
                == "bulkhead: cannot use --memory 1q\\u{a}: it is not a size\nbulkhead: also, cannot clean up\n")
        #expect(
            ErrorReport.text(failure, as: .json)
                == #"{"error":{"alsoFailed":[{"alsoFailed":[],"code":"state.unwritable","doing":"clean up","#
                + #""message":"cannot clean up","retry":"never"}],"cause":"it is not a size","code":"flag.invalid","#
                + #""doing":"use --memory","field":"memory","limit":"x","message":"cannot use --memory 1q\\u{a}: it "#
                + #"is not a size","retry":"never","subject":"1q\n"}}"# + "\n")
    }

    @Test("empty lists are shown as such")
    func emptyJSON() throws {
        struct Holder: Encodable { var a: [Int] = [], b: [String: Int] = [:], c = [1] }
        #expect(try JSONDocument.text([Int]()) == "[]\n")
        #expect(try JSONDocument.text(Holder()) == "{\n  \"a\" : [],\n  \"b\" : {},\n  \"c\" : [\n    1\n  ]\n}\n")
    }
}
