import ClusterModel

/// What has ended here, for those who look; bounded, and forgotten with the agent's program.
struct CompletedWork: Sendable {
    private(set) var tasks: [TaskRun] = []
    private(set) var executors: [ExecutorSpec] = []
    private(set) var frameworks: [FrameworkInfo] = []

    static let tasksMax = 1_000
    static let executorsMax = 150
    static let frameworksMax = 50

    mutating func add(_ task: TaskRun) {
        tasks.append(task)
        if tasks.count > Self.tasksMax { tasks.removeFirst(tasks.count - Self.tasksMax) }
    }

    mutating func add(_ executor: ExecutorSpec) {
        executors.append(executor)
        if executors.count > Self.executorsMax { executors.removeFirst() }
    }

    mutating func add(_ framework: FrameworkInfo) {
        frameworks.removeAll { $0.id == framework.id }
        frameworks.append(framework)
        if frameworks.count > Self.frameworksMax { frameworks.removeFirst() }
    }
}
