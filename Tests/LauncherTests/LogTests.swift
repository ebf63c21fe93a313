import Glibc
import LaunchPlanning
import LinuxKernel
import Testing

@Suite("what becomes of the task's output")
struct LogTests {
    @Test("a long output fills two files in turn; what is kept is the newest, whole and in order")
    func ring() throws {
        let script = "i=0; while [ $i -lt 6000 ]; do echo line $i; i=$((i+1)); done"
        let attended = try Attended(script, logBytesMax: 16_384)
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try running.end() == .exited(0))
        let log = try attended.log()
        #expect(log.sizes.allSatisfy { $0 <= 16_384 })
        try #require(log.sequences.count == 2)
        #expect(log.sequences[1] == log.sequences[0] + 1 && log.sequences[1] > 3)
        let text = log.text(1)
        #expect(text.hasSuffix("line 5999\n"))
        let numbers = text.split(separator: "\n").dropFirst().map { Int($0.dropFirst(5)) ?? -1 }
        #expect(numbers == Array((numbers.first ?? 0)...5_999))
        #expect(zip(log.records, log.records.dropFirst()).allSatisfy { $0.at <= $1.at })
        #expect(try attended.record().dropped == 0)
    }

    @Test("one write larger than the smallest log is kept in pieces")
    func largeWrite() throws {
        let attended = try Attended("busybox head -c 12000 /dev/zero | busybox tr '\\0' x", logBytesMax: 4_096)
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try running.end() == .exited(0))
        let log = try attended.log()
        #expect(log.sizes.allSatisfy { $0 <= 4_096 })
        #expect(log.text(1).allSatisfy { $0 == "x" } && !log.text(1).isEmpty)
    }

    @Test("a full disk costs lines, never the task, and the loss is counted")
    func fullDisk() throws {
        let context = try FilesystemContext("tmpfs")
        try context.set("size", "32k")
        let disk = try context.mount(attributes: 0)
        let logs = try (0..<2).map { try disk.open(RawPath("log\($0)"), [.readWrite, .create], mode: 0o600) }
        let attended = try Attended(
            "busybox head -c 200000 /dev/zero; echo finished >&2; exit 6", logBytesMax: 1 << 20, logs: logs)
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try running.end() == .exited(6))
        let log = try attended.log()
        let kept = log.records.filter { $0.stream != 3 }.reduce(0) { $0 + $1.bytes.count }
        #expect(try attended.record().dropped == 200_009 - UInt64(kept))
        #expect(kept > 0 && kept < 33_000)
    }

    @Test("as soon as there is room again the loss is said in the log itself")
    func lossIsSaid() throws {
        let context = try FilesystemContext("tmpfs")
        try context.set("size", "64k")
        let disk = try context.mount(attributes: 0)
        let logs = try (0..<2).map { try disk.open(RawPath("log\($0)"), [.readWrite, .create], mode: 0o600) }
        let ballast = try disk.open("ballast", [.readWrite, .create], mode: 0o600)
        try ballast.write([UInt8](repeating: 1, count: 60 << 10))
        let script = """
            busybox head -c 20000 /dev/zero; echo full >&2; trap 'go=1' USR1; echo armed >&2
            until [ "$go" ]; do /bin/busybox sleep 0.02; done; echo after; exit 0
            """
        var attended = try Attended(script, logs: logs, sinks: true)
        let output = try attended.trial.pipe("sink1")
        let error = try attended.trial.pipe("sink2")
        let running = try attended.trial.start()
        try running.expectStarted()
        var buffer = [UInt8](repeating: 0, count: 20_000)
        var received = 0
        while received < 20_000 {
            try #require(try output.waitReadable(milliseconds: Patience.milliseconds))
            let count = try buffer.withUnsafeMutableBytes { try output.read(into: $0) }
            try #require(count > 0)
            received += count
        }
        #expect(try error.line() == "full")
        try ballast.truncate(to: 0)
        #expect(try error.line() == "armed")
        try running.process.signal(SIGUSR1)
        #expect(try running.end() == .exited(0))
        let log = try attended.log()
        let said = log.records.filter { $0.stream == 3 }.reduce(0) { $0 + $1.length }
        #expect(said == (try attended.record().dropped) && said > 0)
        #expect(log.text(1).hasSuffix("after\n"))
    }

    @Test("a sink gets every byte, however slowly it reads")
    func slowSink() throws {
        var attended = try Attended("busybox seq 1 40000", sinks: true)
        let output = try attended.trial.pipe("sink1")
        _ = try attended.trial.pipe("sink2")
        let running = try attended.trial.start()
        try running.expectStarted()
        let text = try running.text(of: output)
        #expect(try running.end() == .exited(0))
        #expect(text == (1...40_000).map { "\($0)\n" }.joined())
    }

    @Test("a sink that is closed is left out, and the task goes on")
    func closedSink() throws {
        var attended = try Attended("busybox seq 1 40000; exit 2", sinks: true)
        do {
            _ = try attended.trial.pipe("sink1")
            _ = try attended.trial.pipe("sink2")
        }
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try running.end() == .exited(2))
        #expect(try attended.log().text(1).hasSuffix("40000\n"))
    }

    @Test("a sink nobody reads holds the end back until someone gives it up, but not the exit record")
    func stuckSink() throws {
        var attended = try Attended("busybox head -c 100000 /dev/zero; exit 2", sinks: true)
        let output = try attended.trial.pipe("sink1")
        _ = try attended.trial.pipe("sink2")
        let exitRecord = attended.exitRecord
        let running = try attended.trial.start()
        try running.expectStarted()
        let deadline = Deadline(seconds: 120)
        while try exitRecord.readAll(at: 0).isEmpty { try deadline.pause("the exit record") }
        #expect(try ExitRecord(exitRecord).waitStatus == 2 << 8)
        #expect(try !running.process.hasEnded())
        try running.process.signal(SIGTERM)
        #expect(try running.end() == .exited(2))
        #expect(try output.readAll(limit: 1 << 20).count < 100_000)
    }
}

extension OwnedDescriptor {
    func readAll(at offset: Int64) throws -> [UInt8] {
        try seek(to: offset)
        return try readAll(limit: 1 << 20)
    }
}
