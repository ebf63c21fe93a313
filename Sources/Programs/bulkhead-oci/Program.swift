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
        flags: [["debug"], ["systemd-cgroup"], ["help", "h", "?", "usage"], ["version", "v", "V"]],
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
        opened.path = try logFile(options.value("log"))
        try opened.check()
        report = opened
        if options.words.first == "version", !options.has("version") {
            let table = OptionTable(flags: [["help", "h"]])
            try Options.parse(options.words.dropFirst(), table, of: "version").noWords(of: "version")
        }
        if options.has("version") || options.words.first == "version" {
            try Output.write(VersionText.text)
            return 0
        }
        guard let name = options.words.first, !options.has("help") else {
            try Output.write(HelpText.overview)
            return options.has("help") ? 0 : 1
        }
        let rest = options.words.dropFirst()
        if name == "help" || name == "h" { return try help(rest) }
        try refuse(options)
        var command = try command(name)
        command.options.flags.append(["help", "h"])
        let parsed = try Options.parse(rest, command.options, of: name, wordsBeforeRest: command.wordsBeforeRest)
        // podman takes help that is given for what is supported.
        if parsed.has("help"), !Commands.isRefused(name) { return try help([name]) }
        if name == "exec" { report.status = 255 }
        let runtime = BundleRuntime(
            root: options.value("root") ?? BundleStore.defaultRoot, launcherPath: Launcher.path())
        return try command.run(
            Invocation(
                runtime: runtime, namesRoot: options.value("root") != nil, options: parsed, report: report))
    }

    private static func command(_ name: String) throws(Failure) -> Command {
        guard let command = Commands.named(name) else {
            throw Failure(
                "usage", doing: "use the command", on: name, cause: "there is no such command",
                remedy: "see `bulkhead-oci --help`")
        }
        return command
    }

    /// `help`, and `help COMMAND`.
    private static func help(_ words: ArraySlice<String>) throws(Failure) -> Int32 {
        guard words.count <= 1 else {
            throw Failure(
                "usage", doing: "use help", cause: "it takes one word, a command, and got \(words.count)",
                remedy: "see `bulkhead-oci --help`")
        }
        guard let name = words.first else {
            try Output.write(HelpText.overview)
            return 0
        }
        try Output.write(HelpText.command(name, try command(name)))
        return 0
    }

    /// The file of --log, which crun's callers may write as `file:PATH`.
    private static func logFile(_ text: String?) throws(Failure) -> String? {
        guard let text else { return nil }
        if text.begins(with: "file:") { return String(text.dropFirst("file:".count)) }
        guard !text.begins(with: "journald:"), !text.begins(with: "syslog:") else {
            throw Failure(
                "usage", doing: "use the log", on: text, cause: "this runtime writes to files alone",
                remedy: "name a file", field: "log")
        }
        return text
    }

    /// systemd is asked over D-Bus by others; here cgroups are made where linux.cgroupsPath says.
    private static func refuse(_ options: Options) throws(Failure) {
        // Not the usual one for a variable that is not set: another's containers are in it.
        if options.all("root").last?.isEmpty == true {
            throw Failure("usage", doing: "use --root", cause: "it names no directory", field: "root")
        }
        if let rootless = options.value("rootless"), ["1", "t", "true"].contains(rootless.lowercased()) {
            throw Failure(
                "runtime.no-rootless", doing: "use --rootless \(Untrusted.shown(rootless))",
                cause: "this runtime makes cgroups and devices, which takes root",
                remedy: "run it as root: the container may have a user namespace all the same", field: "rootless")
        }
        let manager = options.value("cgroup-manager") ?? "cgroupfs"
        guard manager != "disabled" else {
            throw Failure(
                "runtime.no-groups", doing: "run containers without cgroups",
                cause: "this runtime finds a container's processes by them, to pause, to signal and to end them all",
                remedy: "use the cgroupfs manager", field: "cgroup-manager")
        }
        guard !options.has("systemd-cgroup"), manager == "cgroupfs" else {
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
        let directory = program.lastPosition(of: "/").map { String(program[..<$0]) } ?? ""
        for path in ["\(directory)/bulkhead-launch", "\(directory)/../libexec/bulkhead/bulkhead-launch"]
        where HostFacts.exists(path) {
            return path
        }
        return "/usr/libexec/bulkhead/bulkhead-launch"
    }
}
