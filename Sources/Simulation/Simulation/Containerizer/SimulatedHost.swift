import Containers
public import Determinism
import Diagnostics
import Synchronization

/// The machine on which simulated containers run, and what of it outlives the agent: processes, and what is written
/// down about containers, apart for each installation.
public final class SimulatedHost: Sendable {
    /// What the containers' volumes and output files are kept in: the real directories of whoever asks, or none.
    public struct Files: Sendable {
        /// Appends; makes the file when it is not there. False: it cannot be written.
        var append: @Sendable ([UInt8], String) -> Bool
        var exists: @Sendable (String) -> Bool
        public init(
            append: @escaping @Sendable ([UInt8], String) -> Bool, exists: @escaping @Sendable (String) -> Bool
        ) {
            self.append = append
            self.exists = exists
        }
    }

    struct Installation: Sendable {
        var containers = SimulatedContainers()
        var processes: [ContainerID: SimulatedProcess] = [:]
    }
    private let installations = Mutex<[String: Installation]>([:])
    let files: Files
    let clock: @Sendable () -> Instant

    /// - Parameter clock: of the machine; it is asked when something begins or ends.
    public init(files: Files, clock: @escaping @Sendable () -> Instant) {
        self.files = files
        self.clock = clock
    }

    func with<Result: Sendable>(_ name: String, _ body: (inout Installation) throws -> Result) rethrows -> Result {
        try installations.withLock { installations in try body(&installations[name, default: Installation()]) }
    }

    /// Above any number that a real system gives, so that nobody takes one for a process of theirs.
    static let processBase: Int32 = 1 << 24

    /// Whether the process that a container's view names is there still. Each installation has numbers of its own.
    public func isAlive(_ process: Int32, of installation: String) -> Bool {
        with(installation) { installation in
            installation.containers.entries.values.contains {
                $0.exit == nil && SimulatedHost.processBase + $0.pid == process
            }
        }
    }
}
