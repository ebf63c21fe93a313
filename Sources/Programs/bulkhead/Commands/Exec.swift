import ArgumentParser
import Containerizing
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import OCIFormat

struct Exec: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run one more command in a running container.",
        discussion: """
            The command gets the container's environment, user and directory unless flags say otherwise, and is behind \
            the same walls. A -- right after the container is left out. The exit status is the command's; 125, 126 \
            and 127 as for run.

            Examples:
              bulkhead exec web ps
              bulkhead exec -it web sh
              bulkhead exec -u 1000:1000 -e DEBUG=1 -w /srv web ls
            """)

    @OptionGroup(title: "Process") var process: ProcessOptions
    @OptionGroup(title: "Everywhere") var global: GlobalOptions
    @Argument(help: "Name or id.")
    var container: String
    @Argument(parsing: .captureForPassthrough, help: .init("The command and its arguments.", valueName: "command"))
    var command: [String] = []

    func run() throws {
        let words = try TaskWords(container, command, of: "exec", isForgiving: true)
        guard !words.command.isEmpty else {
            throw Failure(
                "container.no-command", doing: "run a command in container", on: words.subject,
                cause: "no command was given",
                remedy: "name one after the container", field: "command")
        }
        if process.tty, process.interactive, !Console.isTerminal(0) {
            throw Failure.flag(
                "tty", "true", cause: "our standard input is not a terminal", remedy: "leave --tty or --interactive out"
            )
        }
        let containerizer = try global.containerizer(launching: true)
        let record = try containerizer.find(words.subject)
        let request = try request(words.command, in: record.request, containerizer)
        let code = try run(request, in: record.request, containerizer)
        if code != 0 { throw TaskStatus(code: code) }
    }

    private func request(
        _ command: [String], in container: ContainerRequest, _ containerizer: NativeContainerizer
    ) throws(Failure) -> ProcessRequest {
        var request = container.process
        request.arguments = command
        request.terminal = process.tty ? StandardStreams.terminalRequest() : nil
        request.interactive = process.interactive
        if let directory = try process.workingDirectory() { request.workingDirectory = directory }
        var changes = process.tty && EnvironmentList.value("TERM", in: request.environment) == nil ? ["TERM=xterm"] : []
        if let spec = try process.userSpec() {
            let user = try Accounts.resolve(spec) { paths, limit throws(Failure) in
                try containerizer.containerFiles(paths, of: container.id, limit: limit)
            }
            (request.uid, request.gid, request.groups) = (user.uid, user.gid, user.supplementaryGroups)
            changes.append("HOME=" + (user.home ?? "/"))
        }
        request.environment = EnvironmentList.merged(
            EnvironmentList.merged(request.environment, changes), try process.environment())
        return request
    }

    private func run(
        _ request: ProcessRequest, in container: ContainerRequest, _ containerizer: NativeContainerizer
    ) throws(Failure) -> Int32 {
        var kind: StandardStreams.Kind = []
        if request.interactive { kind.insert(.input) }
        if request.terminal != nil { kind.insert(.terminal) }
        let streams = StandardStreams(kind, global.output)
        let signals = try SignalForwarding()
        let joined = try containerizer.exec(container.id, request, attachment: try streams.attachment())
        defer { streams.restore() }
        do throws(Failure) { try connect(joined, streams, signals) } catch let first {
            do throws(Failure) { try joined.send(SignalNumber.kill) } catch { throw first.also(error) }
            throw first
        }
        let code = try joined.wait()
        signals.taskHasEnded(streams.giveUp)
        let isShown = streams.finish()
        return code == 0 && !isShown ? ErrorReport.ownStatus : code
    }

    private func connect(
        _ joined: JoinedProcess, _ streams: StandardStreams, _ signals: SignalForwarding
    ) throws(Failure) {
        try streams.start(terminal: joined.terminal) {
            do throws(Failure) { try joined.send(SignalNumber.brokenPipe) } catch { return }
        }
        let terminal = joined.terminal
        try signals.start(
            name: "the command", send: { signal throws(Failure) in try joined.send(signal) },
            resize: { ForegroundRun.resize(terminal) })
    }
}
