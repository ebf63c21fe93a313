import Bundles
import Diagnostics
import LinuxKernel
import RuntimeSpec

/// `create` and `run`.
enum CreateCommand {
    static let options = OptionTable(
        flags: [["no-pivot"], ["no-new-keyring"], ["no-subreaper"]],
        values: [
            ["bundle", "b"], ["console-socket"], ["pid-file"], ["preserve-fds"], ["config", "f"], ["pidfd-socket"],
        ])

    static let create = Command(
        "make a container up to the point where its program runs", usage: "ID", options: options) {
        (invocation) throws(Failure) in
        let id = try invocation.options.word("container id", of: "create")
        let created = try make(invocation, id, terminal: .refused)
        do throws(Failure) {
            try hand(created, invocation)
        } catch {
            throw takenBack(created, error, invocation)
        }
        return 0
    }

    static let run = Command(
        "make a container, run its program and wait for it", usage: "ID",
        options: OptionTable(flags: options.flags + [["detach", "d"], ["keep"]], values: options.values)
    ) { (invocation) throws(Failure) in
        let id = try invocation.options.word("container id", of: "run")
        let detached = invocation.options.has("detach")
        let created = try make(invocation, id, terminal: detached ? .refused : .own)
        let end: ProcessEnd
        do throws(Failure) {
            try hand(created, invocation)
            let shown = invocation.options.value("console-socket") == nil ? created.terminal : nil
            let session = detached ? nil : try ForegroundSession(created.process, terminal: shown)
            try invocation.runtime.start(created)
            guard let session else { return 0 }
            end = try session.wait()
        } catch {
            throw takenBack(created, error, invocation)
        }
        if !invocation.options.has("keep") {
            try invocation.runtime.delete(created) { invocation.report.tell($0, level: "warning") }
        }
        return end.status
    }

    private static func make(
        _ invocation: Invocation, _ id: String, terminal: TerminalUse
    ) throws(Failure) -> CreatedBundle {
        let options = invocation.options
        var bundle = BundleOptions()
        bundle.changesRootWithoutPivot = options.has("no-pivot")
        bundle.keepsKeyring = options.has("no-new-keyring")
        try PreservedDescriptors.add(options, to: &bundle) { invocation.report.log($0, level: "warning") }
        return try invocation.runtime.create(
            id, bundle: options.value("bundle") ?? ".", configurationPath: options.value("config"), options: bundle,
            terminal: options.value("console-socket") == nil ? terminal : .socket,
            note: { invocation.report.log($0, level: "warning") })
    }

    private static func hand(_ created: CreatedBundle, _ invocation: Invocation) throws(Failure) {
        if let terminal = created.terminal, let path = invocation.options.value("console-socket") {
            try HandoverSocket.give(terminal: terminal, to: path)
        }
        if let path = invocation.options.value("pidfd-socket") {
            try HandoverSocket.give(process: created.process, to: path)
        }
        if let path = invocation.options.value("pid-file") { try PidFile.write(created.process.id, to: path) }
    }

    private static func takenBack(_ created: CreatedBundle, _ failure: Failure, _ invocation: Invocation) -> Failure {
        do throws(Failure) {
            try invocation.runtime.discard(created) { invocation.report.tell($0, level: "warning") }
            return failure
        } catch { return failure.also(error) }
    }
}

enum PidFile {
    /// Whole or not at all: whoever waits for it reads it at once. Others may write to the directory, so it is made
    /// under a name they cannot know, and never written through what they put there.
    static func write(_ process: Int32, to path: String) throws(Failure) {
        let slash = path.lastPosition(of: "/")
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { String(path[path.utf8.index(after: $0)...]) } ?? path
        let unfinished = RawPath(".\(KernelRandom.uuid()).new")
        do throws(KernelError) {
            let place = try OwnedDescriptor.open(RawPath(directory), [.directory])
            let file = try place.open(unfinished, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o644)
            do throws(KernelError) {
                try file.write("\(process)")
                try place.rename(unfinished, to: RawPath(name))
            } catch let failure {
                try place.unlink(unfinished)
                throw failure
            }
        } catch { throw error.failure("pid-file", doing: "write the pid file", on: path) }
    }
}

/// Sockets at which somebody waits for a descriptor.
enum HandoverSocket {
    static func give(terminal: OwnedDescriptor, to path: String) throws(Failure) {
        do throws(KernelError) { try send(terminal, named: "/dev/ptmx", to: path) } catch {
            throw error.failure(
                "console-socket", doing: "hand over the terminal", on: path, remedy: "listen at --console-socket")
        }
    }

    /// A pidfd: a number can be another process's by the time it is read.
    static func give(process: ProcessHandle, to path: String) throws(Failure) {
        do throws(KernelError) { try send(process.descriptor, named: "pidfd", to: path) } catch {
            throw error.failure(
                "pidfd-socket", doing: "hand over the process", on: path, remedy: "listen at --pidfd-socket")
        }
    }

    private static func send(
        _ descriptor: OwnedDescriptor, named name: String, to path: String
    ) throws(KernelError) {
        try OwnedDescriptor.connection(toSocketAt: path).sendMessage(Array(name.utf8), descriptors: [descriptor])
    }
}

extension ProcessEnd {
    /// As a shell gives it.
    var status: Int32 {
        switch self {
        case .exited(let status): status
        case .signaled(let number): 128 + number
        }
    }
}
