import Containerizing
public import Containers
public import Diagnostics
import LinuxKernel
import OCIFormat
import Waiting

extension DockerContainerizer {
    /// Each session listens on a connection of its own. Input goes over one that all sessions share (`EngineInput`): it
    /// stays open when a session is closed, and ends when that is asked for.
    public func attach(
        _ id: ContainerID, from start: OutputStart
    ) async throws(Failure) -> (any ContainerSession)? {
        await ledger.awaitLaunch(id)
        guard let entry = ledger[id], entry.phase == .running, let detail = entry.detail else { return nil }
        let kept = if case .beginning = start { "&logs=1" } else { "" }
        let answer = try await engine.open(
            "POST", "/containers/\(detail.engineID)/attach?stream=1&stdout=1&stderr=1\(kept)", upgrading: true,
            doing: "attach to the container", on: id.text)
        guard answer.status == 101 || answer.status == 200 else {
            if answer.status == 404 || answer.status == 409 { return nil }
            throw await engine.refusal(of: answer, doing: "attach to the container", on: id.text)
        }
        let process = EngineSession.Process(
            write: { [self] bytes throws(Failure) in try await input(of: id)?.send(bytes) ?? false },
            closeInput: { [self] in await closeInput(of: id) },
            resize: { [self] rows, columns throws(Failure) in
                guard detail.launch.terminal != nil else { return }
                try await resize(detail.engineID, UInt32(rows), UInt32(columns))
            },
            signal: { _ throws(Failure) in false },
            wait: { [ledger] () throws(Failure) in await ledger.wait(id)?.code }, close: {})
        return EngineSession(answer.connection, hasTerminal: detail.launch.terminal != nil, process: process)
    }

    private func input(of id: ContainerID) async throws(Failure) -> EngineConnection? {
        guard let detail = ledger[id]?.detail, detail.launch.interactive, ledger[id]?.phase == .running else {
            return nil
        }
        let engine = engine
        return try await detail.input.connection { () throws(Failure) -> EngineConnection? in
            let answer = try await engine.open(
                "POST", "/containers/\(detail.engineID)/attach?stream=1&stdin=1", upgrading: true,
                doing: "connect with the container's standard input", on: id.text)
            return answer.status == 101 || answer.status == 200 ? answer.connection : nil
        }
    }

    /// A terminal has no end but the one that is typed: control-D at the beginning of a line.
    private func closeInput(of id: ContainerID) async {
        do throws(Failure) {
            guard let connection = try await input(of: id) else { return }
            guard ledger[id]?.detail?.launch.terminal != nil else { return connection.finishSending() }
            _ = try await connection.send([4])
        } catch { return }
    }

    // MARK: Exec

    public func exec(_ id: ContainerID, _ request: ExecRequest) async throws(Failure) -> any ContainerSession {
        let detail = try await running(id, to: "exec in")
        let name = try await makeExec(detail, request)
        let answer = try await engine.open(
            "POST", "/exec/\(name)/start", ["Detach": .bool(false), "Tty": .bool(request.terminal != nil)],
            upgrading: true, doing: "run a process in the container", on: id.text)
        guard answer.status == 101 || answer.status == 200 else {
            throw await engine.refusal(of: answer, doing: "run a process in the container", on: id.text)
        }
        let process = try await started(name, request, in: id)
        if let terminal = request.terminal { try await resizeExec(name, terminal.rows, terminal.columns) }
        let connection = answer.connection
        return EngineSession(
            connection, hasTerminal: request.terminal != nil,
            process: EngineSession.Process(
                write: { bytes throws(Failure) in request.interactive ? try await connection.send(bytes) : false },
                closeInput: { [self] in await end(of: connection, request) },
                resize: { [self] rows, columns throws(Failure) in
                    guard request.terminal != nil else { return }
                    try await resizeExec(name, UInt32(rows), UInt32(columns))
                },
                signal: { [self] number throws(Failure) in try await signal(number, to: process, of: name) },
                wait: { [self] () throws(Failure) in try await exitCode(of: name, process) },
                close: { [self] in
                    // One that has just ended needs no signal.
                    do throws(Failure) { _ = try await signal(SignalNumber.kill, to: process, of: name) } catch {
                        return
                    }
                }))
    }

    private func end(of connection: EngineConnection, _ request: ExecRequest) async {
        guard request.terminal != nil else { return connection.finishSending() }
        do throws(Failure) { _ = try await connection.send([4]) } catch { return }
    }

    private func makeExec(_ detail: Detail, _ request: ExecRequest) async throws(Failure) -> String {
        var members: [(String, JSONValue)] = [
            ("Cmd", .array(request.arguments.map { .string($0) })),
            ("Env", .array(request.environment.map { .string($0) })), ("AttachStdin", .bool(request.interactive)),
            ("AttachStdout", .bool(true)), ("AttachStderr", .bool(true)), ("Tty", .bool(request.terminal != nil)),
            ("Privileged", .bool(false)),
        ]
        if let user = request.user { members.append(("User", .string(user))) }
        if let directory = request.workingDirectory { members.append(("WorkingDir", .string(directory))) }
        let answer = try await engine.call(
            "POST", "/containers/\(detail.engineID)/exec", .object(.init(uniqueKeysWithValues: members)),
            accepting: [201, 404, 409], doing: "run a process in the container", on: detail.launch.id.text)
        guard answer.status == 201, let name = answer.body["Id"].string else {
            throw Failure(
                "container.not-running", doing: "exec in container", on: detail.launch.id.text, cause: "it has ended")
        }
        return name
    }

