import ClusterAPI
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel
import Synchronization

/// Our standard streams and those of a process in a container.
struct SessionStreams: Sendable {
    enum End: Sendable {
        /// The process has said everything.
        case said
        /// The keys that leave it were typed.
        case detached
    }

    let agent: AgentClient
    let container: ContainerPath
    let interactive: Bool
    let terminal: Bool
    /// None: whatever is typed goes to the process.
    var detachKeys = DetachKeys([])
    /// Our terminal has another size now.
    var resizes: AsyncStream<Void>?
    /// Told how much has been shown, by our stream's number, when what follows must go on there.
    var shown: @Sendable (_ bytes: Int, _ stream: Int32) -> Void = { _, _ in }

    private static let pieceBytes = 32 << 10

    /// Shows what the process says until it ends; meanwhile sends it what we are given.
    func follow(_ output: RecordStream<ProcessIO>) async throws(Failure) -> End {
        let raw = try rawTerminal()
        defer { raw?.restore() }
        let isDetached = Marker()
        let typing =
            interactive
            ? try startTyping {
                isDetached.set()
                output.cancel()
            } : nil
        defer { typing?.cancel() }
        for try await io in output {
            switch io {
            case .data(let stream, let bytes):
                let number: Int32 = stream == .error ? 2 : 1
                try Console.write(bytes, to: number)
                shown(bytes.count, number)
            case .resize, .heartbeat: break
            }
        }
        return isDetached.isSet ? .detached : .said
    }

    private func startTyping(_ onDetach: @escaping @Sendable () -> Void) throws(Failure) -> Task<Void, Never> {
        // Holds what is typed faster than the network takes it.
        let (input, keys) = AsyncStream<ProcessIO>.makeStream(bufferingPolicy: .bufferingOldest(64))
        if terminal, let size = Self.size() { keys.yield(.resize(size)) }
        let reader = KeyReader(keys: keys, detachKeys: detachKeys, pieceBytes: Self.pieceBytes, onDetach: onDetach)
        try reader.start()
        let (agent, container, resizes) = (agent, container, terminal ? resizes : nil)
        return Task {
            let resizing = Task {
                guard let resizes else { return }
                for await _ in resizes {
                    // Lost when the network takes nothing: the next one says the size anew.
                    if let size = Self.size() { keys.yield(.resize(size)) }
                }
            }
            defer { resizing.cancel() }
            do throws(Failure) { try await agent.attachInput(of: container, input) } catch {
                // The process may well end before its input does.
                let isOver = ["client.not-found", "client.answer-lost"].contains(error.code.rawValue)
                if !Task.isCancelled, !isOver { Console.note("bulkhead: \(error)") }
            }
        }
    }

    private func rawTerminal() throws(Failure) -> RawTerminal? {
        guard terminal, interactive, Console.isTerminal(0) else { return nil }
        do throws(KernelError) { return try RawTerminal(try OwnedDescriptor.standardStream(0)) } catch {
            throw error.failure("console.no-terminal", doing: "use our terminal")
        }
    }

    /// The size of our terminal, whichever stream it is on.
    static func size() -> Terminal.Size? {
        for stream: Int32 in 0...2 {
            do throws(KernelError) {
                let size = try OwnedDescriptor.standardStream(stream).terminalSize()
                if size.rows > 0, size.columns > 0 {
                    return Terminal.Size(rows: UInt32(size.rows), columns: UInt32(size.columns))
                }
            } catch { continue }
        }
        return nil
    }
}

/// Something that has happened once and for all.
private final class Marker: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}

/// Reads our standard input on a thread of its own: reading a terminal may take for ever. The thread waits while the
/// buffer is full.
private struct KeyReader: Sendable {
    let keys: AsyncStream<ProcessIO>.Continuation
    var detachKeys: DetachKeys
    let pieceBytes: Int
    let onDetach: @Sendable () -> Void

    func start() throws(Failure) {
        do throws(KernelError) {
            let input = try OwnedDescriptor.standardStream(0)
            _ = try WorkerThread { self.read(input) }
        } catch {
            throw error.failure("console.no-pump", doing: "connect the task with our own streams")
        }
    }

    private func read(_ input: OwnedDescriptor) {
        var detachKeys = detachKeys
        var buffer = [UInt8](repeating: 0, count: pieceBytes)
        while true {
            let count = buffer.withUnsafeMutableBytes { bytes -> Int in
                do throws(KernelError) { return try input.read(into: bytes) } catch { return 0 }
            }
            if count == 0 { break }
            let (typed, isComplete) = detachKeys.pass(Array(buffer[..<count]))
            if !typed.isEmpty { send(typed) }
            if isComplete {
                // Its input stays open for whoever attaches next.
                keys.finish()
                return onDetach()
            }
        }
        keys.yield(.data(.input, []))
        keys.finish()
    }

    private func send(_ bytes: [UInt8]) {
        var piece = ProcessIO.data(.input, bytes)
        while case .dropped(let same) = keys.yield(piece) {
            piece = same
            Interval.pass(milliseconds: 10)
        }
    }
}
