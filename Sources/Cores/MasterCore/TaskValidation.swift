import ClusterAPI
import ClusterModel
import Diagnostics

/// Whether a task may run where it is to: what it is like by itself, and whether its id is free.
extension MasterCore {
    func validate(_ task: TaskSpec, with accepted: AcceptedOffers) throws(Failure) {
        try checkIdentifier(of: task, with: accepted)
        try rules(for: accepted).check(task)
    }

    func validate(
        _ tasks: [TaskSpec], under executor: ExecutorSpec, with accepted: AcceptedOffers
    ) throws(Failure) {
        for task in tasks { try checkIdentifier(of: task, with: accepted) }
        try rules(for: accepted).check(tasks, under: executor)
        try checkAgreement(of: tasks, with: executor, on: accepted)
    }

    private func rules(for accepted: AcceptedOffers) throws(Failure) -> TaskRules {
        guard let agent = agents[accepted.agent] else {
            throw Failure(
                "agent.unknown", doing: "run task", on: accepted.agent.text, cause: "the agent has gone",
                remedy: "use another offer", field: "agent_id")
        }
        return TaskRules(
            agent: agent.info, role: accepted.role, executors: agent.executors[accepted.framework.id] ?? [:])
    }

    private func checkIdentifier(of task: TaskSpec, with accepted: AcceptedOffers) throws(Failure) {
        let framework = accepted.framework.id
        let at = Place(task)
        if tasks[TaskReference(framework: framework, task: task.id)] != nil {
            throw at.refused("task_id", "there is a task with this id")
        }
        if frameworks[framework]?.unreachableTasks[task.id] != nil {
            throw at.refused("task_id", "there is a task with this id on an unreachable agent")
        }
        let limit = configuration.limits.tasksOfFrameworkMax
        if let count = frameworks[framework]?.tasks.count, count >= limit {
            throw Failure(
                "task.too-many", doing: "run task", on: task.id.text, cause: "the framework has \(count) tasks",
                remedy: "wait for tasks to end", limit: "tasks \(limit)", retry: .later)
        }
    }

    /// The tasks that run under an executor already have all a control group of their own, or none has.
    private func checkAgreement(
        of tasks: [TaskSpec], with executor: ExecutorSpec, on accepted: AcceptedOffers
    ) throws(Failure) {
        guard let first = tasks.first, let agent = agents[accepted.agent] else { return }
        let own = first.container?.linux?.sharesControlGroup ?? true
        for key in agent.tasks where key.framework == accepted.framework.id {
            guard let task = self.tasks[key], task.executor == executor.id, !task.state.isTerminal else { continue }
            if (task.spec.container?.linux?.sharesControlGroup ?? true) != own {
                throw Place(first).refused(
                    "container.linux_info.share_cgroups", "tasks of the executor that run already have it otherwise")
            }
        }
    }
}
