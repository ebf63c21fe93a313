import AgentCore
import Containers
import Diagnostics

/// A launch's devices, looked up: their nodes, and what goes with them. Where they are is the host's business and may
/// change while the agent runs, so it happens here, for each launch, and no record of the agent's has it.
struct LaunchDevices: Sendable {
    let settings: AgentSettings

    func resolved(_ asked: ContainerLaunch) async throws(Failure) -> ContainerLaunch {
        guard let orders = asked.devices, !orders.isEmpty else { return asked }
        guard let keeper = settings.devices else {
            throw Failure(
                "device.no-keeper", doing: "give the task its devices", on: orders[0].name,
                cause: "this agent looks no devices up",
                remedy: "start the agent with --cdi-resource or --allow-device", field: "resources")
        }
        let grant = try await keeper.grant(orders)
        var launch = asked
        launch.isolation.devices += grant.devices
        // What opens the host is given where the operator named its very node, and never because of a specification.
        let named = orders.filter(\.isNode).map { $0.path ?? $0.name }
        if !named.isEmpty { launch.isolation.allowedDevices = (launch.isolation.allowedDevices ?? []) + named }
        launch.volumes += grant.volumes
        launch.groups = (launch.groups ?? []) + grant.groups
        let names = Set(grant.environment.map { $0.before("=") })
        launch.environment.removeAll { names.contains($0.before("=")) }
        launch.environment += grant.environment
        return launch
    }
}
