/// How far a task has come. The raw values are the protocol's names.
public enum TaskState: String, Sendable, CaseIterable {
    case staging = "TASK_STAGING"
    case starting = "TASK_STARTING"
    case running = "TASK_RUNNING"
    case killing = "TASK_KILLING"
    case finished = "TASK_FINISHED"
    case failed = "TASK_FAILED"
    case killed = "TASK_KILLED"
    case error = "TASK_ERROR"
    case lost = "TASK_LOST"
    case dropped = "TASK_DROPPED"
    case unreachable = "TASK_UNREACHABLE"
    case gone = "TASK_GONE"
    case goneByOperator = "TASK_GONE_BY_OPERATOR"
    case unknown = "TASK_UNKNOWN"

    /// Nothing follows: the task will not run any more and its resources are free.
    public var isTerminal: Bool {
        switch self {
        case .finished, .failed, .killed, .error, .lost, .dropped, .gone: true
        case .staging, .starting, .running, .killing, .unreachable, .goneByOperator, .unknown: false
        }
    }

    /// What a framework without PARTITION_AWARE is told in its place.
    public var withoutPartitions: TaskState {
        switch self {
        case .dropped, .unreachable, .gone, .goneByOperator, .unknown: .lost
        default: self
        }
    }
}
