import ClusterAPI
import ClusterModel
import Diagnostics

/// How large a task may be. Agents hold to the same bound; here it is refused before it takes anything.
extension TaskRules {
    func checkSize(_ task: TaskSpec) throws(Failure) {
        let limit = AgentLink.taskBytesMax
        guard task.sizeEstimate > limit, WireValue.task(task, .stacked).bytesCount > limit else { return }
        throw Failure(
            "task.invalid", doing: "run task", on: task.id.text, cause: "it has more than \(limit) bytes",
            remedy: "shorten its data, labels and texts", limit: "task bytes \(limit)")
    }
}

extension TaskSpec {
    /// Bytes of its JSON, or more. Nothing is encoded for it unless the task has a container, checks or the like.
    var sizeEstimate: Int {
        guard let estimate = plainSize else { return WireValue.task(self, .stacked).bytesCount }
        return estimate
    }

    /// Nil when it has something of which only its JSON tells how large it is.
    private var plainSize: Int? {
        guard container == nil, healthCheck == nil, check == nil, discovery == nil, limits.isEmpty,
            let bag = TaskSpec.bagSize(resources)
        else { return nil }
        var size = 2_048 + bag + TaskSpec.labelSize(labels)
        size += 6 * (id.text.utf8.count + agent.text.utf8.count + name.utf8.count)
        if let data { size += 2 * data.count }
        if let groupCommand { size += groupCommand.sizeEstimate }
        switch runner {
        case .command(let command): return size + command.sizeEstimate
        case .executor(let executor):
            guard let more = executor.plainSize else { return nil }
            return size + more
        }
    }

    fileprivate static func labelSize(_ labels: [Label]) -> Int {
        var size = 0
        for label in labels {
            size += 32 + 6 * label.key.utf8.count
            if let value = label.value { size += 6 * value.utf8.count }
        }
        return size
    }

    fileprivate static func bagSize(_ resources: [Resource]) -> Int? {
        var size = 0
        for resource in resources {
            guard resource.disk == nil, resource.reservations.isEmpty, resource.provider == nil else { return nil }
            size += 384 + 6 * resource.name.utf8.count
            if let role = resource.allocatedTo { size += 6 * role.text.utf8.count }
            switch resource.value {
            case .scalar: break
            case .ranges(let ranges): size += 64 * ranges.ranges.count
            case .set: return nil
            }
        }
        return size
    }
}

extension ExecutorSpec {
    fileprivate var plainSize: Int? {
        guard container == nil, discovery == nil, let bag = TaskSpec.bagSize(resources) else { return nil }
        var size = 1_024 + bag + TaskSpec.labelSize(labels)
        size += 6 * (id.text.utf8.count + framework.text.utf8.count)
        if let name { size += 6 * name.utf8.count }
        if let data { size += 2 * data.count }
        if let command { size += command.sizeEstimate }
        return size
    }
}

extension CommandSpec {
    /// A byte of text is six at most.
    fileprivate var sizeEstimate: Int {
        var size = 512
        if let user { size += 6 * user.utf8.count }
        switch program {
        case .shell(let line): size += 6 * line.utf8.count
        case .execute(let path, let arguments):
            if let path { size += 6 * path.utf8.count }
            for argument in arguments { size += 4 + 6 * argument.utf8.count }
        }
        for variable in environment {
            size += 160 + 6 * variable.name.utf8.count
            switch variable.value {
            case .text(let text): size += 6 * text.utf8.count
            case .secret(let name, let key):
                size += 6 * name.utf8.count
                if let key { size += 6 * key.utf8.count }
            case .secretBytes(let bytes): size += 2 * bytes.count
            }
        }
        for fetch in fetches {
            size += 128 + 6 * fetch.address.utf8.count
            if let file = fetch.outputFile { size += 6 * file.utf8.count }
        }
        return size
    }
}
