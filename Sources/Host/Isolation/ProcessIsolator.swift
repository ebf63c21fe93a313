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
        var division = Division(
            isInit: request.isolation.hasInit, pumps: true, hasTerminal: request.process.terminal != nil,
            exitRecord: "exit-record", logs: [], logBytesMax: Self.logBytesMax, outputSink: nil, errorSink: nil,
            initFilter: try context.filters.initFilter())
        var process = request.process
        process.environment = try SecretIsolator.environment(request)
        if request.holdsOnly == true {
            try Self.hold(request, &division, &process)
        } else {
            try Self.connect(context, &division, &contribution)
        }
        contribution.add(.divide(division), at: request.isolation.hasInit ? .divide : .separate)
        try Self.add(process, to: &contribution)
        return contribution
    }

    /// A plan ends with a program whether or not anybody gets that far.
    private static func hold(
        _ request: ContainerRequest, _ division: inout Division, _ process: inout ProcessRequest
    ) throws(Failure) {
        guard request.isolation.hasInit, process.terminal == nil else {
            throw Failure(
                "container.cannot-hold", doing: "make a container that only holds namespaces", on: request.id.text,
                cause: "it must have an init and no terminal", field: "init")
        }
        division.holds = true
        division.pumps = false
        process.arguments = ["hold"]
        process.interactive = false
    }

    /// Where the output goes: files that were asked for, or the log, and whoever reads it as it comes.
    private static func connect(
        _ context: LaunchContext, _ division: inout Division, _ contribution: inout PlanContribution
    ) throws(Failure) {
        let request = context.request
        if request.output == nil && request.error == nil {
            division.logs = ["log:0", "log:1"]
            for (number, name) in division.logs.enumerated() { contribution.open(name, .log(number)) }
            guard context.hasReader else { return }
            openSinks(&contribution)
            division.outputSink = "output"
            division.errorSink = "error"
            return
        }
        guard request.output?.path != request.error?.path else {
            throw Failure(
                "container.one-file", doing: "write the container's output", on: request.output?.path,
                cause: "output and errors are two files", remedy: "name two", field: "output")
        }
        if let file = request.output {
            contribution.open("output", Self.source(of: file))
            division.outputSink = "output"
            division.outputBytesMax = try limit(of: file)
        }
        if let file = request.error {
            contribution.open("error", Self.source(of: file))
            division.errorSink = "error"
            division.errorBytesMax = try limit(of: file)
        }
    }

    private static func source(of file: OutputFile) -> DescriptorSource {
        .outputFile(path: file.path, isLimited: file.bytesMax != nil, beneath: file.confinedTo)
    }

    /// Below it the blocks of a file system would not let the limit be kept.
    public static let outputBytesMin: UInt64 = 65_536

    private static func limit(of file: OutputFile) throws(Failure) -> UInt64 {
        guard let limit = file.bytesMax else { return 0 }
        guard limit >= outputBytesMin else {
            throw Failure(
                "container.output-limit", doing: "limit the container's output to \(limit) bytes", on: file.path,
                cause: "it is less than a limit can be", remedy: "give at least \(outputBytesMin)", field: "output",
                limit: "output file \(outputBytesMin) bytes")
        }
        return limit
    }

    static func openSinks(_ contribution: inout PlanContribution) {
        contribution.open("output", .stream(1))
        contribution.open("error", .stream(2))
    }

    /// The part a container's first process and an exec have in common.
    public static func add(_ process: ProcessRequest, to contribution: inout PlanContribution) throws(Failure) {
        guard let program = process.arguments.first else {
            throw Failure(
                "container.no-command", doing: "start the container",
                cause: "neither the image nor you named a command",
                remedy: "give a command after the image", field: "command")
        }
        guard !program.isEmpty else {
            throw Failure(
                "launch.program-not-found", doing: "execute the command",
                cause: "its first word, the program's name, is empty", remedy: "name a program of the image",
                field: "command")
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
