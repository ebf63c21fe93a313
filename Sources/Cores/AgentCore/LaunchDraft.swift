import ClusterModel
import Containers
import Diagnostics

/// A launch being put together.
struct Draft {
    var id: ContainerID
    var command: CommandSpec
    var container: ContainerSpec?
    var parent: ContainerRun?
    var sandbox: SandboxOrder
    var environment: Environment
    var resources: [Resource] = []
    var limits: [String: ResourceLimit] = [:]
    var labels: [String: String] = [:]
    var user: String?
    var workingDirectory: String?
    var hostname: String?
    var isHold = false
    var isExecutor = false
    var endpointPort: UInt16?
    /// An operator's, of no offer.
    var isOrdered = false
    // What the other engine's parameters add.
    var addedCapabilities: [String] = []
    var droppedCapabilities: [String] = []
    var hostVolumes: [(VolumeRequest, field: String)] = []
    var temporaryFilesystems: [TemporaryFilesystem] = []
    var devices: [DeviceOrder] = []
    var entrypoint: String?
    var pids: UInt64?
    var cpuset: String?
    var io: [IOLimit] = []
    var ioWeight: UInt64?
    var stopSignal: Int32?
    var isInteractive = false
    /// Walls that the parameters change; what the container's own fields say comes over it.
    var walls = IsolationRequest(hostname: "")

    init(
        id: ContainerID, command: CommandSpec, container: ContainerSpec?, parent: ContainerRun?,
        sandbox: SandboxOrder, environment: Environment
    ) throws(Failure) {
        self.id = id
        self.command = command
        self.container = container
        self.parent = parent
        self.sandbox = sandbox
        self.environment = environment
        user = command.user
        hostname = container?.hostname
    }
}

extension Draft {
    /// A description of kind `docker` has that engine's rule: arguments take the place of the image's whole command.
    var program: ContainerLaunch.Program {
        if case .execute(nil, let arguments) = command.program {
            if let entrypoint { return .execute(path: entrypoint, arguments: [entrypoint] + arguments) }
            if container?.kind == .docker, !arguments.isEmpty { return .arguments(arguments) }
        }
        return command.program.launched
    }
}

extension CommandSpec.Program {
    var launched: ContainerLaunch.Program {
        switch self {
        case .shell(let line): .shell(line)
        case .execute(let path, let arguments): .execute(path: path, arguments: arguments)
        }
    }
}
