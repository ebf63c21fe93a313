import Authorization
import ClusterModel

/// Whom the programs of a task may run as, and whether whoever launches it may have them run so.
extension MasterCore {
    /// Why `principal` may not run these tasks; nil when it may run all of them.
    func refusedUser(of tasks: [TaskSpec], _ framework: FrameworkInfo, by principal: String?) -> String? {
        let subject = Subject(principal: principal)
        for task in tasks {
            let users = RunUsers(of: task, framework)
            for user in users.all
            where !configuration.authorizer.decide(subject, to: .runTask, on: user).isAllowed {
                let why = users.named.contains(user)
                    ? "" : ": a command that names no user runs as its image's user or root"
                return "Not authorized to run tasks as user '\(user)'\(why)"
            }
        }
        return nil
    }

    /// Whom the task's program runs as, when the task says so; for those who look.
    static func user(of task: TaskSpec) -> String? {
        switch task.runner {
        case .command(let command): command.user
        case .executor(let executor): task.groupCommand?.user ?? executor.command?.user
        }
    }
}

/// All users that something of a task may run as: its command, its executor, its checks, by whichever field says so.
struct RunUsers: Equatable {
    private(set) var named: [String] = []
    /// Something runs, and no field says as whom.
    private(set) var hasUnnamed = false
    private let ofFramework: String

    init(of task: TaskSpec, _ framework: FrameworkInfo) {
        ofFramework = framework.user
        switch task.runner {
        case .command(let command): add(command.user, in: task.container)
        case .executor(let executor) where executor.kind == .standard:
            // It holds the group's namespaces, and nothing of it runs.
            if let user = executor.command?.user { add(user) }
            add(task.groupCommand?.user, in: task.container)
        case .executor(let executor):
            add(executor.command?.user, in: executor.container)
            if let user = task.groupCommand?.user { add(user) }
        }
        // Without a user of its own a check runs as its container does.
        for probe in [task.healthCheck?.probe, task.check?.probe] {
            if case .command(let command)? = probe, let user = command.user { add(user) }
        }
    }

    /// All that have to be asked about.
    ///
    /// What names no user runs as its image's user, and as root where the image has none or there is no image: the
    /// framework's user does not count (Docs/Decisions/0050). It is asked about all the same, as rules are written with
    /// it in mind. That of the image is not known here; whoever may be root may be anybody.
    var all: [String] {
        guard hasUnnamed else { return named }
        return named + [ofFramework, "root"].filter { !named.contains($0) }
    }

    private mutating func add(_ user: String?, in container: ContainerSpec?) {
        for user in NamedUsers.asked(user, in: container) { insert(user) }
    }

    private mutating func add(_ user: String) {
        for user in NamedUsers.spellings(user) { insert(user) }
    }

    private mutating func insert(_ user: String?) {
        guard let user else {
            hasUnnamed = true
            return
        }
        if !named.contains(user) { named.append(user) }
    }
}
