import ClusterAPI
import ClusterClient
import ClusterModel
import Diagnostics
import Logging
import SchedulerKit
import Synchronization

/// Plays a framework that `task run --detach` has left behind while somebody waits for its task. Updates are told one
/// after the other, each when the one before has been acknowledged: nobody else would, so the end of a task whose
/// health has changed before would be told late or never.
final class FrameworkHeir: Sendable {
    private let client: ClusterClient
    private let framework: FrameworkID
    private let scheduler: Scheduler
    private let state: Mutex<(end: StatusUpdate?, reading: Task<Void, Never>?)>

    private static let patience = Duration.seconds(10)

    /// Nil for a framework that is not ours, or is played by somebody.
    init?(_ client: ClusterClient, of task: TaskView) async {
        let found: FrameworkView?
        do throws(Failure) {
            found = try await client.frameworks().frameworks.first { $0.info.id == task.framework }
        } catch {
            // Whoever may not see frameworks waits without playing one.
            return nil
        }
        guard let found, found.isDetached else { return nil }
        var settings = FrameworkSettings(name: found.info.name)
        settings.framework = FrameworkRequest(found.info, isNew: false)
        settings.suppressedRoles = found.info.roles
        settings.reconnection.giveUpAfter = Self.patience
        var logger = Logger(label: "bulkhead.task")
        logger.logLevel = .critical
        let scheduler = Scheduler(settings, master: client, logger: logger)
        self.client = client
        framework = found.info.id
        self.scheduler = scheduler
        state = Mutex((nil, nil))
        let id = task.id
        let reading = Task { [weak self] in
            do throws(Failure) {
                for try await event in scheduler.events {
                    guard case .update(let update) = event, update.task == id, update.state.isTerminal else { continue }
                    self?.state.withLock { $0.end = update }
                }
            } catch {
                // Another has taken it over, or the master is away: what the master knows is still asked for.
                return
            }
        }
        state.withLock { $0.reading = reading }
    }

    var end: StatusUpdate? { state.withLock { $0.end } }

    /// Its tasks go on as they did before. Returns when the master knows that nobody plays it any more.
    func leave() async {
        await scheduler.stop()
        state.withLock { $0.reading }?.cancel()
        let deadline = ContinuousClock.now + Self.patience
        do {
            while ContinuousClock.now < deadline,
                try await client.frameworks().frameworks.contains(where: { $0.info.id == framework && $0.isConnected })
            {
                try await Task.sleep(for: .milliseconds(50))
            }
        } catch {
            // Then nobody can be told anything either.
            return
        }
    }
}
