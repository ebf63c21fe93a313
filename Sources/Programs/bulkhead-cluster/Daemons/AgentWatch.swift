import CommandOutput
import Diagnostics
import LinuxKernel
import Logging

/// Keeps an agent running until we are asked to end: one that its master has shut down (its machine is down for
/// maintenance, or an operator gave it up) begins anew, and is admitted when the master takes it again.
actor AgentWatch {
    private let daemon: AgentDaemon
    private let logger: Logger
    private var running: AgentDaemon.Running?
    private var watching: Task<Void, Never>?
    private var isEnding = false

    /// Between an end and the next beginning.
    private static let pause = Duration.seconds(1)

    /// - Throws: why the agent does not start at all.
    static func start(_ daemon: AgentDaemon, _ logger: Logger) async throws(Failure) -> AgentWatch {
        let watch = AgentWatch(daemon, logger)
        try await watch.begin()
        await watch.watch()
        return watch
    }

    private init(_ daemon: AgentDaemon, _ logger: Logger) {
        self.daemon = daemon
        self.logger = logger
    }

    var address: String { running?.address ?? "" }

    private func begin() async throws(Failure) { running = try await daemon.start(logger) }

    private func watch() {
        watching = Task {
            do {
                while let running {
                    try await running.service.wait()
                    guard !isEnding else { return }
                    logger.notice("the agent has ended by its master's word; it begins anew")
                    self.running = nil
                    try await running.stop()
                    try await Task.sleep(for: Self.pause)
                    guard !isEnding else { return }
                    try await begin()
                }
            } catch {
                guard !isEnding else { return }
                // Without an agent nobody has use for this process: whoever supervises it starts it anew.
                Console.note("bulkhead: \(error)")
                CurrentProcess.exit(ErrorReport.ownStatus)
            }
        }
    }

    /// Containers run on.
    func stop() async throws {
        isEnding = true
        watching?.cancel()
        try await running?.stop()
        await watching?.value
    }
}
