/// The commands that `bulkhead` hands over to `bulkhead-cluster`, in the order people see them.
public enum ClusterCommand: String, CaseIterable, Sendable {
    case local, master, agent, task, framework, quota, weights, reserve, unreserve, volume, maintenance, state, simulate

    public var abstract: String {
        switch self {
        case .local: "Run a master and an agent in one process: a cluster of this machine."
        case .master: "Run a master: it knows the cluster and offers its resources to frameworks."
        case .agent: "Run an agent on this machine; list, drain and look after agents."
        case .task: "Run tasks on the cluster; follow, enter and end them."
        case .framework: "List frameworks, and end one with all its tasks."
        case .quota: "Show and set what a role is guaranteed and limited to."
        case .weights: "Show and set how much of the cluster roles get of what all want."
        case .reserve: "Keep resources of an agent for a role."
        case .unreserve: "Give reserved resources back to everybody."
        case .volume: "Make and remove persistent volumes on reserved disk."
        case .maintenance: "Plan when machines are taken down, and take them down."
        case .state: "Show what the master knows."
        case .simulate: "Play whole clusters, with crashes and partitions, from seeds."
        }
    }

    /// Whether words of a command line, global options taken away, are for the other program.
    public static func takes(_ command: [String], _ rest: [String]) -> Bool {
        guard let first = command.first else { return false }
        if first == "help" { return rest.first.flatMap(Self.init(rawValue:)) != nil }
        return Self(rawValue: first) != nil
    }
}
