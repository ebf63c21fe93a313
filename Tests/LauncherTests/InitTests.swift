import Glibc
import LaunchPlanning
import LinuxKernel
import Testing

/// A task with init (in a pid namespace of its own) or with a monitor (outside), its log, sinks and exit record.
struct Attended {
    let exitRecord: OwnedDescriptor
    let logs: [OwnedDescriptor]
    var trial: Trial

    init(
        _ script: String, isInit: Bool = true, logBytesMax: UInt64 = 1 << 20, before: [Step] = [], after: [Step] = [],
        logs given: [OwnedDescriptor]? = nil, sinks: Bool = false, filter: FilterProgram = .none
    ) throws {
        exitRecord = try OwnedDescriptor.memoryFile("exit")
        logs = try given ?? (0..<2).map { try OwnedDescriptor.memoryFile("log\($0)") }
        trial = Trial(before)
        trial.open("exit", exitRecord)
        trial.open("log0", logs[0])
        trial.open("log1", logs[1])
        let division = Division(
            isInit: isInit, pumps: true, hasTerminal: false, exitRecord: "exit", logs: ["log0", "log1"],
            logBytesMax: logBytesMax, outputSink: sinks ? "sink1" : nil, errorSink: sinks ? "sink2" : nil,
            initFilter: filter)
        trial.steps += [.divide(division)] + after + [.standardStreams(input: nil, output: nil, error: nil)]
            + Trial.shell(script)
        if isInit { trial.namespaces = [.pid, .mount] }
    }

    func record() throws -> ExitRecord { try ExitRecord(exitRecord) }
    func log() throws -> Log { try Log(logs) }
}

/// `struct bh_exit_record`
struct ExitRecord {
    var waitStatus: Int32
    var endedAt: UInt64
    var dropped: UInt64

    init(_ file: OwnedDescriptor) throws {
        try file.seek(to: 0)
        let bytes = try file.readAll(limit: 100)
        try #require(bytes.count == 32 && bytes.starts(with: "BEXT".utf8), "no exit record: \(bytes)")
        waitStatus = Int32(bitPattern: UInt32(bytes.little(at: 4, 4)))
        endedAt = bytes.little(at: 8, 8)
        dropped = bytes.little(at: 16, 8)
    }
}

/// The two files of a log, read the way `logs` reads them.
struct Log {
    struct Record { var at: UInt64, stream: UInt64, length: UInt64, bytes: [UInt8] }
    var sequences: [UInt64] = []
    var sizes: [Int] = []
    var records: [Record] = []

    init(_ files: [OwnedDescriptor]) throws {
        var parts: [(UInt64, [Record])] = []
        for file in files {
            try file.seek(to: 0)
            let bytes = try file.readAll(limit: 1 << 24)
            sizes.append(bytes.count)
            guard !bytes.isEmpty else { continue }
            try #require(bytes.starts(with: "BLOG".utf8) && bytes.little(at: 4, 4) == 1)
            parts.append((bytes.little(at: 8, 8), try Self.records(bytes)))
        }
        parts.sort { $0.0 < $1.0 }
        sequences = parts.map(\.0)
        records = parts.flatMap(\.1)
    }

    private static func records(_ bytes: [UInt8]) throws -> [Record] {
        var offset = 16
        var records: [Record] = []
        while offset < bytes.count {
            try #require(offset + 16 <= bytes.count, "a torn record at the end")
            let stream = bytes.little(at: offset + 12, 4)
            let length = bytes.little(at: offset + 8, 4)
            let end = offset + 16 + (stream == 3 ? 0 : Int(length))
            try #require((1...3).contains(stream) && end <= bytes.count)
            let contents = Array(bytes[offset + 16..<end])
            records.append(Record(at: bytes.little(at: offset, 8), stream: stream, length: length, bytes: contents))
            offset = end
        }
        return records
    }

    func text(_ stream: UInt64) -> String {
        String(decoding: records.filter { $0.stream == stream }.flatMap(\.bytes), as: UTF8.self)
    }
}

