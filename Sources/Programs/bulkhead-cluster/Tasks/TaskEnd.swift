import ClusterAPI
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics
import Logging
import SchedulerKit

/// Whether a task has ended, as the master knows it.
struct TaskEnd: Sendable {
    let client: ClusterClient
    let task: TaskID

    /// How long an end the master knows of waits for the update that says more.
    private static let updatePatience = Duration.seconds(15)

    func update() async throws(Failure) -> StatusUpdate? {
        let found = try await view()
        guard found.state.isTerminal else { return nil }
        return Self.end(in: found.statuses, of: found.state)
    }

    private func view() async throws(Failure) -> TaskView {
        let view = try await client.tasks()
        guard let found = (view.tasks + view.unreachable + view.completed).first(where: { $0.id == task }) else {
            throw Failure(
                "cluster.not-found", doing: "find the task", on: task.text,
                cause: "the master has forgotten how it ended", remedy: "see 'bulkhead task ls --all'")
        }
        return found
    }

    /// The agent names the latest state with every update. The update of the end itself waits until the framework has
    /// acknowledged those before it: without it the state is known, and the reason of the last one.
    static func end(in statuses: [StatusUpdate], of state: TaskState) -> StatusUpdate? {
        if let end = statuses.last(where: { $0.state == state }) { return end }
        var last = statuses.last
        last?.state = state
        return last
    }

    /// A master that cannot be asked right now does not end anything.
    func hasCome() async -> Bool {
        do throws(Failure) { return try await update() != nil } catch { return error.retry == .never }
    }

    /// A framework of ours that only waited for this task ends with it; nobody else's does.
    func retire(_ framework: FrameworkID) async throws(Failure) {
        let state = try await client.state()
        let found = state.frameworks.frameworks.first { $0.info.id == framework }
        guard let found, found.isDetached,
            !state.tasks.tasks.contains(where: { $0.framework == framework && !$0.state.isTerminal })
        else { return }
        try await client.change(.teardown(framework))
    }

    /// Waits for it.
    func wait(every interval: Duration = .milliseconds(300)) async throws(Failure) -> StatusUpdate {
        let heir = await FrameworkHeir(client, of: try await view())
        do throws(Failure) {
            let update = try await wait(with: heir, every: interval)
            await heir?.leave()
            return update
        } catch {
            await heir?.leave()
            throw error
        }
    }

    private func wait(with heir: FrameworkHeir?, every interval: Duration) async throws(Failure) -> StatusUpdate {
        var known: ContinuousClock.Instant?
        while true {
            if let update = heir?.end { return update }
            let found = try await view()
            if found.state.isTerminal {
                let isTold = found.statuses.contains { $0.state == found.state }
                let since = known ?? ContinuousClock.now
                known = since
                let isLate = heir == nil || ContinuousClock.now - since > Self.updatePatience
                if isTold || isLate, let update = Self.end(in: found.statuses, of: found.state) { return update }
            }
            do { try await Task.sleep(for: interval) } catch {
                throw Failure("task.wait-ended", doing: "wait for the task", on: task.text, cause: "we were stopped")
            }
        }
    }
}

extension FrameworkView {
    /// One of `task run` that nobody plays at the moment.
    var isDetached: Bool {
        !isConnected && info.labels.contains { $0.key == TaskSession.frameworkLabel }
    }
}
