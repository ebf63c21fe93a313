import CommandOutput
import Containerizing
import Containers
import Diagnostics
import DockerContainerizer
import HostProbe
import ImageStorage
import LinuxKernel
import NativeContainerizer
import OCIRuntimeContainerizer

/// What makes an agent's containers, by the names `--containerizers` gives. Blocks: not for Swift's own threads.
struct Containerizers: Sendable {
    /// Directory of images and containers' files.
    var store: String
    /// Directory of running containers' state.
    var state: String
    /// Tells this agent's containers from those of others on this machine.
    var agent: String
    /// `native,oci:crun`: best first.
    var list: String
    /// For how many containers of ours namespaces are made ahead.
    var namespacePool: Int

    /// The agent's places, before anything in them is opened.
    func held() throws(Failure) -> AgentHold {
        try requireRoot()
        return try AgentHold.take(state: "\(state)/agents/\(agent)", store: "\(store)/agents/\(agent)")
    }

    func composed() throws(Failure) -> any Containerizer {
        try requireRoot()
        let names = list.cut(at: ",").map(String.init)
        guard !names.isEmpty, Set(names).count == names.count else {
            throw .flag(
                "containerizers", list, cause: "it names none, or one twice",
                remedy: "write for example native,oci:crun")
        }
        guard (0...NamespacePool.sizeMax).contains(namespacePool) else {
            throw .flag(
                "namespace-pool", "\(namespacePool)", cause: "it is not from 0 to \(NamespacePool.sizeMax)",
                remedy: "write \(NamespacePool.usualSize), or 0 for none")
        }
        let abilities = HostProbe.abilities(store: store)
        let images = try ImageStore(root: store, unpacker: Unpacker(program: InstalledProgram.unpacker.place))
        var members: [any Containerizer] = []
        for name in names { members.append(try member(name, images, abilities)) }
        return members.count == 1 ? members[0] : ComposingContainerizer(members)
    }

    private func requireRoot() throws(Failure) {
        guard HostFacts.effectiveUser() == 0 else {
            throw Failure(
                "host.not-root", doing: "run an agent", cause: "this is user \(HostFacts.effectiveUser()), not root",
                remedy: "run it with sudo")
        }
    }

    /// Whoever looks at this agent's containers from outside.
    var auditor: ChildAuditor {
        let names = list.cut(at: ",").map(String.init)
        let own = places("native")
        return ChildAuditor(
            store: store, state: state,
            native: names.contains("native") ? (own.volatile, own.agent ?? "") : nil,
            hasOthers: names.contains { $0 != "native" })
    }

    private func places(_ part: String) -> Places {
        Places(volatile: "\(state)/agents/\(agent)/\(part)", store: store, agent: "\(agent)-\(part)")
    }

    private func member(
        _ name: String, _ images: ImageStore, _ abilities: HostAbilities
    ) throws(Failure) -> any Containerizer {
        // Each has directories of its own: what one sweeps away must not be another's.
        let part = String(name.map { $0.isLetter || $0.isNumber ? $0 : "-" })
        if name == "docker" || name.begins(with: "docker:") {
            let socket = name.begins(with: "docker:") ? String(name.dropFirst(7)) : DockerContainerizer.usualSocket
            return DockerContainerizer(
                socket: socket, installation: "\(agent)-docker", store: images, scratch: "\(store)/docker", name: name)
        }
        let places = places(part)
        let starter: OCIRuntime?
        switch name {
        case "native": starter = nil
        case let name where name.begins(with: "oci:"):
            starter = try OCIRuntime(program: String(name.dropFirst(4)), places: places)
        default:
            throw .flag(
                "containerizers", name, cause: "there is no such containerizer",
                remedy: "write native, oci:PROGRAM, docker or docker:SOCKET")
        }
        return NativeTasks(
            runtime: NativeContainerizer(
                places: places, launcherPath: try InstalledProgram.launcher.found(), host: abilities, starter: starter,
                namespacePool: namespacePool),
            images: images, name: name)
    }
}
