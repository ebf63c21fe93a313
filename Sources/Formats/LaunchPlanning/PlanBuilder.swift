public import Diagnostics
import OrderedCollections

/// Puts the contributions of all isolators together into one plan that has been checked as a whole.
public enum PlanBuilder {
    /// The plan of `contributions`, which are in the order of the isolators. Steps are ordered by stage, within a stage
    /// by isolator, within an isolator as they were added. The same contributions always give the same plan.
    ///
    /// - Throws: `Failure` when two isolators contradict each other or a rule of `LaunchPlan.validated()` is broken.
    public static func build(_ contributions: [PlanContribution]) throws(Failure) -> LaunchPlan {
        var plan = LaunchPlan(
            spawn: SpawnOptions(namespaces: [], userMap: [], groupMap: [], inControlGroup: false), descriptors: [:],
            steps: [])
        for contribution in contributions {
            try merge(contribution, into: &plan.spawn)
            try merge(contribution, into: &plan.descriptors)
        }
        for stage in Stage.allCases {
            // By place: taking out each entry to ask for its stage copies the step as well.
            for part in contributions.indices {
                for place in contributions[part].steps.indices where contributions[part].steps[place].stage == stage {
                    plan.steps.append(
                        PlannedStep(
                            stage: stage, isolator: contributions[part].isolator,
                            step: contributions[part].steps[place].step))
                }
            }
        }
        return try plan.validated()
    }

    private static func merge(_ contribution: PlanContribution, into spawn: inout SpawnOptions) throws(Failure) {
        spawn.namespaces.formUnion(contribution.namespaces)
        spawn.joined.formUnion(contribution.joined)
        spawn.joinedFiles += contribution.joinedFiles
        spawn.inControlGroup = spawn.inControlGroup || contribution.inControlGroup
        spawn.userMap = try agreed(
            spawn.userMap, contribution.userMap, absent: [], on: "user id map", by: contribution.isolator)
        spawn.groupMap = try agreed(
            spawn.groupMap, contribution.groupMap, absent: [], on: "group id map", by: contribution.isolator)
        spawn.timeOffsets = try agreed(
            spawn.timeOffsets, contribution.timeOffsets, absent: nil, on: "time offsets", by: contribution.isolator)
        spawn.memoryScore = try agreed(
            spawn.memoryScore, contribution.memoryScore, absent: nil, on: "OOM score", by: contribution.isolator)
    }

    /// What one isolator asks for when no other asks for something else.
    private static func agreed<Value: Equatable>(
        _ known: Value, _ asked: Value, absent: Value, on subject: String, by isolator: String
    ) throws(Failure) -> Value {
        if asked == absent || asked == known { return known }
        guard known == absent else {
            throw Failure(
                "plan.contradiction", doing: "build the launch plan", on: subject,
                cause: "isolator \(isolator) and another one ask for different values")
        }
        return asked
    }

    private static func merge(
        _ contribution: PlanContribution, into descriptors: inout OrderedDictionary<DescriptorName, DescriptorSource>
    ) throws(Failure) {
        for entry in contribution.descriptors {
            if let known = descriptors[entry.name], known != entry.source {
                throw Failure(
                    "plan.contradiction", doing: "build the launch plan", on: entry.name.text,
                    cause: "isolator \(contribution.isolator) opens a descriptor whose name stands for another one")
            }
            descriptors[entry.name] = entry.source
        }
    }
}
