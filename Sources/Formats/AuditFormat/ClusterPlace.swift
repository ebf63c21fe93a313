/// Where in a cluster something that was audited is, and whose it is.
public struct ClusterPlace: Codable, Hashable, Sendable {
    /// The agent's id.
    public var agent: String
    /// How the cluster calls the agent's machine.
    public var host: String
    public var framework: String?
    public var executor: String?
    public var task: String?

    public init(
        agent: String, host: String, framework: String? = nil, executor: String? = nil, task: String? = nil
    ) {
        self.agent = agent
        self.host = host
        self.framework = framework
        self.executor = executor
        self.task = task
    }

    /// With names, as labels want them; what is not known is left out.
    var members: [(name: String, value: String)] {
        let owner = [("framework", framework), ("executor", executor), ("task", task)]
        return [("agent", agent), ("host", host)] + owner.compactMap { name, value in value.map { (name, $0) } }
    }

    /// For people: `task web of framework F on agent S0 (rack7)`.
    var text: String {
        var parts: [String] = []
        if let task { parts.append("task \(task)") } else if let executor { parts.append("executor \(executor)") }
        if let framework { parts.append("of framework \(framework)") }
        parts.append("on agent \(agent) (\(host))")
        return parts.joined(separator: " ")
    }
}
