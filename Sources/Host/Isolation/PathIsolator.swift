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
        // With subset=pid nothing of /proc is left that would have to be covered.
        func isThere(_ path: String) -> Bool { isolation.procView == .masked || !path.begins(with: "/proc/") }
        for path in isolation.readOnlyPaths where isThere(path) {
            contribution.add(
                .sealPath(
                    path, attributes: [.readOnly, .noSetuid, .noDevices, .noExecute], resolve: [.noLinks, .optional]),
                at: .paths)
        }
        contribution.open("null", .nullDevice)
        // Who leaves the defaults leaves these too.
        let isHeatMasked = isolation.maskedPaths.contains(DefaultPaths.heat)
        let counters = isHeatMasked ? context.host.throttlePaths : []
        for path in isolation.maskedPaths + counters where isThere(path) {
            contribution.add(.mask(path, with: "null"), at: .paths)
        }
        return contribution
    }
}
