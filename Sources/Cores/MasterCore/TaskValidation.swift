import ClusterAPI
import ClusterModel
import Diagnostics

/// Whether a task fits together, and fits where it is to run.
extension MasterCore {
    func validate(_ task: TaskSpec, with accepted: AcceptedOffers) throws(Failure) {
        try validatePlace(task, with: accepted)
        try task.validateResources()
        if case .executor(let executor) = task.runner { try validate(executor, with: accepted) }
    }

    func validate(
        _ tasks: [TaskSpec], under executor: ExecutorSpec, with accepted: AcceptedOffers
    ) throws(Failure) {
        try validate(executor, with: accepted)
        var met: Set<TaskID> = []
        for task in tasks {
            if !met.insert(task.id).inserted {
                throw unfit(task, "it is twice in its group", field: "task_id")
            }
            try validatePlace(task, with: accepted)
            try task.validateResources()
        }
    }

    private func validatePlace(_ task: TaskSpec, with accepted: AcceptedOffers) throws(Failure) {
        let framework = accepted.framework.id
        if task.agent != accepted.agent {
            throw unfit(task, "its agent is \(task.agent), the offers' is \(accepted.agent)", field: "agent_id")
        }
        if tasks[TaskReference(framework: framework, task: task.id)] != nil {
            throw unfit(task, "there is a task with this id", field: "task_id")
        }
        if frameworks[framework]?.unreachableTasks[task.id] != nil {
            throw unfit(task, "there is a task with this id on an unreachable agent", field: "task_id")
        }
        if let role = task.resources.first(where: { $0.allocatedTo != accepted.role })?.allocatedTo {
            throw unfit(task, "its resources are for role \(role), the offers' for \(accepted.role)", field: "resources")
        }
        let limit = configuration.limits.tasksOfFrameworkMax
        if let count = frameworks[framework]?.tasks.count, count >= limit {
            throw Failure(
                "task.too-many", doing: "run task", on: task.id.text, cause: "the framework has \(count) tasks",
                remedy: "wait for tasks to end", limit: "tasks \(limit)", retry: .later)
        }
    }

    private func validate(_ executor: ExecutorSpec, with accepted: AcceptedOffers) throws(Failure) {
        _ = try Resources(validating: executor.resources)
        let known = agents[accepted.agent]?.executors[accepted.framework.id]?[executor.id]
        if let known, known.kind != executor.kind || known.command != executor.command {
            throw Failure(
                "executor.differs", doing: "use executor", on: executor.id.text,
                cause: "one with this id runs on the agent, and it is another", remedy: "use another id",
                field: "executor_id")
        }
    }

    private func unfit(_ task: TaskSpec, _ cause: String, field: String) -> Failure {
        Failure("task.invalid", doing: "run task", on: task.id.text, cause: cause, remedy: "correct it", field: field)
    }
}
