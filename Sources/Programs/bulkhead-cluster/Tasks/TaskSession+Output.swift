import ClusterAPI
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel
import Synchronization

/// What tasks say, and what is typed to one.
extension TaskSession {
    func streaming(_ update: StatusUpdate, _ resizes: AsyncStream<Void>) -> Task<Failure?, Never>? {
        guard let instance = instances[update.task], let agent = update.agent ?? instance.agent else { return nil }
        let files = TaskFiles(framework: update.framework, task: update.task, executor: update.executor)
        let (client, task, output) = (client, update.task, instance.output)
        let isTyped = manner.isInteractive || manner.hasTerminal
        let container = isTyped && update.state == .running ? instance.container : nil
        return Task { [weak self] () -> Failure? in
            do throws(Failure) {
                let agent = try await client.agent(agent)
                var starts: [TaskFiles.Stream: UInt64] = [:]
                if let self, let container {
                    switch try await self.typed(agent, container, resizes) {
                    case .detached: return nil
                    case .shown(let bytes): starts = bytes
                    }
                }
                // A stream that broke, or a task too quick for one: the rest is in the files.
                return await files.copy(
                    from: agent, starts: starts, to: output,
                    onFailure: { [weak self] failure in await self?.cannotShow(failure, of: task) },
                    until: { [weak self] in await self?.hasEnded(task) != false })
            } catch {
                await self?.cannotShow(error, of: task)
                return error
            }
        }
    }

    /// What the task says cannot be written to our own streams, and it may go on for long: known at once.
    private func cannotShow(_ failure: Failure, of task: TaskID) async {
        switch failure.code {
        case Console.readerGone:
            // As in a pipeline: who writes to nobody is told so.
            guard let instance = instances[task], instance.isUnderWay else { return }
            await pass(SignalNumber.brokenPipe, to: instance)
        case Console.unwritable: outputIsLost(failure)
        default: return
        }
    }

    private enum Typed: Sendable {
        case detached
        /// So much has been shown already.
        case shown([TaskFiles.Stream: UInt64])
    }

    private func typed(
        _ agent: AgentClient, _ container: ContainerPath, _ resizes: AsyncStream<Void>
    ) async throws(Failure) -> Typed {
        let count = ShownBytes()
        var streams = SessionStreams(
            agent: agent, container: container, interactive: manner.isInteractive, terminal: manner.hasTerminal)
        streams.detachKeys = manner.detachKeys
        streams.resizes = resizes
        streams.shown = { count.add($0, to: $1) }
        do throws(Failure) {
            if case .detached = try await streams.follow(
                try await agent.attachOutput(of: container, fromBeginning: true))
            {
                try await detached()
                return .detached
            }
        } catch {
            if [Console.unwritable, Console.readerGone].contains(error.code) { throw error }
            if error.code != "client.not-found" { Console.note("bulkhead: \(error)") }
        }
        return .shown(count.all)
    }
}

private final class ShownBytes: Sendable {
    private let counts = Mutex<[TaskFiles.Stream: UInt64]>([:])
    var all: [TaskFiles.Stream: UInt64] { counts.withLock { $0 } }
    func add(_ bytes: Int, to stream: Int32) {
        counts.withLock { $0[stream == 2 ? .error : .output, default: 0] += UInt64(bytes) }
    }
}
