public import ClusterModel
public import Determinism

/// The answer to a call that looks.
public enum OperatorResponse: Hashable, Sendable {
    case process(ProcessResponse)
    case state(StateView)
    case agents(AgentsView)
    case frameworks(FrameworksView)
    case executors([ExecutorView])
    case operations([OperationView])
    case tasks(TasksView)
    case roles([RoleView])
    case weights([RoleWeight])
    case master(MasterView)
    case maintenanceStatus(MaintenanceStatus)
    case maintenanceSchedule(MaintenanceSchedule)
    case quota(QuotaStatus)
}

/// Everything at one moment.
public struct StateView: Hashable, Sendable {
    public var tasks: TasksView
    public var executors: [ExecutorView]
    public var frameworks: FrameworksView
    public var agents: AgentsView

    public init(
        tasks: TasksView = TasksView(), executors: [ExecutorView] = [], frameworks: FrameworksView = FrameworksView(),
        agents: AgentsView = AgentsView()
    ) {
        self.tasks = tasks
        self.executors = executors
        self.frameworks = frameworks
        self.agents = agents
    }
}

/// The agents.
public struct AgentsView: Hashable, Sendable {
    public var agents: [AgentView]
    /// Known from the registry, not heard of since the master began to lead.
    public var recovered: [AgentInfo]

    public init(agents: [AgentView] = [], recovered: [AgentInfo] = []) {
        self.agents = agents
        self.recovered = recovered
    }
}

/// The frameworks.
public struct FrameworksView: Hashable, Sendable {
    public var frameworks: [FrameworkView]
    public var completed: [FrameworkView]

    public init(frameworks: [FrameworkView] = [], completed: [FrameworkView] = []) {
        self.frameworks = frameworks
        self.completed = completed
    }
}

/// The tasks.
public struct TasksView: Hashable, Sendable {
    public var tasks: TaskListing
    /// On agents that have not been heard of.
    public var unreachable: TaskListing
    public var completed: TaskListing

    public init(tasks: [TaskView] = [], unreachable: [TaskView] = [], completed: [TaskView] = []) {
        self.tasks = TaskListing(tasks)
        self.unreachable = TaskListing(unreachable)
        self.completed = TaskListing(completed)
    }
}

/// A role that has frameworks, resources, a weight or quota, or is above one that has.
public struct RoleView: Hashable, Sendable {
    public var name: RoleName
    public var weight: Double
    /// In the role itself.
    public var frameworks: [FrameworkID]
    /// Given or offered to the role and to those below it.
    public var allocated: Quantities

    public init(name: RoleName, weight: Double = 1, frameworks: [FrameworkID] = [], allocated: Quantities = .none) {
        self.name = name
        self.weight = weight
        self.frameworks = frameworks
        self.allocated = allocated
    }
}

/// The master that leads.
public struct MasterView: Hashable, Sendable {
    public var info: MasterInfo
    public var startedAt: Instant
    public var electedAt: Instant?

    public init(info: MasterInfo, startedAt: Instant, electedAt: Instant? = nil) {
        self.info = info
        self.startedAt = startedAt
        self.electedAt = electedAt
    }
}

/// What operators have set.
public struct QuotaStatus: Hashable, Sendable {
    public var configs: [QuotaConfig]

    public init(_ configs: [QuotaConfig] = []) {
        self.configs = configs
    }
}

/// Machines that are or will be away.
public struct MaintenanceStatus: Hashable, Sendable {
    /// A machine in the schedule, and what frameworks said to the offers to give it back.
    public struct Draining: Hashable, Sendable {
        public var machine: MachineID
        public var answers: [Answer]

        public init(machine: MachineID, answers: [Answer] = []) {
            self.machine = machine
            self.answers = answers
        }
    }
    public struct Answer: Hashable, Sendable {
        public var framework: FrameworkID
        public var agent: AgentID?
        public var word: Word
        public var at: Instant

        public init(framework: FrameworkID, agent: AgentID? = nil, word: Word, at: Instant) {
            self.framework = framework
            self.agent = agent
            self.word = word
            self.at = at
        }
    }

    public enum Word: String, Sendable, CaseIterable {
        case unknown = "UNKNOWN"
        case accepted = "ACCEPT"
        case declined = "DECLINE"
    }
    public var draining: [Draining]
    public var down: [MachineID]

    public init(draining: [Draining] = [], down: [MachineID] = []) {
        self.draining = draining
        self.down = down
    }
}
