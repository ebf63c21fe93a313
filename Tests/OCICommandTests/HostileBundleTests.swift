import LinuxKernel
import RuntimeSpec
import Testing

@Suite("bundles and callers that mean no good, or nothing at all")
struct HostileBundleTests {
    @Test(
        "descriptors that the caller never opened are refused: the runtime's own would be given away",
        arguments: ["1", "2", "128", "9223372036854775807"])
    func strangeDescriptors(_ count: String) throws {
        let bundle = try TestBundle.running("ls -l /proc/self/fd")
        for verb in ["create", "run"] {
            let answer = try bundle.call(verb, "--bundle", bundle.place, "--preserve-fds", count, TestBundle.id)
            #expect(answer.status == 1)
            #expect(answer.errors.contains("descriptor"), "\(answer.errors)")
            #expect(answer.output.isEmpty)
        }
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        #expect(try bundle.create().status == 0)
        let exec = try bundle.call("exec", "--preserve-fds", count, TestBundle.id, "ls", "-l", "/proc/self/fd")
        #expect(exec.status == 255)
        #expect(exec.output.isEmpty)
        try bundle.remove()
    }

    @Test("more descriptors than there are numbers for are no crash")
    func listening() throws {
        let bundle = try TestBundle.running("true")
        let answer = try ProgramAnswer.of(
            TestBundle.program,
            [
                "--root", "\(bundle.place)/state", "run", "--bundle", bundle.place, "--preserve-fds",
                "9223372036854775807", TestBundle.id,
            ], environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "LISTEN_FDS=9223372036854775807"])
        #expect(answer.status == 1)
        #expect(answer.errors.contains("descriptor"), "\(answer.errors)")
        try bundle.remove()
    }
}
