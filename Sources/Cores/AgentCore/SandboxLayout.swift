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

    /// The sandbox at or above `path` that lies in no other: whoever writes there can change every name in it, those of
    /// nested sandboxes too.
    static func outermost(of path: String, below workDirectory: String) -> String {
        let above = workDirectory.cut(at: "/").count
        let names = path.cut(at: "/")
        // slaves/A/frameworks/F/executors/E/runs/C, or containers/C.
        let depth = names.dropFirst(above).first == "slaves" ? 8 : 2
        return "/" + names.prefix(above + depth).joined(separator: "/")
    }

    static func standalone(_ container: ContainerID, below workDirectory: String) -> SandboxOrder {
        SandboxOrder(path: "\(workDirectory)/containers/\(container)")
    }

    /// What links in the persistent volume at `path` may not lead out of: the directory of its role's volumes. Nil for
    /// a whole disk, which is nobody else's.
    static func confinement(ofVolume path: String, _ resource: Resource) -> String? {
        guard let below = volumeDirectory(resource) else { return nil }
        let end = "/" + below.name
        guard path.utf8.reversed().starts(with: ("/" + below.role + end).utf8.reversed()) else { return nil }
        return String(Substring(path.utf8.dropLast(end.utf8.count)))
    }

    /// Nil for what is not a persistent volume, or is one without a directory of its own.
    static func volume(_ resource: Resource, below workDirectory: String) -> String? {
        guard let disk = resource.disk, let (role, name) = volumeDirectory(resource) else { return nil }
        guard let source = disk.source else { return "\(workDirectory)/\(role)/\(name)" }
        guard let root = source.root else { return nil }
        switch source.kind {
        case .path: return "\(root)/\(role)/\(name)"
        case .mount: return root
        case .block, .raw: return nil
        }
    }

    /// The directory of a role's volumes, and the volume's name in it. A role below another has one beside that one's,
    /// with spaces for its slashes as Mesos's agents do it (no role has a space): inside, a volume of the other role
    /// could hold it.
    private static func volumeDirectory(_ resource: Resource) -> (role: String, name: String)? {
        guard let persistence = resource.disk?.persistence, let role = resource.reservedFor else { return nil }
        let directory = role.components.joined(separator: " ")
        return ("volumes/roles/\(directory)", "\(persistence.id)")
    }
}
