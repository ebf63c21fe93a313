public import Containers
public import Diagnostics
import HostProbe
import Isolation
import LinuxKernel

extension NativeContainerizer {
    /// The order that init takes from outside for "deliver this signal to the task", `BH_ORDER_SIGNAL` of plan.h.
    static let orderSignal: Int32 = 63
    private static let killSignal: Int32 = 9

    /// Sends `signal` to the task. Refused when the container does not run.
    public func kill(_ id: ContainerID, signal: Int32) throws(Failure) {
        let process = try running(id, to: "kill")
        guard signal == Self.killSignal else { return try order(signal, process, id) }
        let noted = noting(id, killOrdered: signal)
        do throws(Failure) {
            // Through init, so that it can write down the end. A stuck, frozen or flooded init takes no orders; the
            // kernel's own kill always works.
            try order(signal, process, id)
            if try ended(process, within: 2, id) { return }
        } catch {
            if error.code != Self.undeliveredCode { throw error }
        }
        do throws(KernelError) {
            try ControlGroup(id, host: host)?.kill()
            try process.signal(Self.killSignal)
        } catch {
            let failure = error.failure("container.cannot-signal", doing: "kill container", on: id.text)
            throw noted.map { failure.also($0) } ?? failure
        }
    }

    /// Asks the task to stop with its stop signal and kills it after `seconds`. Stopping what has ended is fine.
    public func stop(_ id: ContainerID, seconds: Double) throws(Failure) {
        guard let status = try status(of: id), status.state != .ended else { return }
        try unlessOver(id) { () throws(Failure) in
            if status.state == .paused { try resume(id) }
            let process = try running(id, to: "stop")
            _ = noting(id, killOrdered: status.record.request.stopSignal)
            do throws(Failure) {
                try order(status.record.request.stopSignal, process, id)
                if try ended(process, within: seconds, id) { return }
            } catch {
                if error.code != Self.undeliveredCode { throw error }
            }
            try kill(id, signal: Self.killSignal)
        }
    }

    /// Others stop and remove the same container, and it may end by itself at any moment: what cannot be done to it
    /// because it is over need not be done.
    private func unlessOver(_ id: ContainerID, _ body: () throws(Failure) -> Void) throws(Failure) {
        do throws(Failure) { try body() } catch {
            guard let status = try status(of: id), status.state != .ended else { return }
            throw error
        }
    }

    private static let undeliveredCode: Failure.Code = "container.signal-undelivered"

    private func order(_ signal: Int32, _ process: ProcessHandle, _ id: ContainerID) throws(Failure) {
        do throws(KernelError) { try process.queue(signal: Self.orderSignal, value: signal) } catch {
            throw error.failure(
                error.errno == Errno.wouldBlock ? Self.undeliveredCode : "container.cannot-signal",
                doing: "send signal \(signal) to container", on: id.text,
                remedy: "kill it: bulkhead kill \(id.text)", retry: .later)
        }
    }

    private func ended(
        _ process: ProcessHandle, within seconds: Double, _ id: ContainerID
    ) throws(Failure) -> Bool {
        do throws(KernelError) {
            return try process.waitForEnd(milliseconds: Int32(max(0, min(seconds, 1e6)) * 1_000))
        } catch {
            throw error.failure("container.cannot-wait", doing: "wait for container", on: id.text)
        }
    }

    /// Freezes every process of the container where it stands. Pausing twice is fine.
    public func pause(_ id: ContainerID) throws(Failure) { try freeze(id, true) }
    public func resume(_ id: ContainerID) throws(Failure) { try freeze(id, false) }

    private func freeze(_ id: ContainerID, _ frozen: Bool) throws(Failure) {
        _ = try running(id, to: frozen ? "pause" : "unpause")
        guard let group = ControlGroup(id, host: host) else {
            let ability = host.ability(.freezer)
            throw Failure(
                "host.cannot-enforce", doing: "pause container", on: id.text, cause: ability.why, remedy: ability.remedy
            )
        }
        do throws(KernelError) { try group.freeze(frozen) } catch {
            throw error.failure(
                "container.cannot-pause", doing: frozen ? "pause container" : "unpause container", on: id.text)
        }
    }

