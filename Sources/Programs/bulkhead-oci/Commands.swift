import Bundles
import Diagnostics
import LinuxKernel
import RuntimeSpec

/// Every command by its name.
enum Commands {
    /// One at a time: making them all took a tenth of the time an `exec` takes.
    static func named(_ name: String) -> Command? {
        switch name {
        case "create": CreateCommand.create
        case "run": CreateCommand.run
        case "start": start
        case "state": state
        case "kill": kill
        case "delete": delete
        case "pause": pause
        case "resume": resume
        case "exec": ExecCommand.command
        case "list": ListCommand.list
        case "ps": ListCommand.ps
        case "update": UpdateCommand.command
        case "events": EventsCommand.command
        case "features": features
        case "spec": spec
        case "checkpoint", "restore": checkpoint
        default: nil
        }
    }

    /// Those that are known to be refused, whatever they are asked.
    static func isRefused(_ name: String) -> Bool { name == "checkpoint" || name == "restore" }

    static let order = [
        "create", "start", "run", "exec", "state", "list", "ps", "kill", "pause", "resume", "update", "events",
        "delete",
        "features", "spec",
    ]

    private static let start = Command("run the program of a created container", usage: "ID") {
        (invocation) throws(Failure) in
        try invocation.runtime.start(try invocation.options.word("container id", of: "start"))
        return 0
    }

    private static let state = Command(
        "print the state of a container", usage: "ID", options: OptionTable(flags: [["all", "a"]])
    ) { (invocation) throws(Failure) in
        let id = try invocation.options.word("container id", of: "state")
        // Whoever asks while it is being created wants to know when it is; other runtimes know of none until then.
        try invocation.runtime.store.awaitCreation(id, seconds: 1)
        let document = try ListCommand.document(id, invocation.runtime)
        try Output.write(Untrusted.inJSON(document.pretty(indent: "  ")) + "\n")
        return 0
    }

    private static let kill = Command(
        "send a signal to a container: TERM unless another is named", usage: "ID [SIGNAL]",
        options: OptionTable(flags: [["all", "a"], ["regex", "r"]])
    ) { (invocation) throws(Failure) in
        let words = invocation.options.words
        guard words.count == 1 || words.count == 2 else {
            throw Failure("usage", doing: "use kill", cause: "it takes a container id and a signal")
        }
        let name = words.count == 2 ? words[1] : "TERM"
        // 0 asks whether there is a process to signal, kill(2).
        guard let signal = name == "0" ? 0 : SignalNumber.named(name) else {
            throw Failure(
                "usage", doing: "send the signal", on: name, cause: "there is no such signal", field: "signal")
        }
        for id in try named(words[0], invocation) {
            try invocation.runtime.kill(id, signal: signal, all: invocation.options.has("all"))
        }
        return 0
    }

    private static let delete = Command(
        "remove a stopped container, or with --force any", usage: "ID",
        options: OptionTable(flags: [["force", "f"], ["regex", "r"]])
    ) { (invocation) throws(Failure) in
        let word = try invocation.options.word("container id", of: "delete")
        for id in try named(word, invocation) {
            try invocation.runtime.delete(id, force: invocation.options.has("force")) {
                invocation.report.tell($0, level: "warning")
            }
        }
        return 0
    }

    /// Known by name, because engines ask for it and are to be told why not.
    private static let checkpoint = Command(
        "not supported", usage: "ID",
        options: OptionTable(
            flags: [
                ["leave-running"], ["tcp-established"], ["ext-unix-sk"], ["shell-job"], ["lazy-pages"], ["file-locks"],
                ["pre-dump"], ["auto-dedup"], ["detach", "d"], ["no-subreaper"], ["no-pivot"],
            ],
            values: [
                ["image-path"], ["work-path"], ["parent-path"], ["status-fd"], ["page-server"], ["empty-ns"],
                ["manage-cgroups-mode"], ["bundle", "b"], ["console-socket"], ["pid-file"], ["lsm-profile"],
                ["lsm-mount-context"], ["preserve-fds"],
            ])
    ) {
        (_) throws(Failure) in
        throw Failure(
            "runtime.no-checkpoint", doing: "checkpoint or restore a container",
            cause: "this runtime keeps no images of running processes",
            remedy: "use a runtime with CRIU for containers that move")
    }

