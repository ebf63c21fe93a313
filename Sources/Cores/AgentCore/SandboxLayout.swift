import ClusterModel
import Containers

/// Where things are below the work directory, as clients of the protocol expect it.
struct SandboxLayout {
    let workDirectory: String
    let agent: AgentID

    func executor(_ key: ExecutorKey) -> String {
        "\(workDirectory)/slaves/\(agent)/frameworks/\(key.framework)/executors/\(key.executor)"
    }

    func run(_ key: ExecutorKey, _ container: ContainerID) -> SandboxOrder {
        let runs = executor(key) + "/runs"
        return SandboxOrder(
            path: "\(runs)/\(container)", links: [SandboxOrder.Link(path: "\(runs)/latest", target: container.text)])
    }

    /// `task`: it is also found under the task's name.
    static func nested(in parent: String, _ container: ContainerID, task: TaskID? = nil) -> SandboxOrder {
        let path = "\(parent)/containers/\(container)"
        guard let task else { return SandboxOrder(path: path) }
        let link = SandboxOrder.Link(path: "\(parent)/tasks/\(task)", target: "../containers/\(container)")
        return SandboxOrder(path: path, links: [link])
    }

    static func standalone(_ container: ContainerID, below workDirectory: String) -> SandboxOrder {
        SandboxOrder(path: "\(workDirectory)/containers/\(container)")
    }

    /// Nil for what is not a persistent volume, or is one without a directory of its own.
    static func volume(_ resource: Resource, below workDirectory: String) -> String? {
        guard let disk = resource.disk, let persistence = disk.persistence, let role = resource.reservedFor else {
            return nil
        }
        guard let source = disk.source else { return "\(workDirectory)/volumes/roles/\(role)/\(persistence.id)" }
        guard let root = source.root else { return nil }
        switch source.kind {
        case .path: return "\(root)/volumes/roles/\(role)/\(persistence.id)"
        case .mount: return root
        case .block, .raw: return nil
        }
    }
}
