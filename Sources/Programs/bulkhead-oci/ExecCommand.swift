import Bundles
import Diagnostics
import LinuxKernel
import RuntimeSpec

/// One more process in a running container.
enum ExecCommand {
    static let command = Command(
        "run a program in a running container", usage: "ID PROGRAM [ARGUMENT ...]",
        options: OptionTable(
            flags: [
                ["tty", "t"], ["detach", "d"], ["no-new-privs"], ["ignore-paused"], ["no-subreaper"],
            ],
            values: [
                ["console-socket"], ["cwd"], ["env", "e"], ["user", "u"], ["additional-gids", "g"], ["process", "p"],
                ["pid-file"], ["process-label"], ["apparmor"], ["cap", "c"], ["preserve-fds"], ["cgroup"],
                ["pidfd-socket"],
            ]), wordsBeforeRest: 2
    ) { (invocation) throws(Failure) in
        let options = invocation.options
        guard let id = options.words.first else {
            throw Failure("usage", doing: "use exec", cause: "it takes a container id", remedy: "see `exec --help`")
        }
        let path = options.value("process")
        let configuration = path == nil ? try invocation.runtime.configuration(id) : nil
        let process: ProcessSpec
        if let path { process = try document(path) } else { process = try requested(options, id, configuration) }
        let socket = options.value("console-socket")
        guard !process.hasTerminal || socket != nil || !options.has("detach") else {
            throw Failure(
                "usage", doing: "give a detached process a terminal", cause: "nobody would have it",
                remedy: "name a --console-socket", field: "console-socket")
        }
        var bundle = BundleOptions()
        try PreservedDescriptors.add(options, to: &bundle) { invocation.report.log($0, level: "warning") }
        bundle.groupsBelow = options.all("cgroup")
        let joined = try invocation.runtime.join(
            id, process, configuration: configuration, options: bundle, whilePaused: options.has("ignore-paused"))
        do throws(Failure) {
            if let terminal = joined.terminal, let socket { try HandoverSocket.give(terminal: terminal, to: socket) }
            if let path = options.value("pidfd-socket") { try HandoverSocket.give(process: joined.process, to: path) }
            if let path = options.value("pid-file") { try PidFile.write(joined.process.id, to: path) }
            if options.has("detach") { return 0 }
            let shown = socket == nil ? joined.terminal : nil
            return try ForegroundSession(joined.process, terminal: shown).wait().status
        } catch {
            // It runs by now, and whoever asked for it knows nothing of it.
            throw joined.ended(after: error)
        }
    }

    /// The process of the container with what the options change.
    private static func requested(
        _ options: Options, _ id: String, _ container: RuntimeConfiguration?
    ) throws(Failure) -> ProcessSpec {
        guard var process = container?.process else {
            throw Failure("bundle.no-process", doing: "start a process in the container", on: id, cause: "it has none")
        }
        process.arguments = Array(options.words.dropFirst())
        guard !process.arguments.isEmpty else {
            throw Failure("usage", doing: "use exec", cause: "there is no program to execute")
        }
        process.hasTerminal = options.has("tty")
        process.environment += options.all("env")
        if let directory = options.value("cwd") {
            guard directory.begins(with: "/") else {
                throw Failure(
                    "usage", doing: "use --cwd \(Untrusted.shown(directory))", cause: "it does not begin with a slash",
                    remedy: "give the whole path as it is in the container", field: "cwd")
            }
            process.workingDirectory = directory
        }
        if options.has("no-new-privs") { process.noNewPrivileges = true }
        if let label = options.value("process-label") { process.selinuxLabel = label }
        if let profile = options.value("apparmor") { process.apparmorProfile = profile }
        if let user = options.value("user") { try change(&process, user: user) }
        for text in options.all("additional-gids") {
            guard let number = decimal(text) else { throw wrong("additional-gids", text) }
            process.user.groups.append(number)
        }
        try add(options.all("cap"), to: &process)
        return process
    }

    private static func document(_ path: String) throws(Failure) -> ProcessSpec {
        let bytes: [UInt8]
        do throws(KernelError) { bytes = try OwnedDescriptor.open(RawPath(path)).readAll(limit: 16 << 20) } catch {
            throw error.failure("exec.process", doing: "read the process", on: path)
        }
        let object = try SpecObject(parsing: bytes, document: path)
        let process = try ProcessSpec(object)
        guard process.arguments.first?.isEmpty == false else {
            throw object.refusal("args", "there is no program to execute")
        }
        return process
    }

    /// Digits and nothing else: "0x1f", "+1" and "1:" once became other users (CVE-2026-30892).
    private static func decimal(_ text: String) -> UInt32? {
        text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? UInt32(text) : nil
    }

    private static func wrong(_ option: String, _ text: String) -> Failure {
        Failure(
            "usage", doing: "use --\(option) \(Untrusted.shown(text))", cause: "it is no id",
            remedy: "give numbers, as UID or UID:GID", field: option)
    }

    private static func change(_ process: inout ProcessSpec, user text: String) throws(Failure) {
        let parts = text.cut(at: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count <= 2, let uid = decimal(parts[0]) else { throw wrong("user", text) }
        process.user.uid = uid
        guard parts.count == 2 else { return }
        guard let gid = decimal(parts[1]) else { throw wrong("user", text) }
        process.user.gid = gid
    }

    private static func add(_ names: [String], to process: inout ProcessSpec) throws(Failure) {
        if names.isEmpty { return }
        let added = try CapabilitySet(exactly: names)
        var sets = process.capabilities ?? .none
        sets.bounding.formUnion(added)
        sets.permitted.formUnion(added)
        sets.effective.formUnion(added)
        // Given as far as it is inheritable too.
        sets.ambient.formUnion(added)
        process.capabilities = sets
    }
}
