import Glibc
import LaunchPlanning
import LinuxKernel
import Testing

@Suite("another program in a running container")
struct JoinTests {
    @Test("it sees the container's world, and its end is its own")
    func joins() throws {
        let root = try TestRoot()
        var container = Trial.container(on: root, inside: [.setHostname("shared")])
        let ready = try container.pipe("out")
        container.steps += [.standardStreams(input: nil, output: "out", error: nil)]
        container.steps += Trial.shell("echo x > /tmp/made; echo ready; exec /bin/busybox sleep 1000")
        let host = try container.start()
        try host.expectStarted()
        #expect(try ready.line() == "ready")

        let exit = try OwnedDescriptor.memoryFile("exit")
        var joining = Trial([
            .join("container", types: [.user, .mount, .pid, .uts, .ipc, .network]), .becomeRoot,
            .divide(
                Division(
                    isInit: false, pumps: false, hasTerminal: false, exitRecord: "exit", logs: [], logBytesMax: 0,
                    outputSink: nil, errorSink: nil, initFilter: .none)),
            .standardStreams(input: nil, output: "out", error: "out"),
        ])
        joining.open("container", host.process.descriptor)
        joining.open("exit", exit)
        let output = try joining.pipe("out")
        joining.steps += Trial.shell("/bin/busybox hostname; /bin/busybox ls /tmp; echo $$; /bin/busybox id -u; exit 8")
        let outcome = try joining.run(output: output)
        let lines = outcome.output.split(separator: "\n")
        try #require(lines.count == 4, "\(outcome)")
        #expect(lines[0] == "shared" && lines[1] == "made" && lines[3] == "0")
        #expect(try #require(Int(lines[2])) > 1)
        #expect(outcome.end == .exited(8))
        #expect(try ExitRecord(exit).waitStatus == 8 << 8)
        #expect(try !host.process.hasEnded(), "the container runs on")
        try host.process.signal(SIGKILL)
        #expect(try host.end() == .signaled(SIGKILL))
    }
}
