public import Containers
public import Diagnostics
public import HostProbe
public import LaunchPlanning
import LinuxKernel
import Networking

/// A network namespace of its own, network_namespaces(7), with nothing but loopback, or with an interface that is moved
/// into it before the container is released. `host` shares the host's, as asked.
public struct NetworkIsolator: Isolator {
    public let name = "network"
    private let networks = ContainerNetworks()
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        if context.request.isolation.network.isOwn { contribution.add(.loopbackUp, at: .network) }
        return contribution
    }

    public func attach(_ context: LaunchContext, process: Int32) throws(Failure) {
        let id = context.request.id
        switch context.request.isolation.network {
        case .none, .host, .container: return
        case .bridge: try networks.connect(id, process: try handle(process))
        case .plugins(let request):
            try networks.connect(id, to: request, process: try handle(process), holder: context.holder)
        }
    }

    private func handle(_ process: Int32) throws(Failure) -> ProcessHandle {
        do throws(KernelError) { return try ProcessHandle.open(process) } catch {
            throw error.failure("launch.lost", doing: "enter the container's network", retry: .later)
        }
    }

    public func cleanUp(_ id: ContainerID, host: HostAbilities) throws(Failure) { try networks.release(id) }
}
