/// A plan in words, for people (`text`) and, encoded as it is, for programs.
public struct PlanExplanation: Codable, Equatable, Sendable {
    public struct Step: Codable, Equatable, Sendable {
        /// The index by which the launcher reports the step.
        public var number: Int
        public var stage: String
        public var isolator: String
        public var does: String
    }
    /// What the process is born with and what is opened for it, one line each.
    public var before: [String]
    public var steps: [Step]
}

extension LaunchPlan {
    /// The plan as `--explain` shows it.
    public func explain() -> String { explanation.text }

    /// What each step from `first` on does, the end of "cannot …".
    public func sentences(from first: Int) -> [String] { steps.dropFirst(first).map { sentence(for: $0.step) } }

    public var explanation: PlanExplanation {
        PlanExplanation(
            before: spawn.lines + descriptors.map { "open \($0.key.text): \($0.value.sentence)" },
            steps: steps.enumerated().map { index, planned in
                PlanExplanation.Step(
                    number: index, stage: "\(planned.stage)", isolator: planned.isolator,
                    does: sentence(for: planned.step))
            })
    }
}

extension PlanExplanation {
    /// Lines grouped by stage, each with the step's number, its isolator and what it does.
    public var text: String {
        var lines = ["before the launch"] + before.map { "    \($0)" }
        var stage = ""
        let width = steps.map(\.isolator.count).max() ?? 0
        for step in steps {
            if step.stage != stage { lines.append(Self.title(step.stage)) }
            stage = step.stage
            let number = String(repeating: " ", count: max(0, 3 - "\(step.number)".count)) + "\(step.number)"
            let isolator = step.isolator + String(repeating: " ", count: width - step.isolator.count)
            lines.append(" \(number)  \(isolator)  \(step.does)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `kernelFilesystems` as "kernel filesystems".
    private static func title(_ stage: String) -> String {
        stage.map { $0.isUppercase ? " " + $0.lowercased() : String($0) }.joined()
    }
}

extension SpawnOptions {
    var lines: [String] {
        var lines = ["new namespaces: \(namespaces.isEmpty ? "none" : namespaces.names)"]
        if !joined.isEmpty { lines.append("born in another container's namespaces: \(joined.names)") }
        lines += userMap.map { "user ids \($0.sentence)" }
        lines += groupMap.map { "group ids \($0.sentence)" }
        if let timeOffsets {
            lines.append("time offsets: " + timeOffsets.cut(at: "\n").joined(separator: ", "))
        }
        lines.append(inControlGroup ? "born in the container's cgroup" : "born in the caller's cgroup")
        if let memoryScore { lines.append("OOM score adjustment \(memoryScore)") }
        return lines
    }
}

extension IDMapping {
    var sentence: String {
        let more = UInt64(max(count, 1)) - 1
        return "\(inside)-\(UInt64(inside) + more) inside are \(outside)-\(UInt64(outside) + more) on the host"
    }
}
