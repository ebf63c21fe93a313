import Containers
public import Diagnostics
public import LaunchPlanning

/// Network `none`: a namespace with nothing but loopback, network_namespaces(7). `host` shares the host's, as asked.
public struct NetworkIsolator: Isolator {
    public let name = "network"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        if context.request.isolation.network == .none { contribution.add(.loopbackUp, at: .network) }
        return contribution
    }
}
