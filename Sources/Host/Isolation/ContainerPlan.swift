public import Diagnostics
public import LaunchPlanning

/// The plan of a container's first process.
public enum ContainerPlan {
    /// Pure: nothing is opened, made or started. See `LaunchPlan.explain()`.
    public static func build(_ context: LaunchContext) throws(Failure) -> LaunchPlan {
        var contributions: [PlanContribution] = []
        for isolator in Isolators.all { contributions.append(try isolator.prepare(context)) }
        return try PlanBuilder.build(contributions)
    }
}
