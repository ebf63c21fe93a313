import ClusterAPI
import ClusterModel
import Diagnostics

/// What a task has to be like to run on one agent: everything that can be said without knowing which tasks there are.
///
/// Each refusal is a `Failure` `task.invalid`, `task-group.invalid` or `executor.invalid` that names the field.
struct TaskRules {
    var agent: AgentInfo
    /// Of the offers.
    var role: RoleName
    /// The framework's executors on the agent.
    var executors: [ExecutorID: ExecutorSpec] = [:]

    static let textBytesMax = 65_536
    static let environmentMax = 10_000

    /// A task by itself.
    func check(_ task: TaskSpec) throws(Failure) {
        let at = Place(task)
        try checkCommon(task, at)
        if task.groupCommand != nil {
            throw at.refused("command", "only a task of a group has a command and an executor")
        }
        if let linux = task.container?.linux, linux.sharesControlGroup == false {
            throw at.refused(
                "container.linux_info.share_cgroups", "only tasks of a group can have a control group of their own")
        }
        try checkContainer(task.container, at.inside("container"), isNested: false)
        switch task.runner {
        case .command(let command): try check(command, hasImage: task.container?.image != nil, at.inside("command"))
        case .executor(let executor):
            guard executor.kind == .custom else {
                throw at.refused("executor.type", "the default executor runs task groups only")
            }
            try check(executor)
            if task.resources.isEmpty, executor.resources.isEmpty { throw at.refused("resources", "there are none") }
        }
        try checkVolumeNames(task.resources + task.executorResources, at)
    }

    /// Tasks that start together or not at all, under one executor.
    func check(_ tasks: [TaskSpec], under executor: ExecutorSpec) throws(Failure) {
        let group = Place("task-group.invalid", "run task group", executor.id.text)
        if tasks.isEmpty { throw group.refused("task_group.tasks", "there are none") }
        try check(executor)
        let sharesControlGroup = tasks[0].container?.linux?.sharesControlGroup ?? true
        var met: Set<TaskID> = []
        var size = 0
        for task in tasks {
            let at = Place(task)
            if !met.insert(task.id).inserted { throw at.refused("task_id", "it is twice in its group") }
            try checkCommon(task, at)
            try checkMember(task, of: executor, at)
            size += task.sizeEstimate
            if (task.container?.linux?.sharesControlGroup ?? true) != sharesControlGroup {
                throw at.refused("container.linux_info.share_cgroups", "the tasks of a group must agree on it")
            }
        }
        // Written out only when there may be too much.
        if size > AgentLink.groupBytesMax,
            tasks.reduce(0, { $0 + WireValue.task($1, .stacked).bytesCount }) > AgentLink.groupBytesMax
        {
            throw group.refused("task_group.tasks", "they have more than \(AgentLink.groupBytesMax) bytes")
        }
        try checkVolumeNames(tasks.flatMap(\.resources) + executor.resources, group)
    }

    private func checkMember(_ task: TaskSpec, of executor: ExecutorSpec, _ at: Place) throws(Failure) {
        guard case .executor(let own) = task.runner, own.id == executor.id else {
            throw at.refused("executor", "a task of a group runs under the group's executor")
        }
        let hasOwnGroup = task.container?.linux?.sharesControlGroup == false
        if !task.limits.isEmpty, !hasOwnGroup {
            throw at.refused("limits", "a task of a group needs container.linux_info.share_cgroups=false to have any")
        }
        if task.container?.kind == .docker {
            throw at.refused("container.type", "a task of a group has a container of type MESOS")
        }
        if task.container?.networks.isEmpty == false {
            throw at.refused("container.network_infos", "a group shares its executor's network")
        }
        try checkContainer(task.container, at.inside("container"), isNested: true)
        guard let command = task.groupCommand else {
            if executor.kind == .standard { throw at.refused("command", "the default executor needs one") }
            return
        }
        try check(command, hasImage: task.container?.image != nil, at.inside("command"))
    }

    // MARK: What all tasks have

    private func checkCommon(_ task: TaskSpec, _ at: Place) throws(Failure) {
        if task.agent != agent.id {
            throw at.refused("agent_id", "it says \(task.agent), and the offers are of \(agent.id)")
        }
        if task.name.utf8.count > Self.textBytesMax { throw at.refused("name", "it is too long") }
        try task.validateResources()
        try checkResources(task.resources, at)
        try checkLimits(task, at)
        try checkGracePeriods(task, at)
        if let check = task.healthCheck { try checkHealth(check, at.inside("health_check")) }
        if let check = task.check {
            try self.check(check.probe, at.inside("check"))
            try checkTimes(check.delay, check.interval, check.timeout, at.inside("check"))
        }
        for port in task.discovery?.ports ?? [] where !(1...65_535).contains(port.number) {
            throw at.refused("discovery.ports", "\(port.number) is not a port")
        }
        try checkRequirements(task.labels, at)
        try checkSize(task)
    }

    private func checkResources(_ resources: [Resource], _ at: Place) throws(Failure) {
        let revocable = Set(resources.lazy.filter(\.isRevocable).map(\.name))
        let lasting = revocable.isEmpty ? [] : Set(resources.lazy.filter { !$0.isRevocable }.map(\.name))
        for (index, resource) in resources.enumerated() {
            if let other = resource.allocatedTo, other != role {
                throw at.refused(
                    "resources[\(index)].allocation_info", "it is for role '\(other)', and the offers for '\(role)'")
            }
            if (resource.isRevocable ? lasting : revocable).contains(resource.name) {
                throw at.refused("resources[\(index)].revocable", "\(resource.name) is in part revocable, in part not")
            }
            guard let disk = resource.disk else { continue }
            if disk.persistence != nil, disk.volume == nil {
                throw at.refused("resources[\(index)].disk.volume", "a persistent volume has a place in the container")
            }
            if let path = disk.volume?.containerPath {
                try checkContainerPath(path, at.inside("resources[\(index)].disk.volume.container_path"))
            }
        }
    }

