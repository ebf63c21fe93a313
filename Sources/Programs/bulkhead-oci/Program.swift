import Bundles
import Diagnostics
import LinuxKernel
import RuntimeSpec

/// The command line of OCI runtimes: `bulkhead-oci [global options] command [options] [words]`.
@main
enum Program {
    /// In step with CommandOutput.ProgramVersion, which would bring the argument parser along.
    static let version = "0.2.0"

    static func main() {
        CurrentProcess.growHeap(by: 1 << 20)
        SignalQueue.ignoreBrokenPipes()
        CurrentProcess.fillStandardStreams()
        var report = Report()
        do throws(Failure) {
            CurrentProcess.exit(try run(CommandLine.arguments.dropFirst(), &report))
        } catch {
            report.tell(error)
            CurrentProcess.exit(report.status)
        }
    }

    private static let globals = OptionTable(
        flags: [["debug"], ["systemd-cgroup"], ["help", "h"], ["version", "v"]],
        values: [
            ["root"], ["log"], ["log-format"], ["log-level"], ["cgroup-manager"], ["rootless"], ["criu"],
        ])

    private static func run(_ arguments: ArraySlice<String>, _ report: inout Report) throws(Failure) -> Int32 {
        let options = try Options.parse(arguments, globals, of: "bulkhead-oci", wordsBeforeRest: 1, keepsDashes: true)
        let format = options.value("log-format") ?? "text"
        guard format == "json" || format == "text" else {
            throw Failure(
                "usage", doing: "use the log format", on: format, cause: "there are text and json", field: "log-format")
        }
        report.isJSON = format == "json"
        var opened = report
        opened.path = options.value("log")
        try opened.check()
        report = opened
        if options.has("version") || options.words.first == "version" {
            try Output.write(VersionText.text)
            return 0
        }
        guard let name = options.words.first, !options.has("help"), name != "help" else {
            try Output.write(HelpText.overview)
            return options.has("help") || options.words.first == "help" ? 0 : 1
        }
        try refuse(options)
        guard let command = Commands.named(name) else {
            throw Failure(
                "usage", doing: "use the command", on: name, cause: "there is no such command",
                remedy: "see `bulkhead-oci --help`")
        }
        let rest = options.words.dropFirst()
        if let first = rest.first, first == "--help" || first == "-h" {
            try Output.write(HelpText.command(name, command))
            return 0
        }
        let parsed = try Options.parse(rest, command.options, of: name, wordsBeforeRest: command.wordsBeforeRest)
        if name == "exec" { report.status = 255 }
        let runtime = BundleRuntime(
            root: options.value("root") ?? BundleStore.defaultRoot, launcherPath: Launcher.path())
        return try command.run(
            Invocation(
                runtime: runtime, namesRoot: options.value("root") != nil, options: parsed, report: report))
    }

    /// systemd is asked over D-Bus by others; here cgroups are made where linux.cgroupsPath says.
    private static func refuse(_ options: Options) throws(Failure) {
        let manager = options.value("cgroup-manager") ?? "cgroupfs"
        guard !options.has("systemd-cgroup"), manager == "cgroupfs" || manager == "disabled" else {
            throw Failure(
                "runtime.no-systemd", doing: "let systemd make the cgroups", cause: "this runtime makes them itself",
                remedy: "use the cgroupfs manager (podman: --cgroup-manager=cgroupfs)", field: "systemd-cgroup")
        }
    }
}

/// What a command is called with.
struct Invocation {
    let runtime: BundleRuntime
    /// Whether --root was given.
    let namesRoot: Bool
    let options: Options
    let report: Report
}

struct Command: Sendable {
    var summary: String
    var usage: String
    var options: OptionTable
    /// Everything after so many words belongs to the program that is executed.
    var wordsBeforeRest: Int?
    var run: @Sendable (Invocation) throws(Failure) -> Int32

    init(
        _ summary: String, usage: String, options: OptionTable = OptionTable(), wordsBeforeRest: Int? = nil,
        run: @escaping @Sendable (Invocation) throws(Failure) -> Int32
    ) {
        self.summary = summary
        self.usage = usage
        self.options = options
        self.wordsBeforeRest = wordsBeforeRest
        self.run = run
    }
}

enum Launcher {
    /// BULKHEAD_LAUNCHER, beside this program, or where packages put it.
    static func path() -> String {
        if let path = ProcessEnvironment.value("BULKHEAD_LAUNCHER") { return path }
        let program = HostFacts.linkTarget("/proc/self/exe") ?? "/"
        let directory = program.lastIndex(of: "/").map { String(program[..<$0]) } ?? ""
        for path in ["\(directory)/bulkhead-launch", "\(directory)/../libexec/bulkhead/bulkhead-launch"]
        where HostFacts.exists(path) {
            return path
        }
        return "/usr/libexec/bulkhead/bulkhead-launch"
    }
}
