public import Diagnostics
public import LaunchPlanning

/// Descriptors 0 to 2: those of the caller, or a terminal of the container's own devpts.
public struct BundleStreams: BundleContributor {
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "streams")
        // Their group stays: terminals are of the one that may write to all of them.
        let (uid, gid) = (context.process?.user.uid ?? 0, UInt32.max)
        if let process = context.process, process.hasTerminal {
            let size = process.consoleSize ?? (0, 0)
            contribution.add(
                .terminal(rows: min(size.rows, 65_535), columns: min(size.columns, 65_535), uid: uid, gid: gid),
                at: .terminal)
            if context.buildsRoot { contribution.add(.bindConsole, at: .terminal) }
        } else {
            for (number, name): (Int, DescriptorName) in [(0, "input"), (1, "output"), (2, "error")] {
                contribution.open(name, .stream(number))
            }
            contribution.add(.standardStreams(input: "input", output: "output", error: "error"), at: .terminal)
            contribution.add(.ownStreams(uid: uid, gid: gid), at: .terminal)
        }
        return contribution
    }
}