    /// The engine upgrades the connection before it knows whether there is such a program: only then it says so.
    private func started(_ name: String, _ request: ExecRequest, in id: ContainerID) async throws(Failure) -> Int32 {
        let deadline = ContinuousClock.now + .seconds(Self.destroySeconds)
        while ContinuousClock.now < deadline {
            let state = try await inspectExec(name)
            if let process = state["Pid"].integer, process > 0 { return Int32(clamping: process) }
            if state["Running"].bool == false, let code = state["ExitCode"].integer {
                throw Failure(
                    code == 127 || code == 126 ? "launch.program-not-found" : "docker.exec-failed",
                    doing: "run a process in the container", on: request.arguments.first,
                    cause: "the Docker Engine could not start it, and says \(code)", remedy: "correct the command",
                    field: "command.value")
            }
            do { try await Task.sleep(for: .milliseconds(5)) } catch { break }
        }
        throw Failure(
            "docker.exec-failed", doing: "run a process in the container", on: id.text,
            cause: "it did not start within \(Int(Self.destroySeconds)) s", retry: .later)
    }

    private func inspectExec(_ name: String) async throws(Failure) -> JSONValue {
        try await engine.call("GET", "/exec/\(name)/json", doing: "look at the process in the container").body
    }

    private func resizeExec(_ name: String, _ rows: UInt32, _ columns: UInt32) async throws(Failure) {
        // It may have ended meanwhile.
        _ = try await engine.call(
            "POST", "/exec/\(name)/resize?h=\(rows)&w=\(columns)", accepting: [200, 201, 204, 404, 409, 500],
            doing: "set the size of the process's terminal")
    }

    /// The API has no signals for these. The process is on this host, and is asked for after it is held: then the
    /// number still means it.
    private func signal(_ number: Int32, to process: Int32, of name: String) async throws(Failure) -> Bool {
        let held: ProcessHandle
        do throws(KernelError) { held = try ProcessHandle.open(process) } catch {
            if error.errno == Errno.noProcess { return false }
            throw error.failure("exec.cannot-signal", doing: "hold the process in the container")
        }
        let state = try await inspectExec(name)
        guard state["Running"].bool == true, state["Pid"].integer == Int64(process) else { return false }
        do throws(KernelError) { try held.signal(number) } catch {
            if error.errno == Errno.noProcess { return false }
            throw error.failure("exec.cannot-signal", doing: "signal the process in the container")
        }
        return true
    }

    private func exitCode(of name: String, _ process: Int32) async throws(Failure) -> Int32? {
        do throws(KernelError) {
            // Until the kernel says that it has ended; the engine knows its code soon after that.
            let held = try ProcessHandle.open(process)
            guard try await held.descriptor.awaitReadiness() else { return nil }
        } catch {
            if error.errno != Errno.noProcess {
                throw error.failure("exec.cannot-wait", doing: "watch the process in the container")
            }
        }
        while true {
            let state = try await inspectExec(name)
            if state["Running"].bool == false { return state["ExitCode"].integer.map { Int32(clamping: $0) } }
            do { try await Task.sleep(for: .milliseconds(5)) } catch { return nil }
        }
    }

    // MARK: Network

    public func listen(_ id: ContainerID, port: UInt16) async throws(Failure) -> Int32 {
        let process = try await process(of: id, to: "listen in")
        return try await ThreadPool.shared.run { () throws(Failure) in
            do throws(KernelError) { return try NetworkNamespace(of: process).listen(port: port).givenAway() } catch {
                throw error.failure(
                    "container.cannot-listen", doing: "listen at port \(port) inside the container", retry: .later)
            }
        }
    }

    public func connect(
        _ id: ContainerID, address: String, port: UInt16, seconds: Double
    ) async throws(Failure) -> Int32 {
        let process = try await process(of: id, to: "connect in")
        return try await process.connection(to: address, port: port, seconds: seconds)
    }

    /// Held, and asked for afterwards: then it is still the container's.
    private func process(of id: ContainerID, to operation: String) async throws(Failure) -> ProcessHandle {
        let detail = try await running(id, to: operation)
        do throws(KernelError) {
            if let number = detail.process {
                let held = try ProcessHandle.open(number)
                if ledger[id]?.phase == .running { return held }
            }
        } catch {
            if error.errno != Errno.noProcess {
                throw error.failure("container.unreachable", doing: "\(operation) container", on: id.text)
            }
        }
        throw Failure("container.not-running", doing: "\(operation) container", on: id.text, cause: "it has ended")
    }

    func running(_ id: ContainerID, to operation: String) async throws(Failure) -> Detail {
        await ledger.awaitLaunch(id)
        guard let entry = ledger[id] else {
            throw Failure(
                "container.not-found", doing: "\(operation) container", on: id.text, cause: "there is none of that id")
        }
        guard entry.phase == .running, let detail = entry.detail else {
            throw Failure(
                "container.not-running", doing: "\(operation) container", on: id.text, cause: "it has ended")
        }
        return detail
    }
}
