/// What has happened since the agent was started; only grows.
public struct AgentCounters: Hashable, Sendable {
    public internal(set) var tasksStaged: UInt64 = 0
    public internal(set) var tasksFinished: UInt64 = 0
    public internal(set) var tasksFailed: UInt64 = 0
    public internal(set) var tasksKilled: UInt64 = 0
    public internal(set) var tasksLost: UInt64 = 0
    public internal(set) var tasksGone: UInt64 = 0
    public internal(set) var executorsTerminated: UInt64 = 0
    public internal(set) var validUpdates: UInt64 = 0
    public internal(set) var invalidUpdates: UInt64 = 0
    public internal(set) var validMessages: UInt64 = 0
    public internal(set) var invalidMessages: UInt64 = 0
    public internal(set) var launchFailures: UInt64 = 0
    public internal(set) var fetchesSucceeded: UInt64 = 0
    public internal(set) var fetchesFailed: UInt64 = 0
    public internal(set) var destroyFailures: UInt64 = 0
    public internal(set) var recoveryErrors: UInt64 = 0
    public internal(set) var storeFailures: UInt64 = 0
    public internal(set) var pathsCollected: UInt64 = 0
    public internal(set) var pathsNotCollected: UInt64 = 0

    public init() {}
}
