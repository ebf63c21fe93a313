import AuditFormat
import Auditing
import HostProbe
import LinuxKernel
import Observation
import Testing

/// What a program could hide from whoever looks at the first thread's open descriptors only.
@Suite("What a process holds out of sight", .serialized)
struct HiddenHoldingTests {
    private let host: TestHost

    init() throws { host = try TestHost() }

    /// A shell that became `sleep` in a mount namespace of its own, and a child of it that holds what the shell had as
    /// descriptor 7 before; `script` is Python, and calls `ready()` when it does.
    private func findings(
        holding opened: String, _ script: String, until isSo: (Int32) throws -> Bool
    ) throws -> [Finding] {
        let place = try host.directory("hidden")
        let common = """
            import ctypes, os, threading, time
            libc = ctypes.CDLL(None)
            def ready():
                with open("\(place)/new", "w") as file: file.write(str(os.getpid()))
                os.rename("\(place)/new", "\(place)/ready")
            def wait():
                while True: time.sleep(600)

            """
        try OwnedDescriptor.open(RawPath(place + "/script"), [.writeOnly, .create], mode: 0o600).write(common + script)
        let inside = "/usr/bin/python3 \(place)/script & exec 7<&-; exec /bin/sleep 600"
        let process = try ToolProcess.start(
            "/bin/sh", ["-c", "exec 7<\(opened); exec /usr/bin/unshare --mount --uts /bin/sh -c '\(inside)'"],
            environment: ["PATH=/usr/bin:/bin"], descriptors: [])
        var child: Int32?
        defer {
            do {
                if let child { try ProcessHandle.open(child).signal(9) }
                try process.signal(9)
                _ = try process.reap()
            } catch { Issue.record("\(error)") }
        }
        let deadline = Deadline(seconds: 120)
        while !HostFacts.exists(place + "/ready") { try deadline.pause("the program") }
        let holder = try #require(Int32(try TextFile.read(place + "/ready")))
        child = holder
        while try !isSo(holder) || !TextFile.read("/proc/\(process.id)/comm").hasPrefix("sleep") {
            try deadline.pause("the program")
        }
        let table = try ProcessTable.read()
        let observer = try ContainerObserver(table: table, host: HostProbe.abilities())
        let facts = observer.observe(ForeignContainer.target(process: process.id, in: table))
        #expect(facts.processes.value?.contains { $0.id == child } == true, "\(facts.processes)")
        return AuditCatalogue.findings(about: facts, profile: .standard).filter { $0.verdict == .finding }
    }

    @Test("a directory of the host that only one thread's own table still has")
    func ownTable() throws {
        let script = """
            parted, closed = threading.Event(), threading.Event()
            def hold():
                libc.unshare(0x400)
                parted.set()
                closed.wait()
                ready()
                wait()
            threading.Thread(target=hold).start()
            parted.wait()
            os.close(7)
            closed.set()
            wait()
            """
        let found = try findings(holding: "/etc", script) { _ in true }
        let leak = try #require(found.first { $0.id == "BH-CON-110" }, "\(found.map(\.id))")
        #expect(leak.evidence.contains { $0.source.contains("/task/") && $0.source.hasSuffix("/fd/7") }, "\(leak)")
    }

    @Test("a directory of the host held by threads whose first one has ended")
    func firstEnded() throws {
        let script = """
            threading.Thread(target=wait).start()
            ready()
            libc.syscall(60, 0)
            """
        let found = try findings(holding: "/etc", script) { try ProcessFacts.isZombie($0) }
        let leak = try #require(found.first { $0.id == "BH-CON-110" }, "\(found.map(\.id))")
        #expect(leak.evidence.contains { $0.source.hasSuffix("/fd/7") }, "\(leak)")
    }

    @Test("a file of the host that is mapped and no longer open")
    func mapped() throws {
        let script = """
            # Python's own map would keep a descriptor.
            libc.mmap.restype = ctypes.c_void_p
            libc.mmap(None, ctypes.c_size_t(4096), 1, 1, 7, ctypes.c_long(0))
            os.close(7)
            ready()
            wait()
            """
        let found = try findings(holding: "/etc/passwd", script) { _ in true }
        let leak = try #require(found.first { $0.id == "BH-CON-113" }, "\(found.map(\.id))")
        let mapped = leak.evidence.filter { $0.source.contains("/map_files/") }
        #expect(mapped.contains { $0.value.hasPrefix("/etc/passwd") }, "\(leak)")
    }

    @Test("a namespace of the host, and a process of it", arguments: ["/proc/self/ns/mnt", "pidfd"])
    func powers(_ object: String) throws {
        let script = object == "pidfd" ? "os.pidfd_open(\(HostFacts.processID()))\nready()\nwait()" : "ready()\nwait()"
        let found = try findings(holding: object == "pidfd" ? "/dev/null" : object, script) { _ in true }
        #expect(found.contains { $0.id == "BH-CON-112" }, "\(found.map(\.id))")
    }
}
