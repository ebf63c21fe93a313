import ClusterModel
import CommandOutput
import Diagnostics

/// How a task ended, as an exit status and, when there is something to say, a sentence.
struct TaskOutcome: Hashable, Sendable {
    static let codeLabel = "bulkhead.exit-code"

    var status: Int32
    var sentence: String?

    init(status: Int32, sentence: String?) {
        self.status = status
        self.sentence = sentence
    }

    init(_ update: StatusUpdate) {
        let code = update.labels.first { $0.key == Self.codeLabel }?.value.flatMap { Int32($0) }
        // Executors write messages as they like.
        let why = Untrusted.shown(update.message ?? update.reason?.rawValue ?? update.state.rawValue)
        switch update.state {
        case .finished: (status, sentence) = (code ?? 0, nil)
        case .failed where code != nil && update.reason == .commandExecutorFailed:
            // Its own exit code says it, as with any program.
            (status, sentence) = (code ?? ErrorReport.ownStatus, nil)
        case .killed: (status, sentence) = (code ?? 137, "the task was killed: \(why)")
        case .failed: (status, sentence) = (code ?? ErrorReport.ownStatus, "the task failed: \(why)")
        default: (status, sentence) = (ErrorReport.ownStatus, "the task is lost (\(update.state.word)): \(why)")
        }
        // A task that ended well and was then found to have broken a limit did not end well.
        if update.state != .finished, status == 0 { status = ErrorReport.ownStatus }
    }
}

/// What agents say of tasks that begin to run: which limits their hosts do not hold. Each of it once, however many
/// tasks are told of, and however often.
struct RunningRemarks: Sendable {
    private var said: Set<String> = []

    /// Nil when there is nothing new. An update with a reason tells of a check, or answers a question of the master's.
    mutating func sentence(_ update: StatusUpdate) -> String? {
        guard update.state == .running, update.reason == nil, let message = update.message, !message.isEmpty,
            said.insert(message).inserted
        else { return nil }
        return Untrusted.shown(message)
    }
}

extension TaskState {
    /// `running` for TASK_RUNNING.
    var word: String { rawValue.dropFirst("TASK_".count).lowercased().cut(at: "_").joined(separator: " ") }
}