extension [UInt8] {
    func little(at offset: Int, _ count: Int) -> UInt64 {
        self[offset..<offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

@Suite("init and the monitor")
struct InitTests {
    @Test("the exit status is written down and passed on", arguments: [true, false])
    func exitStatus(isInit: Bool) throws {
        let attended = try Attended("echo out; echo err >&2; exit 7", isInit: isInit)
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try running.end() == .exited(7))
        let record = try attended.record()
        #expect(record.waitStatus == 7 << 8)
        #expect(record.dropped == 0)
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        #expect(UInt64(time.tv_sec) - record.endedAt / 1_000_000_000 < 60)
        let log = try attended.log()
        #expect(log.text(1) == "out\n")
        #expect(log.text(2) == "err\n")
        #expect(log.sequences == [1])
    }

    @Test("a task killed by a signal ends with 128 and the signal")
    func signalStatus() throws {
        let attended = try Attended("kill -SEGV $$")
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try running.end() == .exited(128 + SIGSEGV))
        #expect(try attended.record().waitStatus & 0x7f == SIGSEGV)
    }

    @Test("a step that fails after the fork is reported, and init ends with 126")
    func failureAfterFork() throws {
        let attended = try Attended("true", after: [.workingDirectory("/nowhere")])
        let running = try attended.trial.start()
        #expect(try running.reports().map(\.0) == [
            LauncherReport(kind: .failed, step: 1, error: ENOENT, detail: LauncherReport.Part.open.rawValue)
        ])
        #expect(try running.end() == .exited(126))
        #expect(try attended.record().waitStatus == 126 << 8)
    }

    @Test("init outside a pid namespace of its own is refused: its last act would be the host's end")
    func initMustBeProcessOne() throws {
        var attended = try Attended("true")
        attended.trial.namespaces = [.mount]
        let running = try attended.trial.start()
        #expect(try running.reports().map(\.0) == [
            LauncherReport(kind: .failed, step: 0, error: EINVAL, detail: LauncherReport.Part.verify.rawValue)
        ])
        #expect(try running.end() == .exited(126))
    }

    @Test("signals to init reach the task", arguments: [true, false])
    func forwardsSignals(isInit: Bool) throws {
        var attended = try Attended(
            "trap 'echo caught; exit 5' TERM; echo ready; while :; do /bin/busybox sleep 0.02; done", isInit: isInit,
            sinks: true)
        let output = try attended.trial.pipe("sink1")
        _ = try attended.trial.pipe("sink2")
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try output.line() == "ready")
        try running.process.signal(SIGTERM)
        #expect(try output.line() == "caught")
        #expect(try running.end() == .exited(5))
    }

    @Test("an order delivers any signal to the task", arguments: [SIGKILL, SIGINT], [true, false])
    func orders(signal: Int32, isInit: Bool) throws {
        var attended = try Attended("echo ready; exec /bin/busybox sleep 1000", isInit: isInit, sinks: true)
        let output = try attended.trial.pipe("sink1")
        _ = try attended.trial.pipe("sink2")
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try output.line() == "ready")
        for ignored: Int32 in [0, -1, 65, 4_711] { try running.process.queue(signal: 63, value: ignored) }
        try running.process.queue(signal: 63, value: signal)
        #expect(try running.end() == .exited(128 + signal))
        #expect(try attended.record().waitStatus & 0x7f == signal)
    }

    @Test("nothing of a container survives its task, and orphans are reaped")
    func nothingSurvives() throws {
        let script = """
            for i in 1 2 3 4 5; do (sleep 1000 & sleep 1000 &) ; (true &) ; done
            trap '' TERM INT HUP; (trap '' TERM; while :; do sleep 100; done) & echo done; exit 3
            """
        let attended = try Attended(script)
        let running = try attended.trial.start()
        try running.expectStarted()
        // Held, so that its number is not given to another test's namespace before it is looked for.
        let held = try OwnedDescriptor.open(RawPath("/proc/\(running.process.id)/ns/pid"))
        let namespace = try TextFile.linkTarget(held.procPath)
        #expect(try running.end() == .exited(3))
        #expect(try attended.log().text(1) == "done\n")
        #expect(try TextFile.processes(in: namespace).isEmpty)
        withExtendedLifetime(held) {}
    }

    @Test("a monitor leaves what the task started in the background alone")
    func monitorKillsNothing() throws {
        var attended = try Attended("sleep 1000 & echo $!; exit 4", isInit: false, sinks: true)
        let output = try attended.trial.pipe("sink1")
        _ = try attended.trial.pipe("sink2")
        let running = try attended.trial.start()
        try running.expectStarted()
        let background = try #require(Int32(try output.line()))
        #expect(try running.end() == .exited(4))
        #expect(kill(background, 0) == 0, "the background process still runs")
        #expect(kill(background, SIGKILL) == 0)
    }

    @Test("a monitor told to kill, or hung up, takes the task's whole group along", arguments: [SIGKILL, SIGHUP])
    func monitorKillsGroup(signal: Int32) throws {
        var attended = try Attended("sleep 1000 & echo $!; wait", isInit: false, sinks: true)
        let output = try attended.trial.pipe("sink1")
        _ = try attended.trial.pipe("sink2")
        let running = try attended.trial.start()
        try running.expectStarted()
        let background = try #require(Int32(try output.line()))
        // To be watched: whoever adopts an orphan may be slow to reap it.
        let watched = try ProcessHandle.open(background)
        if signal == SIGKILL {
            try running.process.queue(signal: 63, value: signal)
        } else {
            try running.process.signal(signal)
        }
        #expect(try running.end() == .exited(128 + signal))
        #expect(try watched.waitForEnd(milliseconds: 120_000))
    }

    @Test("init can signal tasks of other users and do nothing else")
    func initIsHarmless() throws {
        let user = Credentials(
            uid: 1_000, gid: 1_000, groups: [], bounding: 0, effective: 0, permitted: 0, inheritable: 0, ambient: 0)
        var attended = try Attended(
            "echo ready; exec /bin/busybox sleep 1000",
            after: [.standardStreams(input: nil, output: nil, error: nil), .credentials(user)], sinks: true)
        let output = try attended.trial.pipe("sink1")
        _ = try attended.trial.pipe("sink2")
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try output.line() == "ready")
        let status = try TextFile.read("/proc/\(running.process.id)/status")
        for line in ["CapEff:\t0000000000000020", "CapPrm:\t0000000000000020", "CapInh:\t0000000000000000",
            "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Name:\tbulkhead-init"]
        { #expect(status.contains(line), "\(line)") }
        let resident = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS") })
        #expect(try #require(Int(resident.filter(\.isNumber))) < 1_024, "\(resident)")
        // The exit record, two logs, two pipes, two sinks, the signals; nothing of the caller.
        #expect(try TextFile.openFiles(of: running.process.id) == 8)
        try running.process.signal(SIGTERM)
        #expect(try running.end() == .exited(128 + SIGTERM))
    }

    @Test("the task may open its output again by name, as its own user")
    func outputBelongsToTheTask() throws {
        let user = Credentials(
            uid: 1_000, gid: 1_000, groups: [], bounding: 0, effective: 0, permitted: 0, inheritable: 0, ambient: 0)
        let attended = try Attended(
            "echo again > /proc/self/fd/1; echo error > /proc/self/fd/2",
            after: [.standardStreams(input: nil, output: nil, error: nil), .credentials(user)])
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try running.end() == .exited(0))
        #expect(try attended.log().text(1) == "again\n")
        #expect(try attended.log().text(2) == "error\n")
    }

    @Test("what comes after the fork is the task's alone, in whatever pid namespace it is", arguments: [true, false])
    func settingsOfTheTask(isInit: Bool) throws {
        let limit = ResourceLimit(resource: 7, soft: 25, hard: 25)
        let before: [Step] = (isInit ? [] : [.unshare([.pid])]) + [.sysctl(name: "kernel/domainname", value: "inside")]
        var attended = try Attended(
            "cat /proc/sys/kernel/domainname; ulimit -n; echo ready; exec busybox sleep 1000",
            isInit: isInit, before: before, after: [.limit(limit)], sinks: true)
        attended.trial.namespaces.formUnion([.uts, .mount])
        let output = try attended.trial.pipe("sink1")
        _ = try attended.trial.pipe("sink2")
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try (0..<3).map { _ in try output.line() } == ["inside", "25", "ready"])
        #expect(try !TextFile.read("/proc/\(running.process.id)/limits").contains("Max open files            25"))
        // As process 1 the task is spared every signal it does not handle, pid_namespaces(7), but SIGKILL from outside.
        try running.process.queue(signal: 63, value: SIGKILL)
        #expect(try running.end() == .exited(128 + SIGKILL))
    }

    @Test("without an init the task itself is process 1, and the monitor outside writes the record")
    func taskAsProcessOne() throws {
        let attended = try Attended("echo $$; exit 9", isInit: false, before: [.unshare([.pid])])
        let running = try attended.trial.start()
        try running.expectStarted()
        #expect(try running.end() == .exited(9))
        #expect(try attended.log().text(1) == "1\n")
        #expect(try attended.record().waitStatus == 9 << 8)
    }
}

