import LinuxKernel
import RuntimeSpec
import Testing

@Suite("hooks that fail")
struct HookFailureTests {
    private static func hook(_ script: String, timeout: Int64? = nil) -> SpecValue {
        var hook = SpecValue.noMembers
        hook["path"] = "/bin/sh"
        hook["args"] = ["sh", "-c", .string(script)]
        if let timeout { hook["timeout"] = .number(timeout) }
        return .object(hook)
    }

    @Test(
        "before the start: the message names the point and which one it was, and nothing is left",
        arguments: ["prestart", "createRuntime", "createContainer"])
    func before(_ point: String) throws {
        let bundle = try TestBundle.running("true") { $0["hooks"] = [point: [Self.hook("true"), Self.hook("exit 3")]] }
        let answer = try bundle.create()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("error running \(point) hook #1: "), "\(answer.errors)")
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        try bundle.remove()
    }

    @Test(
        "at the start: the program never runs, the container is removed, and the poststop hooks run",
        arguments: [hook("exit 3"), hook("sleep 60", timeout: 1), ["path": "/nonexistent"]])
    func atStart(_ failing: SpecValue) throws {
        let bundle = try TestBundle.running("echo ran > /ran")
        guard case .object(var members) = bundle.configuration else { return }
        members["hooks"] = [
            "startContainer": [Self.hook("true"), failing], "poststop": [Self.hook("echo gone > \(bundle.place)/gone")],
        ]
        try bundle.write(SpecValue.object(members).text, "config.json")
        #expect(try bundle.create().status == 0)
        let start = try bundle.call("start", TestBundle.id)
        #expect(start.status == 1)
        #expect(start.errors.contains("error running startContainer hook #1: "), "\(start.errors)")
        #expect(try bundle.call("state", TestBundle.id).status == 1)
        #expect(try bundle.read("gone") == "gone\n")
        #expect(!HostFacts.exists("\(bundle.place)/rootfs/ran"))
        try bundle.remove()
    }

    @Test(
        "a timeout that is longer than any number of milliseconds is no short one",
        arguments: [Int64.max, 4_294_968, 2_147_484, 9_223_372_036_854_776])
    func longTimeout(_ seconds: Int64) throws {
        let bundle = try TestBundle.running("echo ran") {
            let hook = Self.hook("/bin/sleep 0.3", timeout: seconds)
            $0["hooks"] = ["createRuntime": [hook], "startContainer": [hook]]
        }
        let answer = try bundle.run()
        #expect(answer.output == "ran\n", "\(answer.errors)")
        try bundle.remove()
    }
}