    /// A persistent volume that is not shared is in one place of one container.
    private func checkVolumeNames(_ resources: [Resource], _ at: Place) throws(Failure) {
        var met: Set<VolumeID> = []
        for resource in resources where !resource.isShared {
            guard let id = resource.disk?.persistence?.id else { continue }
            if !met.insert(id).inserted { throw at.refused("resources", "volume \(id) is in them twice") }
        }
    }

    private func checkLimits(_ task: TaskSpec, _ at: Place) throws(Failure) {
        if !task.limits.isEmpty, !agent.capabilities.contains(.taskResourceLimits) {
            throw at.refused("limits", "the agent has no TASK_RESOURCE_LIMITS")
        }
    }

    private func checkGracePeriods(_ task: TaskSpec, _ at: Place) throws(Failure) {
        if let period = task.killGracePeriod, period < .zero {
            throw at.refused("kill_policy.grace_period", "it is negative")
        }
        if let time = task.maxCompletionTime, time < .zero {
            throw at.refused("max_completion_time", "it is negative")
        }
    }

    /// A label `bulkhead.isolation.memory` with the value `required` asks for an agent that enforces it; agents say so
    /// by attributes of the same names.
    private func checkRequirements(_ labels: [Label], _ at: Place) throws(Failure) {
        for label in labels where label.key.begins(with: Self.isolationPrefix) {
            guard label.value == "required" else {
                throw at.refused("labels", "\(label.key) can only be 'required'")
            }
            guard let attribute = agent.attributes.first(where: { $0.name == label.key }), let text = attribute.text
            else { throw at.refused("labels", "the agent does not say whether it enforces \(label.key)") }
            guard text == "enforced" else {
                throw at.refused("labels", "the agent does not enforce \(label.key): \(text)")
            }
        }
    }

    static let isolationPrefix = "bulkhead.isolation."

    // MARK: Executors

    private func check(_ executor: ExecutorSpec) throws(Failure) {
        let at = Place("executor.invalid", "use executor", executor.id.text)
        if (executor.kind == .standard) != (executor.command == nil) {
            throw at.refused("executor.command", "a custom executor has one, the default executor none")
        }
        do throws(Failure) { _ = try Resources(validating: executor.resources) } catch {
            throw at.refused("executor.resources", error.cause ?? "they do not fit together")
        }
        try checkResources(executor.resources, at.inside("executor"))
        if let period = executor.shutdownGracePeriod, period < .zero {
            throw at.refused("executor.shutdown_grace_period", "it is negative")
        }
        if let linux = executor.container?.linux, linux.sharesControlGroup == true {
            throw at.refused(
                "executor.container.linux_info.share_cgroups", "an executor has a control group of its own")
        }
        if executor.kind == .standard, let container = executor.container {
            if container.kind == .docker {
                throw at.refused("executor.container.type", "it is MESOS for this executor")
            }
            if container.image != nil { throw at.refused("executor.container.mesos.image", "this executor has none") }
        }
        try checkContainer(executor.container, at.inside("executor.container"), isNested: false)
        if let command = executor.command {
            try check(command, hasImage: executor.container?.image != nil, at.inside("executor.command"))
        }
        guard let running = executors[executor.id] else { return }
        if let difference = Self.difference(running, executor) {
            throw at.refused("executor.\(difference)", "one with this id runs on the agent, and it has another")
        }
    }

    /// The first field in which two executors of one id differ; what role they were given to is not one.
    static func difference(_ one: ExecutorSpec, _ other: ExecutorSpec) -> String? {
        if one.kind != other.kind { return "type" }
        if one.framework != other.framework { return "framework_id" }
        if one.command != other.command { return "command" }
        if one.container != other.container { return "container" }
        if one.name != other.name { return "name" }
        if one.data != other.data { return "data" }
        if one.labels != other.labels { return "labels" }
        if one.discovery != other.discovery { return "discovery" }
        if one.shutdownGracePeriod != other.shutdownGracePeriod { return "shutdown_grace_period" }
        let resources = (Resources(one.resources).unallocated(), Resources(other.resources).unallocated())
        return resources.0 == resources.1 ? nil : "resources"
    }
}

/// Where in a call something is wrong.
struct Place {
    var code: Failure.Code
    var doing: String
    var subject: String
    var path = ""

    init(_ code: Failure.Code, _ doing: String, _ subject: String) {
        self.code = code
        self.doing = doing
        self.subject = subject
    }

    init(_ task: TaskSpec) { self.init("task.invalid", "run task", task.id.text) }

    func inside(_ name: String) -> Place {
        var place = self
        place.path = field(name)
        return place
    }

    private func field(_ name: String) -> String { path.isEmpty ? name : name.isEmpty ? path : "\(path).\(name)" }

    func refused(_ name: String, _ cause: String) -> Failure {
        let field = field(name)
        return Failure(code, doing: doing, on: subject, cause: "\(field): \(cause)", remedy: "correct it", field: field)
    }
}

extension TaskSpec {
    var executorResources: [Resource] {
        if case .executor(let executor) = runner { return executor.resources }
        return []
    }
}
