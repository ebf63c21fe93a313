import CLinux
import Glibc
import LaunchPlanning
import LinuxKernel
import Testing

@Suite("a task with a terminal")
struct TerminalTests {
    private func trial(_ script: String, on root: TestRoot, pumps: Bool) throws -> (Trial, [OwnedDescriptor]) {
        let logs = try (0..<2).map { try OwnedDescriptor.memoryFile("log\($0)") }
        let division = Division(
            isInit: true, pumps: pumps, hasTerminal: true, exitRecord: "exit", logs: pumps ? ["log0", "log1"] : [],
            logBytesMax: 65_536, outputSink: nil, errorSink: nil, initFilter: .none)
        var trial = Trial.container(on: root, inside: [
            .divide(division), .terminal(rows: 33, columns: 77, uid: 0, gid: 0),
        ])
        trial.steps += Trial.shell(script)
        trial.open("exit", try OwnedDescriptor.memoryFile("exit"))
        if pumps {
            trial.open("log0", logs[0])
            trial.open("log1", logs[1])
        }
        return (trial, logs)
    }

    @Test("the terminal has the asked size, is the controlling one, and its master comes with a report")
    func terminal() throws {
        let root = try TestRoot()
        let (trial, logs) = try trial(
            "busybox stty size; busybox tty; echo x > /dev/pts/0 && echo there; exit 3", on: root, pumps: true)
        let running = try trial.start()
        let reports = try running.reports()
        try #require(reports.count == 1, "\(reports.map { $0.0.sentence(in: running.plan) })")
        #expect(reports[0].0.kind == .terminal)
        #expect(reports[0].1 != nil)
        #expect(try running.end() == .exited(3))
        #expect(try Log(logs).text(1) == "33 77\r\n/dev/pts/0\r\nx\r\nthere\r\n")
    }

    @Test("what is typed at the master reaches the task, control characters are signals")
    func typing() throws {
        let root = try TestRoot()
        let (trial, _) = try trial(
            """
            echo ready; read line; echo got $line; trap 'echo stopped; exit 4' INT; echo armed
            while :; do /bin/busybox sleep 0.02; done
            """, on: root, pumps: false)
        let running = try trial.start()
        let reports = try running.reports()
        let master = try #require(reports.first?.1)
        #expect(try master.line() == "ready\r")
        try master.write("hello\n")
        #expect(try master.line() == "hello\r")
        #expect(try master.line() == "got hello\r")
        #expect(try master.line() == "armed\r")
        try master.write([3])
        // The kernel sends the signal before it echoes the character.
        #expect(try master.line().hasSuffix("stopped\r"))
        #expect(try running.end() == .exited(4))
    }

    @Test("a terminal device planted by the image is not taken")
    func plantedMultiplexer() throws {
        let root = try TestRoot()
        let (planted, _) = try trial("true", on: root, pumps: false)
        var trial = planted
        // Something else where devpts should be, with a device of its own in the multiplexer's place.
        let devpts = try #require(
            trial.steps.firstIndex { if case .mount("devpts", _, _, _, _) = $0 { true } else { false } })
        trial.steps.replaceSubrange(devpts...devpts, with: [
            .mount(type: "tmpfs", target: "/dev/pts", attributes: [], resolve: [], options: []),
            .attach(tree: "fake", target: "/dev/pts/ptmx", kind: .file, resolve: [.create]),
        ])
        trial.open("fake", try OwnedDescriptor.detachedTree(at: "/dev/zero"))
        let running = try trial.start()
        let index = try #require(running.plan.steps.firstIndex { if case .terminal = $0.step { true } else { false } })
        let report = try #require(try running.reports().first?.0)
        #expect(report == LauncherReport(
            kind: .failed, step: UInt32(index), error: ENODEV, detail: LauncherReport.Part.verify.rawValue))
        #expect(try running.end() == .exited(126))
    }
}
