import Containers
import Diagnostics
import Glibc
import LinuxKernel
import NativeContainerizer

/// Many containers one after the other, and what this process holds before and after them.
struct Crowd {
    var count: Int

    private struct Holdings: Equatable, CustomStringConvertible {
        var descriptors: Int
        var threads: Int
        var children: Int

        init() throws {
            func entries(_ name: String) throws -> Int {
                try OwnedDescriptor.open(RawPath("/proc/self/\(name)"), [.directory]).entries().count
            }
            // The mounts of a container that has just ended are let go of a moment later.
            SlowDescriptor.awaitClosing()
            descriptors = try entries("fd")
            threads = try entries("task")
            let id = HostFacts.processID()
            children = try TextFile.read("/proc/self/task/\(id)/children").split(separator: " ").count
        }

        /// A thread that was joined is listed for a moment more: those after which nothing changed.
        static func settled() throws -> Holdings {
            var last = try Holdings()
            while true {
                usleep(lookMicroseconds)
                let now = try Holdings()
                if now == last { return now }
                last = now
            }
        }

        /// What is held now; another than `before` only if it stays so.
        static func now(after before: Holdings) throws -> Holdings {
            var now = try Holdings()
            let deadline = Deadline(seconds: 60)
            while now != before, !deadline.hasPassed {
                usleep(lookMicroseconds)
                now = try Holdings()
            }
            return now
        }
        private static let lookMicroseconds: UInt32 = 20_000

        var description: String { "\(descriptors) descriptors, \(threads) threads, \(children) children" }
    }

    /// One after the other on a bridge, each with a port and a limit.
    func runOnBridge() throws {
        try one()
        let before = try Holdings.settled()
        for _ in 0..<count { try one() }
        let after = try Holdings.now(after: before)
        print(before == after ? "holds the same: \(after)" : "held \(before), holds \(after)")

        func one() throws {
            var request = request(ContainerID(number: KernelRandom.number()), ["sleep", "600"])
            request.isolation.network = .bridge(
                BridgeRequest(
                    ports: [PortPublication(hostPort: 8_080, port: 80)],
                    bandwidth: NetworkBandwidth(outgoing: 1 << 20)))
            let running = try launch(request)
            try containerizer.remove(running.record.request.id, force: true)
            _ = try running.process.reap()
        }
    }

    func run() throws {
        // The first makes what stays for the life of the process: directories, the launcher's file, caches.
        var gone: [Gone] = []
        for kind in 0..<10 { gone.append(try ended(kind)) }
        let before = try Holdings.settled()
        for number in 0..<count { gone.append(try ended(number)) }
        let after = try Holdings.now(after: before)
        let namespaces = gone.reduce(into: Set()) { $0.formUnion($1.namespaces) }
        print("namespaces \(namespaces.count), left \(try left(of: gone))")
        print(before == after ? "holds the same: \(after)" : "held \(before), holds \(after)")
    }

    /// What a container had, and when it was gone.
    private struct Gone {
        var namespaces: Set<String>
        /// Hundredths of a second after boot, as processes' start times are given.
        var at: UInt64
    }

    private func ended(_ number: Int) throws -> Gone {
        let namespaces = try one(number)
        let uptime = try TextFile.read("/proc/uptime").prefix { $0 != " " }
        return Gone(namespaces: namespaces, at: UInt64((Double(uptime) ?? 0) * 100))
    }

    /// Starts a container, ends it in one of ten ways, and gives the namespaces it had.
    private func one(_ number: Int) throws -> Set<String> {
        let id = ContainerID(number: KernelRandom.number())
        switch number % 10 {
        case 0: return try ended(try launch(request(id, ["sleep", "600"])), joined: true)
        case 1: return try ended(try launch(request(id, ["sleep", "600"])), joined: false)
        case 2: return try refused(request(id, ["/bin/nothing"]), "launch.program-not-found")
        case 3:
            var bad = request(id, ["true"])
            bad.process.workingDirectory = "/etc/passwd/x"
            return try refused(bad, "launch.step-failed")
        case 4:
            var monitored = request(id, ["sleep", "600"])
            monitored.isolation.hasInit = false
            return try ended(try launch(monitored), joined: true)
        case 5:
            let running = try launch(request(id, ["sleep", "600"]))
            let namespaces = try self.namespaces(of: running)
            try containerizer.remove(id, force: true)
            // Nobody waited for it, and it is our child: until it is reaped its number stays taken.
            _ = try running.process.reap()
            return namespaces
        case 6:
            var paused = request(id, ["sleep", "600"])
            paused.process.terminal = TerminalRequest()
            let running = try launch(paused)
            try containerizer.pause(id)
            return try ended(running, joined: false)
        default:
            var brief = request(id, ["true"])
            brief.removeAtEnd = true
            let running = try launch(brief)
            _ = try containerizer.wait(for: id, running: running)
            return []
        }
    }

    private func ended(_ running: RunningContainer, joined: Bool) throws -> Set<String> {
        let id = running.record.request.id
        let namespaces = try self.namespaces(of: running)
        if joined { _ = try exec(id) }
        try containerizer.kill(id, signal: 9)
        _ = try containerizer.wait(for: id, running: running)
        try containerizer.remove(id, force: false)
        return namespaces
    }

    private func exec(_ id: ContainerID) throws -> Int32 {
        let output = try OwnedDescriptor.pipe()
        return try containerizer.exec(
            id, ProcessRequest(arguments: ["true"], environment: ["PATH=/bin"]),
            attachment: Attachment(streams: [1: output.write, 2: output.write])
        ).wait()
    }

    private func refused(_ request: ContainerRequest, _ code: Failure.Code) throws -> Set<String> {
        do {
            _ = try launch(request)
            print("\(request.process.arguments) ran")
        } catch {
            if (error as? Failure)?.code != code { throw error }
        }
        return []
    }

    private static let kinds = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"]

    private func namespaces(of running: RunningContainer) throws -> Set<String> {
        let id = running.process.id
        let children = try TextFile.read("/proc/\(id)/task/\(id)/children").split(separator: " ")
        let paths = [String(id)] + children.map(String.init)
        let ours = Set(Self.kinds.compactMap { HostFacts.linkTarget("/proc/self/ns/\($0)") })
        return Set(paths.flatMap { path in Self.kinds.compactMap { HostFacts.linkTarget("/proc/\(path)/ns/\($0)") } })
            .subtracting(ours)
    }

    /// How many processes are left of what is gone. Numbers of namespaces are given again, and other tests run
    /// containers too: one of ours is in several of one container's at once, and began before that container was gone.
    private func left(of gone: [Gone]) throws -> Int {
        var found = 0
        for process in try OwnedDescriptor.open("/proc", [.directory]).entries() {
            guard let number = Int32("\(process.name)"), let began = try ProcessFacts.startTime(of: number) else {
                continue
            }
            let its = Self.kinds.compactMap { HostFacts.linkTarget("/proc/\(number)/ns/\($0)") }
            guard its.count == Self.kinds.count else { continue }
            if gone.contains(where: { began < $0.at && $0.namespaces.isSuperset(of: its) }) { found += 1 }
        }
        return found
    }
}
