public import Diagnostics
public import LaunchPlanning

/// --preserve-fds and LISTEN_FDS: the caller's descriptors from 3 on, under the same numbers. Every other one is
/// closed.
public struct KeptDescriptors: BundleContributor {
    public static let countMax = 128
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "descriptors")
        let count = context.options.preserved
        guard count <= Self.countMax else {
            throw Failure(
                "bundle.too-many-descriptors", doing: "hand over \(count) descriptors",
                cause: "a launch has room for \(Self.countMax)", remedy: "preserve fewer", field: "preserve-fds",
                limit: "preserved descriptors \(Self.countMax)")
        }
        for number in 0..<count {
            contribution.open(DescriptorName("kept:\(number + 3)"), .inherited(number + 3))
        }
        contribution.add(.closeDescriptors(keep: UInt32(count)), at: .closeDescriptors)
        return contribution
    }
}