extension OwnedDescriptor {
    /// Reads up to the next newline.
    func line() throws -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            try #require(try waitReadable(milliseconds: Patience.milliseconds), "nothing came")
            let count = try withUnsafeMutableBytes(of: &byte) { try read(into: $0) }
            if count == 0 || byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
    }
}

extension TextFile {
    static func linkTarget(_ path: String) throws -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = readlink(path, &buffer, buffer.count)
        if count < 0 { throw KernelError(call: "readlink", on: path, errno: errno) }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// Entries of a directory of procfs that are numbers.
    static func numbers(in path: String) throws -> [Int32] {
        guard let directory = opendir(path) else { throw KernelError(call: "opendir", on: path, errno: errno) }
        defer { closedir(directory) }
        var numbers: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int32(name) { numbers.append(number) }
        }
        return numbers
    }

    static func openFiles(of process: Int32) throws -> Int { try numbers(in: "/proc/\(process)/fd").count }

    static func processes(in namespace: String) throws -> [Int32] {
        try numbers(in: "/proc").filter { id in
            var buffer = [UInt8](repeating: 0, count: 256)
            let count = readlink("/proc/\(id)/ns/pid", &buffer, buffer.count)
            return count > 0 && String(decoding: buffer[..<count], as: UTF8.self) == namespace
        }
    }
}
