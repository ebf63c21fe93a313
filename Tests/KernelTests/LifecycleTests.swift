import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Synchronization
import Testing

@Suite("A container's life", .serialized)
struct LifecycleTests {
    @Test("a process that joins is in the container and ends with its own exit code")
    func exec() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let id = running.record.request.id
        let outcome = try host.exec(id, ["sh", "-c", "hostname; id -u; ps -o args | grep -c '^sleep 600'; exit 7"])
        #expect(outcome.code == 7)
        #expect(outcome.output == "container\n0\n1\n")
        try host.containerizer.remove(id, force: true)
    }

    @Test(
        "a task and whoever joins it have the OOM score that was asked for, and cannot lower it",
        arguments: [500, -500] as [Int32])
    func askedMemoryScore(_ score: Int32) throws {
        let host = try TestHost()
        // CAP_SYS_RESOURCE, capabilities(7): whoever has it may go below what there was, and sets how far others may.
        let isPrivileged = HostFacts.effectiveCapabilities() >> 24 & 1 == 1
        guard isPrivileged || score > 0 else {
            let refusal = #expect(throws: Failure.self) {
                try host.shell("true") { $0.isolation.oomScore = score }
            }
            #expect(refusal?.remedy?.contains("CAP_SYS_RESOURCE") == true)
            return
        }
        let own = "/proc/self/oom_score_adj"
        let lowering = isPrivileged ? "echo \(score - 1) > \(own) && echo lowered" : "echo -1 > \(own) && echo lowered"
        let script = "cat \(own) /proc/1/oom_score_adj; \(lowering)"
        let wanted = "\(score)\n\(score)\n"
        #expect(try host.shell(script) { $0.isolation.oomScore = score }.output == wanted)
        let id = try host.detached(["sleep", "600"]) { $0.isolation.oomScore = score }.record.request.id
        #expect(try host.exec(id, ["sh", "-c", script]).output == wanted)
        try host.containerizer.remove(id, force: true)
    }

    @Test("whoever joins can be killed for memory as all others are, and cannot change that")
    func memoryKiller() throws {
        let host = try TestHost()
        let id = try host.detached(["sleep", "600"]).record.request.id
        let own = "/proc/self/oom_score_adj"
        let script = "cat \(own); for n in -1 -1000; do echo $n > \(own) && echo spared; done; cat \(own)"
        #expect(try host.exec(id, ["sh", "-c", script]).output == "0\n0\n")
        try host.containerizer.remove(id, force: true)
    }

    @Test("an ordered end is told as such", arguments: [15, 9] as [Int32])
    func killed(signal: Int32) throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let id = running.record.request.id
        try host.containerizer.kill(id, signal: signal)
        let exit = try host.containerizer.wait(for: id)
        #expect(exit.code == 128 + signal)
        #expect(exit.signal == signal)
    }

    @Test("a task that handles its stop signal ends its own way, one that does not is killed in time")
    func stop() throws {
        let host = try TestHost()
        let polite = try host.detached(["sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done"])
        try awaitOutput(of: polite, on: host)
        try host.containerizer.stop(polite.record.request.id, seconds: 120)
        #expect(try host.containerizer.wait(for: polite.record.request.id).code == 5)
        let deaf = try host.detached(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"])
        try awaitOutput(of: deaf, on: host)
        try host.containerizer.stop(deaf.record.request.id, seconds: 0.2)
        #expect(try host.containerizer.wait(for: deaf.record.request.id).code == 137)
    }

    /// Which of them sees the end first is chance: none may fail, however that goes.
    @Test(
        "whoever stops or removes what ends, or is removed by another, at that moment has succeeded",
        arguments: [true, false])
    func ends(removedAtEnd: Bool) throws {
        let host = try TestHost()
        let failures = Mutex<[Failure]>([])
        func beside(_ body: @escaping @Sendable () throws(Failure) -> Void) throws -> WorkerThread {
            try WorkerThread {
                do throws(Failure) { try body() } catch { failures.withLock { $0.append(error) } }
            }
        }
        for round in 0..<20 {
            let running = try host.detached(["usleep", "\(round % 4 * 2_000)"]) { $0.removeAtEnd = removedAtEnd }
            let (containerizer, id) = (host.containerizer, running.record.request.id)
            let threads = [
                try beside { () throws(Failure) in _ = try containerizer.wait(for: id, running: running) },
                try beside { () throws(Failure) in try containerizer.stop(id, seconds: 10) },
                try beside { () throws(Failure) in try containerizer.remove(id, force: true) },
                try beside { () throws(Failure) in try containerizer.remove(id, force: true) },
            ]
            for thread in threads { thread.join() }
            #expect(try containerizer.status(of: id) == nil)
        }
        #expect(failures.withLock { $0 }.map(\.description) == [])
    }

    /// A container runs before its shell has read the first command.
    private func awaitOutput(of running: RunningContainer, on host: TestHost) throws {
        var log = host.containerizer.log(running.record.request.id)
        try Deadline(seconds: 120).wait("the first line of the container") {
            do { return try !log.next().isEmpty } catch { return false }
        }
    }

    @Test("without an init the task is process 1 and its end is still known")
    func noInit() throws {
        let host = try TestHost()
        let outcome = try host.shell("echo $$; exit 4") { $0.isolation.hasInit = false }
        #expect(outcome.output == "1\n")
        #expect(outcome.exit.code == 4)
        let joined = try host.detached(["sleep", "600"]) { $0.isolation.hasInit = false }
        let answer = try host.exec(joined.record.request.id, ["sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '"])
        #expect(answer.output == "sleep 600 ")
        try host.containerizer.kill(joined.record.request.id, signal: 9)
        #expect(try host.containerizer.wait(for: joined.record.request.id).code == 137)
    }

    @Test("what a container says is in its log")
    func log() throws {
        let host = try TestHost()
        let running = try host.detached(["sh", "-c", "echo one; echo two >&2; echo three"])
        let id = running.record.request.id
        _ = try host.containerizer.wait(for: id)
        var log = host.containerizer.log(id)
        let records = try log.rest()
        let text = { (stream: LogRecord.Stream) in
            records.filter { $0.stream == stream }.map { String(decoding: $0.bytes, as: UTF8.self) }.joined()
        }
        #expect(text(.output) == "one\nthree\n")
        #expect(text(.error) == "two\n")
        #expect(try log.next().isEmpty)
    }

    @Test("a paused container stands still until it is continued")
    func pause() throws {
        let host = try TestHost()
        let running = try host.detached(["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i; usleep 1000; done"])
        let id = running.record.request.id
        try host.containerizer.pause(id)
        #expect(try host.containerizer.status(of: id)?.state == .paused)
        var log = host.containerizer.log(id)
        _ = try log.next()
        #expect(try log.next().isEmpty)
        try host.containerizer.resume(id)
        var more: [LogRecord] = []
        try Deadline(seconds: 120).wait("output after unpausing") {
            more += (try? log.next()) ?? []
            return !more.isEmpty
        }
        try host.containerizer.remove(id, force: true)
    }

    @Test("a terminal is the container's own")
    func terminal() throws {
        let host = try TestHost()
        let request = host.request(["sh", "-c", "tty; stty size; test -t 0 && test -t 1 && echo yes"]) {
            $0.process.terminal = TerminalRequest(rows: 31, columns: 97)
        }
        let running = try host.containerizer.launch(request, layers: [host.layer], attachment: Attachment())
        #expect(running.terminal != nil)
        _ = try host.containerizer.wait(for: request.id, running: running)
        var log = host.containerizer.log(request.id)
        let text = try log.rest().map { String(decoding: $0.bytes, as: UTF8.self) }.joined()
        #expect(text == "/dev/pts/0\r\n31 97\r\nyes\r\n")
    }

    @Test("a program that is not there, and one that cannot be executed, say so and leave nothing")
    func missingProgram() throws {
        let host = try TestHost()
        for (program, code) in [
            ("/bin/nothing", "launch.program-not-found"), ("/etc/passwd", "launch.program-not-executable"),
        ] {
            do {
                _ = try host.run([program])
                Issue.record("\(program) ran")
            } catch {
                #expect((error as? Failure)?.code.rawValue == code)
            }
        }
        #expect(try host.containerizer.list().isEmpty)
    }
}
