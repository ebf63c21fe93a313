public import Diagnostics
import Emulation
import LaunchPlanning
import LinuxKernel
import RuntimeSpec

extension BundleRuntime {
    /// Lets a created container's program run, then runs the poststart hooks.
    public func start(_ id: String) throws(Failure) {
        // Callers that see the container while it is being created may start it at once, as those of runc do.
        try store.awaitCreation(id)
        let record = try required(id)
        let configuration = try configuration(id)
        let status = try status(record)
        guard status == .created else { throw Self.wrongState(id, status) }
        guard let process = configuration.process else {
            throw Failure(
                "bundle.no-process", doing: "start the container", on: id, cause: "its configuration has no process",
                remedy: "delete it", field: "process")
        }
        try start(record, configuration, process, in: try store.open(id))
    }

    private static func wrongState(_ id: String, _ status: RuntimeState.Status) -> Failure {
        Failure(
            "bundle.wrong-state", doing: "start the container", on: id,
            cause: "cannot start a container in the \(status.rawValue) state", remedy: "start one that is created")
    }

    /// The same for whoever has just created it, and knows all of this.
    public func start(_ created: CreatedBundle) throws(Failure) {
        guard let process = created.configuration.process else { return try start(created.record.id) }
        try start(created.record, created.configuration, process, in: created.place)
    }

    /// The connection that lets the launcher go on, which takes no other one. Whoever connected as well would hear its
    /// end, and take that for the beginning of the program: so one at a time connects and takes the socket away, and
    /// whoever comes later finds none.
    func takeSocket(_ record: BundleRecord, in place: OwnedDescriptor) throws(Failure) -> OwnedDescriptor {
        let name = BundleStart.socketName
        do throws(KernelError) {
            _ = try place.lock(exclusive: true, wait: true)
            let socket = try connection(to: name, in: place)
            try place.unlink(RawPath(name))
            try place.unlock()
            return socket
        } catch {
            guard error.errno == Errno.noEntry || error.errno == Errno.refused else {
                throw error.failure("bundle.cannot-start", doing: "start the container", on: record.id)
            }
            throw Self.wrongState(record.id, try status(record))
        }
    }

    private func connection(to name: String, in place: OwnedDescriptor) throws(KernelError) -> OwnedDescriptor {
        do throws(KernelError) { return try place.connectForPackets(to: name) } catch {
            // The launcher has gone on or has ended, and whoever let it go on was killed before it came to this.
            if error.errno == Errno.refused { try place.unlink(RawPath(name)) }
            throw error
        }
    }

    private func start(
        _ record: BundleRecord, _ configuration: RuntimeConfiguration, _ process: ProcessSpec,
        in place: OwnedDescriptor
    ) throws(Failure) {
        let socket = try takeSocket(record, in: place)
        // The specification: when a hook fails the container is stopped, and the life cycle goes on with its removal.
        do throws(Failure) {
            try release(socket, record, configuration)
            try runPoststart(record, configuration)
        } catch {
            if error.code != Self.hookFailed { throw error }
            var failure = error
            do throws(Failure) { try delete(record.id, force: true) { failure = failure.also($0) } } catch let other {
                failure = failure.also(other)
            }
            throw failure
        }
    }

    private static let hookFailed: Failure.Code = "bundle.hook-failed"
    private static let hookSentence = "run the startContainer hook"

    private func release(
        _ socket: OwnedDescriptor, _ record: BundleRecord, _ configuration: RuntimeConfiguration
    ) throws(Failure) {
        // Its program has not been executed when the listener is handed over.
        let state = RuntimeState(
            id: record.id, status: .created, process: record.process, bundle: record.bundle,
            annotations: configuration.annotations)
        let agent = ListenerAgent(section: configuration.linux.seccomp, process: record.process, state: state)
        var handover = ListenerHandover()
        // Killed before it took the connection, or let go by somebody who was killed before taking the socket away.
        func refuse() throws(Failure) { throw Self.wrongState(record.id, try status(record)) }
        _ = try LauncherMessages.hear(
            socket, until: nil, onReset: refuse, { (report) throws(Failure) in try explained(report, record.id) }
        ) { (report, descriptor) throws(Failure) in
            do throws(Failure) { try handover.hear(report, descriptor, agent.give) } catch {
                throw ended(record, error)
            }
        }
    }

    /// The launcher waits for its listener to be taken, and there is nobody left who will say so.
    private func ended(_ record: BundleRecord, _ failure: Failure) -> Failure {
        do throws(Failure) {
            guard let process = try process(record) else { return failure }
            do throws(KernelError) { try process.signal(SignalNumber.kill) } catch {
                throw error.failure("bundle.cannot-kill", doing: "kill the container", on: record.id)
            }
            return failure
        } catch { return failure.also(error) }
    }

    /// Why the program could not be started, by what `create` wrote down of the plan.
    private func explained(_ report: LauncherReport, _ id: String) throws(Failure) -> Failure {
        var lines: [String] = []
        do throws(KernelError) {
            lines = try TextFile.read("\(store.directory(id))/steps").cut(at: "\n").map(String.init)
        } catch { throw BundleStore.failed(error, "read the container's plan") }
        let index = Int(report.step) - (lines.first.flatMap { Int($0) } ?? 0) + 1
        let sentence = lines.indices.contains(index) && index > 0 ? lines[index] : "carry out step \(report.step)"
        let isStatus = report.detail == LauncherReport.Part.status.rawValue
        let status = report.error & 0x7f == 0 ? "status \(report.error >> 8 & 0xff)" : "signal \(report.error & 0x7f)"
        // "run the startContainer hook #0: /bin/false"
        guard sentence.begins(with: Self.hookSentence) else {
            return Failure("bundle.cannot-start", doing: sentence, cause: ErrnoName.described(report.error))
        }
        let hook = sentence.dropFirst("run the ".count)
        return Failure(
            Self.hookFailed, doing: "start the container", on: id,
            cause: "error running \(hook): "
                + (isStatus ? "it ended with \(status)" : ErrnoName.described(report.error)))
    }

    private func runPoststart(_ record: BundleRecord, _ configuration: RuntimeConfiguration) throws(Failure) {
        guard !configuration.hooks.poststart.isEmpty else { return }
        let state = RuntimeState(
            id: record.id, status: .running, process: record.process, bundle: record.bundle,
            annotations: configuration.annotations)
        try HookRunner.run(configuration.hooks.poststart, point: "poststart", state: state)
    }
}
