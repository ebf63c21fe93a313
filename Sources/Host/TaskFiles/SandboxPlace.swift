public import ClusterModel
public import Containers

/// Where one container's sandbox is, in the layout executors and operators know: below the agent's work directory
/// `slaves/S/frameworks/F/executors/E/runs/C`, and for a container inside that one `containers/N` below it.
public struct SandboxPlace: Hashable, Sendable {
    public var agent: AgentID
    public var framework: FrameworkID
    public var executor: ExecutorID
    public var container: ContainerID
    /// Containers inside, outermost first.
    public var nested: [ContainerID]

    public init(
        agent: AgentID, framework: FrameworkID, executor: ExecutorID, container: ContainerID, nested: [ContainerID] = []
    ) {
        self.agent = agent
        self.framework = framework
        self.executor = executor
        self.container = container
        self.nested = nested
    }

    /// Names below the work directory. Identifiers hold no `/` and are neither `.` nor `..`, so each is one name.
    public var components: [String] {
        ["slaves", agent.text, "frameworks", framework.text, "executors", executor.text, "runs", container.text]
            + nested.flatMap { ["containers", $0.text] }
    }

    public var relativePath: String { components.joined(separator: "/") }
}
