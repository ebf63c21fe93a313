import Containers
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer

/// One runtime over a store and a state directory, and the containers it was told to leave running.
struct BenchmarkSession {
    private let containerizer: NativeContainerizer
    /// The same, with namespaces that are made ahead.
    private let pooled: NativeContainerizer
    private let layer: String
    private var running: [RunningContainer] = []

    /// `layer` is the one layer of the root file system, below `store`.
    init(layer: String, store: String, state: String) throws {
        let places = Places(volatile: state, store: store)
        guard let launcher = ProcessEnvironment.value("BULKHEAD_LAUNCHER") else {
            throw Failure(
                "benchmark.no-launcher", doing: "find the launcher", cause: "BULKHEAD_LAUNCHER does not name it")
        }
        self.layer = layer
        let host = HostProbe.abilities()
        containerizer = NativeContainerizer(places: places, launcherPath: launcher, host: host)
        pooled = NativeContainerizer(
            places: places, launcherPath: launcher, host: host, namespacePool: NamespacePool.usualSize)
        try containerizer.records.prepare()
    }

    /// Carries out one order and gives the line that answers it.
    mutating func obey(_ words: [String]) throws -> String {
        let count = words.count > 1 ? Int(words[1]) ?? 1 : 1
        switch words.first {
        case "launch": return times(try timed(count) { try launch(containerizer) })
        case "warm": return try warm(count)
        case "together", "pooled":
            return try together(
                count, by: words.count > 2 ? Int(words[2]) ?? 1 : 1, words[0] == "pooled" ? pooled : containerizer)
        case "start": return "{\"processes\": [\(try start(count))]}"
        case "exec": return times(try timed(count) { try join() })
        case "stop": return try stop()
        default:
            throw Failure(
                "benchmark.unknown-order", doing: "obey", on: words.joined(separator: " "), cause: "it is unknown")
        }
    }

    private func times(_ seconds: [Double]) -> String {
        "{\"microseconds\": [\(seconds.map { String(Int(($0 * 1e6).rounded())) }.joined(separator: ", "))]}"
    }

    private func timed(_ count: Int, _ body: () throws -> Void) rethrows -> [Double] {
        var result: [Double] = []
        for _ in 0..<count {
            let before = HostFacts.monotonicClock()
            try body()
            result.append(HostFacts.monotonicClock() - before)
        }
        return result
    }

    private func request(_ arguments: [String], removeAtEnd: Bool) -> ContainerRequest {
        let id = ContainerID(number: KernelRandom.number())
        var request = ContainerRequest(
            id: id, name: id.text, image: ImageIdentity(reference: "busybox", digest: "sha256:0"),
            process: ProcessRequest(arguments: arguments, environment: ["PATH=/bin"]), removeAtEnd: removeAtEnd)
        request.isolation.capabilities = CapabilitySet.rootDefault.rawValue
        return request
    }

    /// Each when as many namespaces are there as may be.
    private func warm(_ count: Int) throws -> String {
        times(
            try (0..<count).flatMap { _ in
                guard pooled.namespaces?.awaitFull() == NamespacePool.usualSize else {
                    throw Failure("benchmark.no-pool", doing: "make namespaces ahead", cause: "fewer were made")
                }
                return try timed(1) { try launch(pooled) }
            })
    }

    private func launch(_ containerizer: NativeContainerizer) throws {
        let request = request(["/bin/true"], removeAtEnd: true)
        let running = try containerizer.launch(request, layers: [layer], attachment: Attachment())
        let exit = try containerizer.wait(for: request.id, running: running)
        guard exit.code == 0 else { throw Failure("benchmark.failed", doing: "run true", cause: exit.message) }
    }

    private func together(_ count: Int, by hands: Int, _ containerizer: NativeContainerizer) throws -> String {
        let (session, failures) = (self, Monitor<[String]>([]))
        let before = HostFacts.monotonicClock()
        let threads = try (0..<hands).map { hand in
            try WorkerThread {
                for _ in stride(from: hand, to: count, by: hands) {
                    do { try session.launch(containerizer) } catch { failures.withLock { $0.append("\(error)") } }
                }
            }
        }
        for thread in threads { thread.join() }
        let seconds = HostFacts.monotonicClock() - before
        if let failure = failures.withLock({ $0.first }) {
            throw Failure("benchmark.failed", doing: "launch together", cause: failure)
        }
        return times([seconds])
    }

    private mutating func start(_ count: Int) throws -> String {
        for _ in 0..<count {
            running.append(
                try containerizer.launch(
                    request(["/bin/sleep", "86400"], removeAtEnd: true), layers: [layer], attachment: Attachment()))
        }
        return running.suffix(count).map { String($0.process.id) }.joined(separator: ", ")
    }

    private func join() throws {
        guard let container = running.first else {
            throw Failure("benchmark.nothing-runs", doing: "exec", cause: "nothing was started")
        }
        let (out, error) = (try OwnedDescriptor.pipe(), try OwnedDescriptor.pipe())
        let joined = try containerizer.exec(
            container.record.request.id, ProcessRequest(arguments: ["/bin/true"], environment: ["PATH=/bin"]),
            attachment: Attachment(streams: [1: out.write, 2: error.write]))
        guard try joined.wait() == 0 else { throw Failure("benchmark.failed", doing: "exec true", cause: "it failed") }
    }

    /// Gives back what is held for launches to come.
    func end() throws { try pooled.namespaces?.end() }

    mutating func stop() throws -> String {
        for container in running {
            _ = try container.process.signal(9)
            _ = try containerizer.wait(for: container.record.request.id, running: container)
        }
        let count = running.count
        running = []
        return "{\"stopped\": \(count)}"
    }
}
