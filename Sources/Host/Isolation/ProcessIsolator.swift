public import Containers
public import Diagnostics
public import LaunchPlanning

/// The process itself: the fork that leaves init behind, its terminal or streams, where it starts and what it runs.
public struct ProcessIsolator: Isolator {
    public let name = "process"
    /// Size at which one of the two log files is full.
    public static let logBytesMax: UInt64 = 16 << 20
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        let request = context.request
        var contribution = PlanContribution(isolator: name)
        contribution.open("exit-record", .exitRecord)
        contribution.open("log:0", .log(0))
        contribution.open("log:1", .log(1))
        if context.hasReader { Self.openSinks(&contribution) }
        let division = Division(
            isInit: request.isolation.hasInit, pumps: true, hasTerminal: request.process.terminal != nil,
            exitRecord: "exit-record", logs: ["log:0", "log:1"], logBytesMax: Self.logBytesMax,
            outputSink: context.hasReader ? "output" : nil, errorSink: context.hasReader ? "error" : nil,
            initFilter: try context.filters.initFilter())
        contribution.add(.divide(division), at: request.isolation.hasInit ? .divide : .separate)
        try Self.add(request.process, to: &contribution)
        return contribution
    }

    static func openSinks(_ contribution: inout PlanContribution) {
        contribution.open("output", .stream(1))
        contribution.open("error", .stream(2))
    }

    /// The part a container's first process and an exec have in common.
    public static func add(_ process: ProcessRequest, to contribution: inout PlanContribution) throws(Failure) {
        guard let program = process.arguments.first, !program.isEmpty else {
            throw Failure(
                "container.no-command", doing: "start the container",
                cause: "neither the image nor you named a command",
                remedy: "give a command after the image", field: "command")
        }
        if let terminal = process.terminal {
            contribution.add(
                .terminal(rows: terminal.rows, columns: terminal.columns, uid: process.uid, gid: process.gid),
                at: .terminal)
        } else {
            if process.interactive { contribution.open("input", .stream(0)) }
            contribution.add(
                .standardStreams(input: process.interactive ? "input" : nil, output: nil, error: nil), at: .terminal)
        }
        contribution.add(.workingDirectory(process.workingDirectory), at: .workingDirectory)
        contribution.add(.closeDescriptors(keep: 0), at: .closeDescriptors)
        contribution.add(
            .execute(arguments: process.arguments, environment: process.environment), at: .execute)
    }
}