    /// The process of a running container. One that is being launched is waited for: a launch is short, and what was
    /// asked of it must not be lost to it.
    func running(_ id: ContainerID, to operation: String) throws(Failure) -> ProcessHandle {
        guard var record = try records.read(id) else { throw missing(id, operation) }
        if record.phase == .creating || record.phase == .held {
            let lock = try records.lock(id, wait: true)
            withExtendedLifetime(lock) {}
            guard let launched = try records.read(id) else { throw missing(id, operation) }
            record = launched
        }
        if record.phase != .ended, let process = try liveProcess(record) { return process }
        throw Failure(
            "container.not-running", doing: "\(operation) container", on: record.request.name,
            cause: "it has ended", remedy: "see how with: bulkhead inspect \(record.request.name)")
    }

    private func missing(_ id: ContainerID, _ operation: String) -> Failure {
        Failure(
            "container.not-found", doing: "\(operation) container", on: id.text, cause: "there is none of that id")
    }

    /// What kept us from writing down that we ordered the end. A full disk keeps nobody from killing.
    private func noting(_ id: ContainerID, killOrdered: Int32) -> Failure? {
        do throws(Failure) {
            try note(id, killOrdered: killOrdered)
            return nil
        } catch {
            return error
        }
    }

    /// Writes down that we ordered the end, so that it is told as that afterwards.
    private func note(_ id: ContainerID, killOrdered: Int32) throws(Failure) {
        guard let lock = try records.lock(id, wait: true) else { return }
        defer { withExtendedLifetime(lock) {} }
        guard var record = try records.read(id), record.phase != .ended else { return }
        record.killOrdered = killOrdered
        try records.write(record)
    }

    /// Removes a container and everything it has. One that runs is refused unless `force`, which kills it first.
    /// - Throws: `container.stuck` when the kernel does not end it; calling again tries again.
    public func remove(_ id: ContainerID, force: Bool) throws(Failure) {
        do throws(Failure) { try end(id, force: force) } catch {
            guard force, error.code == Self.damagedCode else { throw error }
            return try removeDamaged(id)
        }
        Failpoint.pass("remove.stopped")
        while records.exists(id.text) {
            // The mark before the lock, as everywhere: a sweep that found a mark of ours waits for the lock with it.
            let mark = try marks.begin(id)
            defer { withExtendedLifetime(mark) {} }
            guard let lock = try records.lock(id, wait: true) else { return try marks.settled(id) }
            defer { withExtendedLifetime(lock) {} }
            guard let record = try records.read(id) else { return try marks.settled(id) }
            if try liveProcess(record) == nil {
                try discard(record)
                return Failpoint.pass("remove.cleaned")
            }
            // The launch we waited for went well, so this is a running container after all.
            try marks.launched(id)
            try withLockReleased(lock) { () throws(Failure) in try end(id, force: force) }
        }
    }

    private func withLockReleased(_ lock: OwnedDescriptor, _ body: () throws(Failure) -> Void) throws(Failure) {
        do throws(KernelError) { try lock.unlock() } catch {
            throw error.failure("state.unwritable", doing: "unlock the container")
        }
        try body()
    }

    private func end(_ id: ContainerID, force: Bool) throws(Failure) {
        if let status = try status(of: id), status.state == .running || status.state == .paused {
            guard force else {
                throw Failure(
                    "container.running", doing: "remove container", on: status.record.request.name,
                    cause: "it is running", remedy: "stop it first, or use --force")
            }
            try unlessOver(id) { () throws(Failure) in
                if status.state == .paused { try resume(id) }
                try kill(id, signal: Self.killSignal)
                try awaitEnd(of: id, within: Self.endSeconds)
            }
        }
    }
}
