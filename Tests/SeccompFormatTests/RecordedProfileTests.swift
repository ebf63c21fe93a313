import Diagnostics
import SeccompFormat
import Testing

@Suite("A profile is made from what was seen")
struct RecordedProfileTests {
    private static let names: [UInt32: String] = [
        0: "read", 16: "ioctl", 41: "socket", 56: "clone", 165: "mount", 262: "newfstatat",
    ]

    private func recording(_ lines: String...) throws -> CallRecording {
        try CallRecording(
            ([#"{"recording":1}"#] + lines + [#"{"done":\#(lines.count),"status":0}"#]).joined(separator: "\n"))
    }

    private func line(_ number: Int, _ arguments: String = #""0","0","0","0","0","0""#, table: String = "native")
        -> String
    {
        #"{"table":"\#(table)","call":\#(number),"arguments":[\#(arguments)]}"#
    }

    /// Bounds that refuse mount, and sockets of family 38.
    private func profile(_ recording: CallRecording?, merging old: SeccompProfile? = nil) throws -> RecordedProfile {
        try RecordedProfile(recording, merging: old, names: { Self.names[$0] }) { call, arguments in
            call != "mount" && !(call == "socket" && arguments[0] == 38)
        }
    }

    @Test("calls seen are allowed, arguments that matter are kept, and the rest is not")
    func seen() throws {
        let made = try profile(
            try recording(
                line(0), line(41, #""2","0","0","0","0","0""#), line(41, #""10","0","0","0","0","0""#),
                line(56, #""3d0f00","0","0","0","0","0""#), line(16, #""0","5401","0","0","0","0""#)))
        #expect(made.calls.contains("read"))
        #expect(made.conditional["socket"] == [[.int(0, is: 2)], [.int(0, is: 16), .int(2, is: 0)]])
        #expect(made.conditional["clone"] == [[ArgumentCondition(index: 0, .masked(0x7e02_0000, equal: 0))]])
        #expect(made.conditional["ioctl"]?.contains([.int(1, is: 0x5401)]) == true)
        #expect(made.leftOut == [])
    }

    @Test("what the bounds refuse is left out and said, and so is another ABI's call")
    func bounds() throws {
        let made = try profile(
            try recording(line(165), line(41, #""26","0","0","0","0","0""#), line(20, table: "foreign"), line(999)))
        #expect(!made.calls.contains("mount"))
        #expect(made.conditional["socket"] == nil)
        #expect(
            made.leftOut == [
                "another ABI's call 20: only the native ABI is open", "call 999: it has no name here", "mount",
                "socket with argument 0 = 0x26",
            ])
    }

    @Test("its own JSON is read back as the same profile, and merging it changes nothing")
    func roundTrip() throws {
        let made = try profile(
            try recording(line(0), line(41, #""2","0","0","0","0","0""#), line(56, #""11","0","0","0","0","0""#)))
        let again = try SeccompProfile.decode(json: Array(made.json().utf8), name: "again")
        #expect(again.defaultAction == .refuse(.noSuchCall))
        #expect(try profile(nil, merging: again) == made)
        let more = try profile(try recording(line(41, #""a","0","0","0","0","0""#)), merging: again)
        #expect(more.conditional["socket"] == [[.int(0, is: 2)], [.int(0, is: 10)]])
        #expect(more.calls.isSuperset(of: made.calls))
    }

    @Test(
        "a recording that was cut off is refused",
        arguments: [
            "", #"{"recording":1}"#, #"{"recording":2}"# + "\n" + #"{"done":0,"status":0}"#,
            #"{"recording":1}"# + "\n" + #"{"done":1,"status":0}"#,
            #"{"recording":1}"# + "\n" + #"{"table":"native","call":1,"arguments":["0"]}"# + "\n"
                + #"{"done":1,"status":0}"#,
        ])
    func refused(_ text: String) {
        #expect { try CallRecording(text) } throws: { ($0 as? Failure)?.code == "seccomp.recording-invalid" }
    }
}