    /// The container that is named, or with --regex those whose ids are of that form, crun's way.
    private static func named(_ word: String, _ invocation: Invocation) throws(Failure) -> [String] {
        guard invocation.options.has("regex") else { return [word] }
        let pattern: NamePattern
        do throws(KernelError) { pattern = try NamePattern(word) } catch {
            throw error.failure("usage", doing: "use --regex", remedy: "give an extended regular expression")
        }
        return try invocation.runtime.store.ids().filter { pattern.matches($0) }
    }

    private static let pause = Command("stop all processes of a container for a while", usage: "ID") {
        (invocation) throws(Failure) in
        try invocation.runtime.pause(try invocation.options.word("container id", of: "pause"), true)
        return 0
    }

    private static let resume = Command("let a paused container go on", usage: "ID") { (invocation) throws(Failure) in
        try invocation.runtime.pause(try invocation.options.word("container id", of: "resume"), false)
        return 0
    }

    private static let features = Command("print what this runtime supports", usage: "") {
        (invocation) throws(Failure) in
        try invocation.options.noWords(of: "features")
        try Output.write(RuntimeFeatures.document(version: Program.version).pretty(indent: "  ") + "\n")
        return 0
    }

    private static let spec = Command(
        "write a config.json to begin with", usage: "",
        options: OptionTable(flags: [["rootless"]], values: [["bundle", "b"], ["file", "f"]])
    ) { (invocation) throws(Failure) in
        let options = invocation.options
        try options.noWords(of: "spec")
        let bundle = options.value("bundle") ?? ""
        let given = options.value("file")
        let file = given ?? "config.json"
        let path = file.begins(with: "/") ? file : "\(bundle.isEmpty ? "." : bundle)/\(file)"
        // A file that is named is written over, as by crun: it may be /dev/stdout.
        let flags: OpenFlags = given == nil ? [.writeOnly, .create, .exclusive] : [.writeOnly, .create, .truncate]
        do throws(KernelError) {
            try OwnedDescriptor.open(RawPath(path), flags, mode: 0o666)
                .write(SpecTemplate.document(rootless: options.has("rootless")).pretty() + "\n")
        } catch {
            throw error.failure(
                "spec", doing: "write \(Untrusted.shown(file))",
                remedy: error.errno == Errno.exists ? "remove the one that is there" : nil)
        }
        return 0
    }
}

enum VersionText {
    static var text: String {
        "bulkhead-oci version \(Program.version)\nspec: \(RuntimeState.version)\n+SECCOMP +CAP +EBPF\n"
    }
}

enum HelpText {
    static var overview: String {
        var lines = [
            "usage: bulkhead-oci [--root DIR] [--log FILE] [--log-format text|json] COMMAND ...", "",
            "Runs bundles of the OCI runtime specification. For example:", "",
            "    bulkhead-oci run --bundle /srv/bundle one", "", "commands:",
        ]
        for name in Commands.order {
            guard let command = Commands.named(name) else { continue }
            lines.append("    \(name)\(String(repeating: " ", count: 10 - name.count))\(command.summary)")
        }
        lines += ["", "`bulkhead-oci COMMAND --help` lists the options of a command.", ""]
        return lines.joined(separator: "\n")
    }

    static func command(_ name: String, _ command: Command) -> String {
        func words(_ group: [String]) -> String {
            group.map { $0.count == 1 ? "-\($0)" : "--\($0)" }.joined(separator: ", ")
        }
        var lines = ["usage: bulkhead-oci \(name) [options] \(command.usage)", "", command.summary, ""]
        lines += command.options.flags.map { "    \(words($0))" }
        lines += command.options.values.map { "    \(words($0)) VALUE" }
        return lines.joined(separator: "\n") + "\n"
    }
}
