import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics

/// Containers and sessions that operators, and executors, ask for over the agent's own API.
extension Agent {
    mutating func launchOrdered(_ request: ContainerLaunchRequest, for call: CallID) {
        let old = state.container(at: request.container)
        if let old, !neverRan(old) {
            send(.answer(call, .alreadyLaunched))
            return
        }
        do throws(Failure) {
            let run = try orderedRun(request)
            if let old { remove(old, for: []) }
            plan(run)
            pendingLaunches[run.id] = call
            begin(run.id)
        } catch {
            send(.answer(call, .refused(error)))
        }
    }

    /// Its launch failed and its remains are gone: whoever has corrected the call may make it again by the same name.
    private func neverRan(_ run: ContainerRun) -> Bool {
        run.purpose == .ordered && run.exit?.reason == .launchFailed && progress[run.id]?.isDestroyPending != true
    }

    private mutating func orderedRun(_ request: ContainerLaunchRequest) throws(Failure) -> ContainerRun {
        let bound = configuration.bounds.orderedContainersMax
        // One that never ran makes way for its successor.
        guard orderedCount(where: { $0 != request.container }) < bound else {
            throw Failure(
                "container.too-many", doing: "launch container", on: request.container.description,
                cause: "operators have \(bound) containers here", remedy: "remove those that have ended",
                limit: "orderedContainersMax \(bound)", retry: .later)
        }
        try checkShare(of: request.container)
        try checkParts(of: request)
        let id = newContainerID()
        guard let path = request.container.parent else {
            guard !request.resources.isEmpty else {
                throw Failure(
                    "container.no-resources", doing: "launch container", on: request.container.description,
                    cause: "one without a parent needs resources", remedy: "set resources", field: "resources")
            }
            return try taskLaunch.ordered(
                request, as: id, parent: nil,
                sandbox: SandboxLayout.standalone(id, below: configuration.workDirectory))
        }
        var parent = try running(path, to: "launch a container in")
        parent.launch.limits = limitsNow(of: parent)
        return try taskLaunch.ordered(
            request, as: id, parent: parent, sandbox: SandboxLayout.nested(in: parent.sandbox.path, id))
    }

    private func orderedCount(where isMeant: (ContainerPath) -> Bool) -> Int {
        state.containers.values.reduce(0) { $1.purpose == .ordered && isMeant($1.path) ? $0 + 1 : $0 }
    }

    /// Whoever may launch inside one container cannot take the places of all others.
    private func checkShare(of path: ContainerPath) throws(Failure) {
        let share = configuration.bounds.orderedContainersPerOwnerMax
        guard path.isNested, orderedCount(where: { $0 != path && $0.root == path.root }) >= share else { return }
        throw Failure(
            "container.too-many", doing: "launch container", on: path.description,
            cause: "there are \(share) containers inside '\(path.root)'", remedy: "remove those that have ended",
            limit: "orderedContainersPerOwnerMax \(share)", retry: .later)
    }

    /// Disks and volumes are given out by the master, in offers; a call to the agent itself follows from none. Whose
    /// the other resources are, as an executor has it from its task, says nothing here: they are limits and no more.
    private func checkParts(of request: ContainerLaunchRequest) throws(Failure) {
        for resource in request.resources where resource.disk != nil {
            throw Failure(
                "container.resources", doing: "launch container", on: request.container.description,
                cause: "its resource \(resource) has a disk or a volume, and only tasks and executors are given those",
                remedy: "leave it out", field: "resources")
        }
        let most = configuration.bounds.specBytesMax
        let count = AgentCall.container(.launch(request), form: .any).value.bytes.count
        guard count <= most else {
            throw Failure(
                "container.too-large", doing: "launch container", on: request.container.description,
                cause: "its description has \(count) bytes, and specBytesMax is \(most)",
                remedy: "fetch what is large", limit: "specBytesMax \(most)")
        }
    }

    private func running(_ path: ContainerPath, to what: String) throws(Failure) -> ContainerRun {
        guard let run = state.container(at: path) else { throw unknown(path, to: what) }
        guard case .launched = run.phase else {
            throw Failure(
                "container.not-running", doing: what, on: path.description,
                cause: run.exit == nil ? "it has not started yet" : "it has ended", remedy: "use one that runs",
                retry: run.exit == nil ? .later : .never)
        }
        return run
    }

    private func unknown(_ path: ContainerPath, to what: String) -> Failure {
        Failure(
            "container.not-found", doing: what, on: path.description, cause: "there is no such container",
            remedy: "list them with GET_CONTAINERS", field: "container_id")
    }

    mutating func orderedLaunched(_ id: ContainerID) {
        if let call = pendingLaunches.removeValue(forKey: id) { send(.answer(call, .done)) }
    }

    mutating func orderedEnded(_ id: ContainerID, _ exit: ContainerExit) {
        guard let call = pendingLaunches.removeValue(forKey: id) else { return }
        let path = state.containers[id]?.path.description
        // The protocol lays it to the call, whatever it was. No failure says for certain that it was the machine: a
        // file that is not where it was to be fetched from and a server that is away are told alike.
        send(
            .answer(
                call,
                .refused(
                    Failure("container.launch-failed", doing: "launch container", on: path, cause: exit.message))))
    }

    // MARK: Waiting, killing, removing

