public import Diagnostics
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
        guard status == .created else {
            throw Failure(
                "bundle.wrong-state", doing: "start the container", on: id,
                cause: "cannot start a container in the \(status.rawValue) state", remedy: "start one that is created")
        }
        guard let process = configuration.process else {
            throw Failure(
                "bundle.no-process", doing: "start the container", on: id, cause: "its configuration has no process",
                remedy: "delete it", field: "process")
        }
        try start(record, configuration, process)
    }

    /// The same for whoever has just created it, and knows all of this.
    public func start(_ created: CreatedBundle) throws(Failure) {
        guard let process = created.configuration.process else { return try start(created.record.id) }
        try start(created.record, created.configuration, process)
    }

    private func start(
        _ record: BundleRecord, _ configuration: RuntimeConfiguration, _ process: ProcessSpec
    ) throws(Failure) {
        let place = try store.open(record.id)
        let socket: OwnedDescriptor
        do throws(KernelError) {
            socket = try place.connectForPackets(to: BundleStart.socketName)
            try place.unlink(RawPath(BundleStart.socketName))
        } catch {
            throw error.failure("bundle.cannot-start", doing: "start the container", on: record.id)
        }
        try release(socket, record, configuration)
        try runPoststart(record, configuration)
    }

    private func release(
        _ socket: OwnedDescriptor, _ record: BundleRecord, _ configuration: RuntimeConfiguration
    ) throws(Failure) {
        _ = try LauncherMessages.hear(
            socket, until: nil, { (report) throws(Failure) in try explained(report, record.id) }
        ) { (report, word) throws(Failure) in
            guard report.kind == .listener, let word else { return }
            try handOver(report, word, record, configuration)
        }
    }

    /// Why the program could not be started, by what `create` wrote down of the plan.
    private func explained(_ report: LauncherReport, _ id: String) throws(Failure) -> Failure {
        var lines: [String] = []
        do throws(KernelError) {
            lines = try TextFile.read("\(store.directory(id))/steps").split(separator: "\n").map(String.init)
        } catch { throw BundleStore.failed(error, "read the container's plan") }
        let index = Int(report.step) - (lines.first.flatMap { Int($0) } ?? 0) + 1
        let sentence = lines.indices.contains(index) && index > 0 ? lines[index] : "carry out step \(report.step)"
        let isStatus = report.detail == LauncherReport.Part.status.rawValue
        let status = report.error & 0x7f == 0 ? "status \(report.error >> 8 & 0xff)" : "signal \(report.error & 0x7f)"
        return Failure(
            isStatus ? "bundle.hook-failed" : "bundle.cannot-start", doing: sentence,
            cause: isStatus ? "it ended with \(status)" : ErrnoName.described(report.error))
    }

    private func handOver(
        _ report: LauncherReport, _ word: OwnedDescriptor, _ record: BundleRecord, _ configuration: RuntimeConfiguration
    ) throws(Failure) {
        guard let process = try self.process(record) else { return }
        try ListenerHandover.run(
            report, word, process: process, section: configuration.linux.seccomp,
            state: RuntimeState(
                id: record.id, status: .running, process: record.process, bundle: record.bundle,
                annotations: configuration.annotations))
    }

    private func runPoststart(_ record: BundleRecord, _ configuration: RuntimeConfiguration) throws(Failure) {
        guard !configuration.hooks.poststart.isEmpty else { return }
        let state = RuntimeState(
            id: record.id, status: .running, process: record.process, bundle: record.bundle,
            annotations: configuration.annotations)
        do throws(Failure) {
            try HookRunner.run(configuration.hooks.poststart, point: "poststart", state: state)
        } catch {
            // The specification: the container is stopped, and the life cycle goes on with its removal.
            var failure = error
            do throws(Failure) { try delete(record.id, force: true) { failure = failure.also($0) } } catch let other {
                failure = failure.also(other)
            }
            throw failure
        }
    }
}

/// The descriptor a filter hands calls to goes to whoever listens at listenerPath, with the state of the process.
enum ListenerHandover {
    static func run(
        _ report: LauncherReport, _ word: OwnedDescriptor, process: ProcessHandle, section: SpecObject?,
        state: RuntimeState
    ) throws(Failure) {
        guard let section, let path = try section.string("listenerPath") else { return }
        let metadata = try section.string("listenerMetadata")
        var document: SpecValue = [
            "ociVersion": .string(RuntimeState.version), "fds": ["seccompFd"], "pid": .number(process.id),
        ]
        if case .object(var members) = document {
            if let metadata { members["metadata"] = .string(metadata) }
            members["state"] = state.document
            document = .object(members)
        }
        do throws(KernelError) {
            try awaitListener(word)
            let listener = try process.descriptor(Int32(bitPattern: report.detail))
            let socket = try OwnedDescriptor.connection(toSocketAt: path)
            try socket.sendMessage(Array(document.text.utf8), descriptors: [listener])
            try write(LauncherReport.ListenerWord.taken, to: word)
        } catch {
            throw error.failure(
                "bundle.listener", doing: "hand over the seccomp listener", on: path,
                remedy: "listen at linux.seccomp.listenerPath", retry: .never)
        }
    }

    private static func awaitListener(_ word: OwnedDescriptor) throws(KernelError) {
        let deadline = Deadline(seconds: 10)
        while true {
            let bytes = try word.readBytes(4, at: 0)
            let value = bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            if value == LauncherReport.ListenerWord.ready { return }
            if value & LauncherReport.ListenerWord.failed != 0 {
                throw KernelError(call: "seccomp", errno: Int32(value & ~LauncherReport.ListenerWord.failed))
            }
            try deadline.pause("the filter to be installed")
        }
    }

    private static func write(_ value: UInt32, to word: OwnedDescriptor) throws(KernelError) {
        try word.seek(to: 0)
        try word.write((0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) })
    }
}
