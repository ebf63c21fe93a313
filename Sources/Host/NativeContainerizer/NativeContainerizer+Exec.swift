public import Containers
public import Diagnostics
import HostProbe
import Isolation
import LaunchPlanning
public import LinuxKernel

/// A process that joined a running container.
public struct JoinedProcess: Sendable {
    /// The monitor outside the container: it ends with the process's exit code. A child of this process.
    public var monitor: ProcessHandle
    public var terminal: OwnedDescriptor?

    /// Waits for the end; the exit code as shells give it.
    public func wait() throws(Failure) -> Int32 {
        do throws(KernelError) {
            switch try monitor.reap() {
            case .exited(let code): return code
            case .signaled(let signal): return 128 + signal
            }
        } catch {
            throw error.failure("exec.cannot-wait", doing: "wait for the process in the container")
        }
    }

    /// Sends `signal` to the process, through its monitor. One that has ended gets none.
    public func send(_ signal: Int32) throws(Failure) {
        do throws(KernelError) {
            try monitor.queue(signal: NativeContainerizer.orderSignal, value: signal)
        } catch {
            if error.errno == Errno.noProcess { return }
            throw error.failure("exec.cannot-signal", doing: "send signal \(signal) to the process in the container")
        }
    }

    private static let endSeconds = 10.0

    /// Kills the process and reaps its monitor, for whoever cannot go on with it because of `failure`.
    func ended(after failure: Failure) -> Failure {
        do throws(KernelError) {
            // By order: a monitor that was killed itself would leave the process to the container.
            do throws(KernelError) {
                try monitor.queue(signal: NativeContainerizer.orderSignal, value: SignalNumber.kill)
            } catch {
                try monitor.killAndReap()
                throw error
            }
            _ = try monitor.reap(within: Self.endSeconds)
            return failure
        } catch {
            return failure.also(error.failure("exec.cannot-kill", doing: "end the process that joined the container"))
        }
    }
}

extension NativeContainerizer {
    /// Runs one more process in a running container, behind the same walls. `attachment` must have output streams.
    ///
    /// The launcher that joins is treated by the container's processes as a stranger: it is not dumpable, holds nothing
    /// but its plan, and enters all namespaces in one call (CVE-2016-9962, CVE-2019-5736).
    public func exec(
        _ id: ContainerID, _ process: ProcessRequest, attachment: Attachment
    ) throws(Failure) -> JoinedProcess {
        let container = try running(id, to: "exec in")
        guard let record = try records.read(id) else {
            throw Failure("container.not-found", doing: "exec in container", on: id.text, cause: "it was removed")
        }
        let group = ControlGroup(id, host: host)
        if group?.value(of: "frozen", in: "cgroup.events") == 1 {
            throw Failure(
                "container.paused", doing: "exec in container", on: record.request.name, cause: "it is paused",
                remedy: "bulkhead unpause \(record.request.name)")
        }
        var request = record.request
        request.process = process
        let root = RootTree(assembly: .directory("/"), attributes: [], mapped: false)
        let context = context(request, root: root, hasReader: true)
        let plan = try ExecPlan.build(
            context, joining: container.id, endsWithCaller: attachment.endsWithCaller)
        let opener = DescriptorOpener(
            places: places, identities: request.isolation.identities, group: group?.path, exitRecord: "", logs: [],
            streams: attachment.streams, process: container.descriptor)
        try trail.entering(record.request, process)
        do throws(Failure) {
            return try join(plan, opener, group) { (listener) throws(Failure) in
                try hand(listener, of: request, in: container)
            }
        } catch {
            throw trail.refused(
                explained(error, container, doing: "exec in container", on: request.name), record.request)
        }
    }

    private func join(
        _ plan: LaunchPlan, _ opener: DescriptorOpener, _ group: ControlGroup?,
        hand: (OwnedDescriptor) throws(Failure) -> Void
    ) throws(Failure) -> JoinedProcess {
        let held = try HeldProcess.spawn(
            plan, launcher: try LauncherImage(path: launcherPath), group: group, isInhabited: true)
        do throws(Failure) {
            try held.raiseLimits(for: plan)
            try held.release(with: opener, plan: plan)
            return JoinedProcess(monitor: held.process, terminal: try held.awaitStart(plan, hand: hand))
        } catch {
            throw held.abandoned(error)
        }
    }

    private static let endMilliseconds: Int32 = 30_000

    /// What fails because the container ended meanwhile says only that: its cgroup and namespaces are gone.
    func explained(
        _ failure: Failure, _ container: ProcessHandle, doing: String, on name: String
    ) -> Failure {
        // What the launcher found wrong inside, it found in a container that was there.
        if ["launch.program-not-found", "launch.program-not-executable", "launch.working-directory"]
            .contains(failure.code.rawValue)
        {
            return failure
        }
        do throws(KernelError) {
            // A process that is ending loses its namespaces some time before it has ended.
            let patience: Int32 = try ProcessFacts.isEnding(container.id) ? Self.endMilliseconds : 0
            guard try container.waitForEnd(milliseconds: patience) else { return failure }
        } catch {
            return failure.also(error.failure("container.cannot-wait", doing: "see whether the container has ended"))
        }
        return Failure(
            "container.not-running", doing: doing, on: name, cause: "it has ended meanwhile",
            remedy: "see how with: bulkhead inspect \(name)", alsoFailed: failure.alsoFailed)
    }
}
