public import Diagnostics
public import LaunchPlanning

/// linux.readonlyPaths and linux.maskedPaths. Failing to cover one fails the launch; an absent one is skipped.
public struct BundlePaths: BundleContributor {
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "paths")
        guard context.buildsRoot else { return contribution }
        for path in context.linux.readonlyPaths {
            contribution.add(.sealPath(path, attributes: .readOnly, resolve: .optional), at: .paths)
        }
        if !context.linux.maskedPaths.isEmpty { contribution.open("null", .nullDevice) }
        var masked: Set<String> = []
        for path in context.linux.maskedPaths where masked.insert(path).inserted {
            contribution.add(.mask(path, with: "null"), at: .paths)
        }
        return contribution
    }
}
