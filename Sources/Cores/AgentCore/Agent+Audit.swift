public import ClusterModel
public import Containers

/// A container that runs, for whoever audits the machine.
public struct AuditedContainer: Sendable {
    public var id: ContainerID
    public var path: ContainerPath
    public var framework: FrameworkID?
    public var executor: ExecutorID?
    public var task: TaskID?
    /// Its first process on this host, where the containerizer has told.
    public var process: Int32?
    /// What the agent asked for, by its records.
    public var launch: ContainerLaunch
}

extension Agent {
    /// Everything that runs, in the order in which it came.
    public var auditedContainers: [AuditedContainer] {
        state.containers.values.compactMap { run in
            guard case .launched(_, let running) = run.phase else { return nil }
            let owner = owner(of: run)
            return AuditedContainer(
                id: run.id, path: run.path, framework: owner?.framework, executor: owner?.executor,
                task: task(of: run), process: running.pid, launch: run.launch)
        }
    }

    /// Whose a container is; nil: an operator's, or nobody's any more.
    public func framework(of container: ContainerID) -> FrameworkInfo? {
        state.containers[container].flatMap { owner(of: $0) }.flatMap { state.frameworks[$0.framework]?.info }
    }

    private func task(of run: ContainerRun) -> TaskID? {
        if case .task(let key) = run.purpose { return key.task }
        return nil
    }
}
