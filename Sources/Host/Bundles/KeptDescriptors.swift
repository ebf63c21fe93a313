public import Diagnostics
public import LaunchPlanning

/// --preserve-fds and LISTEN_FDS: of the caller's descriptors from 3 on those that are open, under the same numbers.
/// Every other one is closed.
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
        for number in 3..<(3 + count) {
            // What stands in a gap holds its place until the others have their numbers, and is closed then.
            let source: DescriptorSource =
                context.options.gaps.contains(number) ? .memory(name: "gap", stage: "") : .inherited(number)
            contribution.open(DescriptorName("kept:\(number)"), source)
        }
        let gaps = context.options.gaps.sorted().map { UInt32($0) }
        contribution.add(.closeDescriptors(keep: UInt32(count), gaps: gaps), at: .closeDescriptors)
        return contribution
    }
}
