import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics

/// What a task has written, as its agent keeps it.
struct TaskFiles: Sendable {
    enum Stream: String, Sendable {
        case output = "stdout"
        case error = "stderr"
        /// Our own descriptor of the same meaning.
        var number: Int32 { self == .output ? 1 : 2 }
    }
    var framework: FrameworkID
    var task: TaskID
    /// Nil: the task is its own container, found under its own name.
    var executor: ExecutorID?

    func path(_ stream: Stream) -> String {
        let run = "/frameworks/\(framework)/executors/\(executor?.text ?? task.text)/runs/latest"
        return executor == nil ? "\(run)/\(stream.rawValue)" : "\(run)/tasks/\(task)/\(stream.rawValue)"
    }

    /// Passes the stream on to ours until `isOver` and everything has been said. A stream that is not there, because
    /// the task never started, says nothing. A failure goes to `onFailure` before it is returned: `isOver` may be long
    /// in coming for the other stream.
    func copy(
        _ stream: Stream, from agent: AgentClient, start: UInt64 = 0,
        to output: InstanceOutput = InstanceOutput(prefix: nil),
        onFailure: @escaping @Sendable (Failure) async -> Void = { _ in },
        until isOver: @escaping @Sendable () async -> Bool
    ) async -> Failure? {
        do throws(Failure) {
            for try await piece in agent.follow(path(stream), from: start, every: .milliseconds(100), until: isOver) {
                try output.write(piece, to: stream.number)
            }
            return nil
        } catch {
            if error.code == "client.not-found" { return nil }
            await onFailure(error)
            return error
        }
    }

    /// Both, until `isOver`.
    func copy(
        from agent: AgentClient, starts: [Stream: UInt64] = [:], to output: InstanceOutput,
        onFailure: @escaping @Sendable (Failure) async -> Void,
        until isOver: @escaping @Sendable () async -> Bool
    ) async -> Failure? {
        async let second = copy(
            .error, from: agent, start: starts[.error] ?? 0, to: output, onFailure: onFailure, until: isOver)
        let failure = await copy(
            .output, from: agent, start: starts[.output] ?? 0, to: output, onFailure: onFailure, until: isOver)
        let other = await second
        do throws(Failure) { try output.finish() } catch {
            await onFailure(error)
            return failure ?? other ?? error
        }
        return failure ?? other
    }
}
