import Containers
public import Diagnostics
public import LaunchPlanning

/// Paths the container must not see (masked) or not write (read-only). Failing to cover one fails the launch.
public struct PathIsolator: Isolator {
    public let name = "paths"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        let isolation = context.request.isolation
        var contribution = PlanContribution(isolator: name)
        guard isolation.procView == .masked else { return contribution }
        for path in isolation.readOnlyPaths {
            contribution.add(
                .sealPath(
                    path, attributes: [.readOnly, .noSetuid, .noDevices, .noExecute], resolve: [.noLinks, .optional]),
                at: .paths)
        }
        contribution.open("null", .nullDevice)
        for path in isolation.maskedPaths { contribution.add(.mask(path, with: "null"), at: .paths) }
        return contribution
    }
}
