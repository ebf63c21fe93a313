import Diagnostics
import Testing

@testable import RuntimeSpec

@Suite("linux.seccomp as it stands")
struct SeccompSectionTests {
    private let head = #"{"ociVersion":"1.0.2","process":{"cwd":"/"},"linux":{"#

    private func checked(_ text: String) throws -> RuntimeConfiguration {
        try RuntimeConfiguration(checked: Array((head + text).utf8))
    }

    @Test(
        "a container's copy reads as the document did",
        arguments: [
            #""devices":[]}}"#, #""seccomp":null}}"#,
            #""seccomp" : { "defaultAction" : "SCMP_ACT_ALLOW" } },"hostname":"h"}"#,
            #""x":{"seccomp":{"no":1}},"seccomp":{"listenerPath":"/é\n","syscalls":[{"names":["a"]}]}}}"#,
            #""secc\u006fmp":{"defaultAction":"SCMP_ACT_ALLOW"}}}"#,
        ])
    func same(text: String) throws {
        let whole = try RuntimeConfiguration(parsing: Array((head + text).utf8))
        #expect(try checked(text) == whole)
        #expect(try checked(text).linux.seccomp?.members().members == whole.linux.seccomp?.members().members)
    }

    @Test("its bytes are those of the document, so that create and exec find the same filter")
    func bytes() throws {
        let text = #""seccomp":{ "b":1,"a" :[ ] }}}"#
        let section = Array(#"{ "b":1,"a" :[ ] }"#.utf8)
        #expect(try RuntimeConfiguration(parsing: Array((head + text).utf8)).linux.seccomp?.text == section)
        #expect(try checked(text).linux.seccomp?.text == section)
    }

    @Test(
        "a document that says it twice, or no object, or is not one, is refused also where it was checked before",
        arguments: [
            #""seccomp":{},"seccomp":{}}}"#, #""seccomp":{},"secc\u006fmp":{}}}"#, #""seccomp":{}},"linux":{}}"#,
            #""seccomp":[]}}"#, #""seccomp":{}}"#, #""seccomp":{} x}}"#,
        ])
    func refused(text: String) {
        #expect(throws: Failure.self) { try checked(text) }
    }

    @Test("a section is taken apart as strictly as a document, and refused by its place")
    func strict() throws {
        for text in [#""seccomp":{"a":1,"a":2}}}"#, #""seccomp":{"a":[}]}}}"#, #""seccomp":{]}}"#] {
            #expect(throws: Failure.self) { try checked(text).linux.seccomp?.members() }
            #expect(throws: Failure.self) { try RuntimeConfiguration(parsing: Array((head + text).utf8)) }
        }
        let members = try checked(#""seccomp":{"listenerPath":1}}}"#).linux.seccomp?.members()
        let failure = #expect(throws: Failure.self) { try members?.string("listenerPath") }
        #expect(failure?.field == "linux.seccomp.listenerPath")
    }
}