    mutating func wait(for path: ContainerPath, _ call: CallID) {
        if let session = sessions.first(where: { $0.value.path == path })?.key {
            sessions[session]?.waiters.append(call)
            return
        }
        guard let run = state.container(at: path) else {
            let answer = endedSessions[path].map(CallAnswer.ended)
            send(.answer(call, answer ?? .unknown(unknown(path, to: "wait for container"))))
            return
        }
        if let exit = run.exit {
            send(.answer(call, .ended(termination(run, exit))))
        } else if waiters.count >= configuration.bounds.waitersMax {
            send(
                .answer(
                    call,
                    .refused(
                        Failure(
                            "call.too-many", doing: "wait for container", on: path.description,
                            cause: "\(waiters.count) calls wait already", remedy: "try again later",
                            limit: "waitersMax \(configuration.bounds.waitersMax)", retry: .later))))
        } else {
            waiters.append(Waiter(call: call, container: run.id))
        }
    }

    mutating func answerWaiters(for id: ContainerID, _ exit: ContainerExit) {
        guard let run = state.containers[id] else { return }
        for waiter in waiters where waiter.container == id {
            send(.answer(waiter.call, .ended(termination(run, exit))))
        }
        waiters.removeAll { $0.container == id }
    }

    private func termination(_ run: ContainerRun, _ exit: ContainerExit) -> ContainerTermination {
        let reason: StatusReason? =
            switch exit.reason {
            case .memoryLimit: .containerLimitationMemory
            case .launchFailed: .containerLaunchFailed
            case .ended, .killed, .unknown: nil
            }
        return ContainerTermination(
            status: exit.waitStatus, state: reason == nil ? nil : .failed, reason: reason, message: exit.message)
    }

    mutating func killOrdered(_ path: ContainerPath, _ signal: Int32, _ call: CallID) {
        if let session = sessions.first(where: { $0.value.path == path })?.key {
            send(.signalSession(session, signal))
            send(.answer(call, .done))
            return
        }
        guard let run = state.container(at: path), run.exit == nil else {
            send(.answer(call, .unknown(unknown(path, to: "kill container"))))
            return
        }
        if case .launched = run.phase { send(.signal(run.id, signal)) } else { doom(run.id) }
        send(.answer(call, .done))
    }

    mutating func removeOrdered(_ path: ContainerPath, _ call: CallID) {
        if endedSessions.removeValue(forKey: path) != nil { return send(.answer(call, .done)) }
        guard let run = state.container(at: path), run.purpose == .ordered else {
            send(.answer(call, removalOfNoOrdered(path)))
            return
        }
        guard run.exit != nil else {
            send(.answer(call, .refused(isRunning(path))))
            return
        }
        if progress[run.id]?.isDestroyPending == true {
            // Its remains are being removed; whoever has waited for its end need not ask again.
            progress[run.id]?.removals.append(call)
        } else {
            remove(run, for: [call])
        }
    }

    /// What is gone from inside a container that runs has been removed. The protocol's own library of checks removes
    /// the container of each before it begins the next, and goes on after no other answer: it would ask for ever for
    /// one that went with the agent's last run.
    private func removalOfNoOrdered(_ path: ContainerPath) -> CallAnswer {
        let isSession = sessions.values.contains { $0.path == path }
        if isSession || (path.isNested && container(at: path) != nil) { return .refused(isRunning(path)) }
        guard path.isNested, container(at: ContainerPath(path.root)) != nil else {
            return .unknown(unknown(path, to: "remove container"))
        }
        return .done
    }

    mutating func remove(_ run: ContainerRun, for calls: [CallID]) {
        for child in state.children(of: run.id) { forget(child) }
        forget(run)
        if run.launch.parent != nil { send(.collect(path: run.sandbox.path)) }
        for call in calls { send(.answer(call, .done)) }
    }

    private func isRunning(_ path: ContainerPath) -> Failure {
        Failure(
            "container.running", doing: "remove container", on: path.description, cause: "it has not ended",
            remedy: "kill it, and wait for its end", retry: .later)
    }

    // MARK: Sessions

    mutating func openSession(_ request: ContainerLaunchRequest, for call: CallID) {
        do throws(Failure) {
            guard let path = request.container.parent else {
                throw Failure(
                    "session.no-parent", doing: "open session", on: request.container.description,
                    cause: "a session runs inside a container", remedy: "name the container as the parent",
                    field: "container_id.parent")
            }
            let parent = try running(path, to: "open a session in")
            let isTaken =
                state.container(at: request.container) != nil
                || sessions.values.contains { $0.path == request.container }
            if isTaken {
                send(.answer(call, .alreadyLaunched))
                return
            }
            let exec = try taskLaunch.session(request, in: parent)
            endedSessions[request.container] = nil
            sessions[call] = Session(path: request.container, container: parent.id)
            send(.openSession(call, in: parent.id, exec))
        } catch {
            send(.answer(call, .refused(error)))
        }
    }

    mutating func sessionEnded(_ call: CallID, _ code: Int32?) {
        guard let session = sessions.removeValue(forKey: call) else { return }
        let status = code.map { $0 > 128 && $0 < 192 ? $0 - 128 : $0 << 8 }
        let message = code.map { "ended with exit code \($0)" } ?? "it could not be started"
        let termination = ContainerTermination(status: status, message: message)
        for waiter in session.waiters { send(.answer(waiter, .ended(termination))) }
        endedSessions[session.path] = termination
        if endedSessions.count > configuration.bounds.endedSessionsMax { endedSessions.removeFirst() }
    }

    mutating func endSessions(in container: ContainerID) {
        for (call, session) in sessions where session.container == container {
            send(.signalSession(call, Signals.kill))
        }
    }

    mutating func callClosed(_ call: CallID) {
        waiters.removeAll { $0.call == call }
        for index in sessions.values.indices { sessions.values[index].waiters.removeAll { $0 == call } }
        if sessions[call] != nil {
            send(.signalSession(call, Signals.kill))
            sessionEnded(call, 128 + Signals.kill)
        }
    }
}
