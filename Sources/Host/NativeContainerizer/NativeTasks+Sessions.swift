import Containerizing
public import Containers
public import Diagnostics
import LinuxKernel
import OCIFormat
import Synchronization

extension NativeTasks {
    /// Output is read where init puts it, so any number can follow, also after a restart of the agent. Input is what
    /// the launch left open; it ends with the agent that launched.
    public func attach(
        _ id: ContainerID, from start: OutputStart
    ) async throws(Failure) -> (any ContainerSession)? {
        await ledger.awaitLaunch(id)
        guard let entry = ledger[id], entry.phase == .running, let detail = entry.detail else { return nil }
        let request = detail.request
        let source = try await pool.run { [runtime] () throws(Failure) -> FollowingSession.Source in
            guard request.output == nil, request.error == nil else {
                return FileFollower(output: request.output, error: request.error, from: start).source
            }
            return try Self.follow(runtime.log(id), from: start)
        }
        return FollowingSession(
            source: source, input: detail.input, exit: { [ledger] in await ledger.wait(id) },
            hasEnded: { [ledger] in
                guard let entry = ledger[id] else { return true }
                if case .ended = entry.phase { return true }
                return false
            })
    }

    private static func follow(
        _ log: ContainerLog, from start: OutputStart
    ) throws(Failure) -> FollowingSession.Source {
        var log = log
        if case .now = start { while try !log.next().isEmpty {} }
        let place = Mutex(log)
        return FollowingSession.Source { () throws(Failure) in
            let outcome = place.withLock { log -> Result<[LogRecord], Failure> in
                do throws(Failure) { return .success(try log.next()) } catch { return .failure(error) }
            }
            return try outcome.get().compactMap { record in
                switch record.stream {
                case .output: .output(record.bytes)
                case .error: .error(record.bytes)
                case .dropped: nil
                }
            }
        }
    }

    public func exec(_ id: ContainerID, _ request: ExecRequest) async throws(Failure) -> any ContainerSession {
        let detail = try await runningDetail(id, to: "exec in")
        return try await pool.run { [self] () throws(Failure) in try join(id, detail.request, request) }
    }

    private func join(
        _ id: ContainerID, _ container: ContainerRequest, _ request: ExecRequest
    ) throws(Failure) -> PipeSession {
        let process = try process(request, in: container)
        let output = try Self.pipe()
        let error = try Self.pipe()
        var streams = [1: output.write, 2: error.write]
        var pipe: OwnedDescriptor?
        if request.interactive, request.terminal == nil {
            let ends = try Self.pipe()
            streams[0] = ends.read
            pipe = ends.write
        }
        // On a thread of the pool, which lives as long as we do: nobody else could end the process after us.
        let joined = try runtime.exec(
            id, process, attachment: Attachment(streams: streams, endsWithCaller: true))
        let input: InputLine?
        let end: Promise<Int32?>
        do throws(Failure) {
            input = try Self.input(of: joined, pipe)
            // Last: from here on it is reaped when it ends.
            end = try Self.end(of: joined)
        } catch {
            throw joined.ended(after: error)
        }
        return PipeSession(
            output: output.read, error: error.read, input: input,
            process: PipeSession.Process(
                wait: { () throws(Failure) in await end.wait() },
                signal: { [pool] number throws(Failure) in
                    if end.value != nil { return false }
                    try await pool.run { () throws(Failure) in try joined.send(number) }
                    return true
                },
                close: {
                    if end.value != nil { return }
                    // One that has just ended needs no signal.
                    do throws(Failure) { try joined.send(SignalNumber.kill) } catch { return }
                }))
    }

    private static func input(of joined: JoinedProcess, _ pipe: OwnedDescriptor?) throws(Failure) -> InputLine? {
        if let terminal = joined.terminal { return try InputLine(terminal, isTerminal: true) }
        return try pipe.map { end throws(Failure) in try InputLine(end, isTerminal: false) }
    }

    /// Reaps the monitor as soon as it ends, whether or not anybody waits.
    private static func end(of joined: JoinedProcess) throws(Failure) -> Promise<Int32?> {
        let end = Promise<Int32?>()
        do throws(KernelError) {
            try DescriptorWatch.shared.once(joined.monitor.descriptor) {
                do throws(Failure) { end.keep(try joined.wait()) } catch { end.keep(nil) }
            }
        } catch {
            throw error.failure("exec.cannot-wait", doing: "watch the process in the container")
        }
        return end
    }

    private func process(
        _ exec: ExecRequest, in container: ContainerRequest
    ) throws(Failure) -> ProcessRequest {
        var process = container.process
        process.arguments = exec.arguments
        process.terminal = exec.terminal
        process.interactive = exec.interactive
        if let directory = exec.workingDirectory { process.workingDirectory = directory }
        let hasTerm = EnvironmentList.value("TERM", in: process.environment) != nil
        var changes = exec.terminal != nil && !hasTerm ? ["TERM=xterm"] : []
        if let text = exec.user {
            let user = try Accounts.resolve(try UserSpec(parsing: text)) { paths, limit throws(Failure) in
                try runtime.containerFiles(paths, of: container.id, limit: limit)
            }
            (process.uid, process.gid, process.groups) = (user.uid, user.gid, user.supplementaryGroups)
            changes.append("HOME=" + (user.home ?? "/"))
        }
        process.environment = EnvironmentList.merged(
            EnvironmentList.merged(process.environment, changes), exec.environment)
        return process
    }
}
