import Diagnostics
import Testing

@testable import RuntimeSpec

@Suite("linux.seccomp as it stands")
struct SeccompSectionTests {
    private func section(_ text: String) throws -> SeccompSection? {
        let head = #"{"ociVersion":"1.0.2","process":{"cwd":"/"},"linux":{"#
        return try RuntimeConfiguration(parsing: Array((head + text).utf8)).linux.seccomp
    }

    @Test(
        "its bytes are those of the document, so that create and exec find the same filter",
        arguments: [
            (#""seccomp":{ "b":1,"a" :[ ] }}}"#, #"{ "b":1,"a" :[ ] }"#),
            (#""x":{"seccomp":{"no":1}},"seccomp" : {"listenerPath":"/é\n","z":[{"}":"]"}]} },"hostname":"h"}"#,
                #"{"listenerPath":"/é\n","z":[{"}":"]"}]}"#),
            (#""secc\u006fmp":{"defaultAction":"SCMP_ACT_ALLOW"}}}"#, #"{"defaultAction":"SCMP_ACT_ALLOW"}"#),
        ])
    func bytes(text: String, section: String) throws {
        #expect(try self.section(text)?.text == Array(section.utf8))
    }

    @Test("there is none where there is none", arguments: [#""devices":[]}}"#, #""seccomp":null}}"#])
    func none(text: String) throws { #expect(try section(text) == nil) }

    @Test(
        "a document that says it twice, or no object, or is not one, is refused",
        arguments: [
            #""seccomp":{},"seccomp":{}}}"#, #""seccomp":{},"secc\u006fmp":{}}}"#, #""seccomp":{}},"linux":{}}"#,
            #""seccomp":[]}}"#, #""seccomp":{}}"#, #""seccomp":{} x}}"#, #""seccomp":{"a":1,"a":2}}}"#,
            #""seccomp":{"a":[}]}}}"#, #""seccomp":{]}}"#,
        ])
    func refused(text: String) {
        #expect(throws: Failure.self) { try section(text) }
    }

    @Test("its listener is read with it, and refused by its place in the document")
    func listener() throws {
        let section = try section(#""seccomp":{"listenerPath":"/run/a","listenerMetadata":"m"}}}"#)
        #expect(section?.listenerPath == "/run/a")
        #expect(section?.listenerMetadata == "m")
        #expect(try self.section(#""seccomp":{"listenerPath":""}}}"#)?.listenerPath == nil)
        let failure = #expect(throws: Failure.self) { try self.section(#""seccomp":{"listenerPath":1}}}"#) }
        #expect(failure?.field == "linux.seccomp.listenerPath")
    }
}
