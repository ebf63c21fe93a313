import AgentCore
import Authorization
import ClusterAPI
import ClusterModel
import Containers
import Diagnostics
import HTTPServing

/// Whether a caller may do what it asks for, and what of the answer it may see.
struct AgentAuthorization: Sendable {
    let authorizer: any Authorizer
    let agent: Agent
    let subject: Subject
    /// Whoever calls from inside an executor's container may do anything to what is nested in it, and nothing else.
    let door: ExecutorDoor?

    /// - Throws: 403 for a caller that has authenticated without a name.
    init(
        _ authorizer: any Authorizer, _ agent: Agent, _ request: Request, door: ExecutorDoor?
    ) throws(Negotiation.Refusal) {
        let own = door ?? request.principal.flatMap { ExecutorTokens.door(of: $0, in: agent) }
        self.door = own
        if let principal = request.principal, principal.value == nil, own == nil {
            throw Negotiation.Refusal(.text(.forbidden, "The authenticated principal has no name"))
        }
        self.authorizer = authorizer
        self.agent = agent
        subject = Subject(principal: request.principal?.value)
    }

    func allows(_ action: Action, on object: String? = nil) -> Bool {
        authorizer.decide(subject, to: action, on: object).isAllowed
    }

    /// - Throws: 403, with the rule that said no.
    func demand(_ action: Action, on object: String? = nil) throws(Negotiation.Refusal) {
        guard door == nil else {
            throw Negotiation.Refusal(.text(.forbidden, "an executor may only ask for containers inside its own"))
        }
        guard case .refused(let rule) = authorizer.decide(subject, to: action, on: object) else { return }
        let why = rule.map { "rule \($0) of the authorization rules says no" } ?? "no authorization rule allows it"
        let what = object.map { "\(action.rawValue) \($0)" } ?? action.rawValue
        throw Negotiation.Refusal(.text(.forbidden, "\(subject.principal ?? "anonymous") may not \(what): \(why)"))
    }

    /// Containers inside others are the business of their frameworks' roles, standalone ones of those who run them.
    func demand(_ call: ContainerCall) throws(Negotiation.Refusal) {
        let path = call.container
        if let door {
            guard path != door.container, door.container.contains(path) else {
                throw Negotiation.Refusal(.text(.forbidden, "\(path) is not inside \(door.container)"))
            }
            return
        }
        let role = agent.owningRole(of: path)?.text
        let isStandalone = !path.isNested && role == nil
        switch call {
        case .launch(let order):
            try demand(path.isNested ? .launchNestedContainer : .launchStandaloneContainer, toRun: order)
        case .launchSession(let order): try demand(.launchNestedSession, toRun: order)
        case .wait: try demand(isStandalone ? .waitStandaloneContainer : .waitNestedContainer, on: role)
        case .kill: try demand(isStandalone ? .killStandaloneContainer : .killNestedContainer, on: role)
        case .remove: try demand(isStandalone ? .removeStandaloneContainer : .removeNestedContainer, on: role)
        case .attachInput: try demand(.attachInput, on: role)
        case .attachOutput: try demand(.attachOutput, on: role)
        }
    }

    /// Whoever may not run as one of the users it names may not run it.
    private func demand(_ action: Action, toRun order: ContainerLaunchRequest) throws(Negotiation.Refusal) {
        let users = Set(NamedUsers.asked(order.command?.user, in: order.spec).map { $0 ?? "root" })
        for user in users.sorted() { try demand(action, on: user) }
    }

    /// The files of a path belong to the role of the framework that the path names.
    func demandSandbox(_ path: String) throws(Negotiation.Refusal) {
        var role: RoleName?
        if let framework = SandboxPath(path, below: agent.configuration.workDirectory)?.framework {
            // What is no framework's name belongs to nobody.
            do throws(Failure) { role = agent.role(of: try FrameworkID(framework)) } catch { role = nil }
        }
        try demand(.accessSandbox, on: role?.text)
    }

    // MARK: - Views

    /// What is left of an answer of what the caller may see.
    func visible(_ response: AgentResponse) -> AgentResponse {
        switch response {
        case .state(var view):
            view.tasks = visible(view.tasks)
            view.executors = visible(view.executors)
            view.frameworks = visible(view.frameworks)
            return .state(view)
        case .tasks(let view): return .tasks(visible(view))
        case .executors(let view): return .executors(visible(view))
        case .frameworks(let view): return .frameworks(visible(view))
        case .containers(let views):
            return .containers(views.filter { sees(.viewContainer, $0.framework) })
        case .operations(let views): return allows(.viewOperations) ? .operations(views) : .operations([])
        case .process, .agent, .providers, .ended: return response
        }
    }

    /// Without an owner only those see it who see everything.
    private func sees(_ action: Action, _ framework: FrameworkID?) -> Bool {
        allows(action, on: framework.flatMap { agent.role(of: $0)?.text })
    }

    private func visible(_ view: AgentTasksView) -> AgentTasksView {
        func seen(_ tasks: [TaskView]) -> [TaskView] { tasks.filter { sees(.viewTask, $0.framework) } }
        return AgentTasksView(
            pending: seen(view.pending), queued: seen(view.queued), launched: seen(view.launched),
            terminated: seen(view.terminated), completed: seen(view.completed))
    }

    private func visible(_ view: AgentExecutorsView) -> AgentExecutorsView {
        AgentExecutorsView(
            executors: view.executors.filter { sees(.viewExecutor, $0.framework) },
            completed: view.completed.filter { sees(.viewExecutor, $0.framework) })
    }

    private func visible(_ view: AgentFrameworksView) -> AgentFrameworksView {
        AgentFrameworksView(
            frameworks: view.frameworks.filter { sees(.viewFramework, $0.id) },
            completed: view.completed.filter { sees(.viewFramework, $0.id) })
    }

    func visible(_ documents: AgentDocuments) -> AgentDocuments {
        var documents = documents
        if !allows(.viewFlags) { documents.flags = [] }
        func seen(_ frameworks: [AgentDocuments.Framework]) -> [AgentDocuments.Framework] {
            frameworks.filter { sees(.viewFramework, $0.info.id) }.map { framework in
                var framework = framework
                if !sees(.viewExecutor, framework.info.id) {
                    framework.executors = []
                    framework.completed = []
                }
                guard !sees(.viewTask, framework.info.id) else { return framework }
                framework.executors = framework.executors.map(\.withoutTasks)
                framework.completed = framework.completed.map(\.withoutTasks)
                return framework
            }
        }
        documents.frameworks = seen(documents.frameworks)
        documents.completed = seen(documents.completed)
        return documents
    }
}

extension AgentDocuments.Executor {
    fileprivate var withoutTasks: AgentDocuments.Executor {
        var executor = self
        (executor.tasks, executor.queued, executor.completed) = ([], [], [])
        return executor
    }
}
