import ClusterAPI
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel

/// Our standard streams and those of a process in a container.
struct SessionStreams: Sendable {
    let agent: AgentClient
    let container: ContainerPath
    let interactive: Bool
    let terminal: Bool

    private static let pieceBytes = 32 << 10

    /// Shows what the process says until it ends; meanwhile sends it what we are given.
    func follow(_ output: RecordStream<ProcessIO>) async throws(Failure) {
        let raw = try rawTerminal()
        defer { raw?.restoreQuietly() }
        let typing = interactive ? try startTyping() : nil
        defer { typing?.cancel() }
        for try await io in output {
            switch io {
            case .data(.error, let bytes): try Console.write(bytes, to: 2)
            case .data(_, let bytes): try Console.write(bytes, to: 1)
            case .resize, .heartbeat: break
            }
        }
    }

    private func startTyping() throws(Failure) -> Task<Void, Never> {
        let input = try inputStream()
        let (agent, container) = (agent, container)
        return Task {
            do throws(Failure) { try await agent.attachInput(of: container, input) } catch {
                // The process may well end before its input does.
                if !Task.isCancelled, error.code != "client.not-found" { Console.note("bulkhead: \(error)") }
            }
        }
    }

    /// Read on a thread of its own: reading a terminal may take for ever. The buffer holds what is typed faster than
    /// the network takes it; the thread waits while it is full.
    private func inputStream() throws(Failure) -> AsyncStream<ProcessIO> {
        let (stream, continuation) = AsyncStream<ProcessIO>.makeStream(bufferingPolicy: .bufferingOldest(64))
        if terminal, let size = Self.size() { continuation.yield(.resize(size)) }
        do throws(KernelError) {
            let input = try OwnedDescriptor.standardStream(0)
            _ = try WorkerThread { Self.read(input, into: continuation) }
        } catch {
            throw error.failure("console.no-pump", doing: "connect the task with our own streams")
        }
        return stream
    }

    private static func read(_ input: OwnedDescriptor, into continuation: AsyncStream<ProcessIO>.Continuation) {
        var buffer = [UInt8](repeating: 0, count: pieceBytes)
        while true {
            let count = buffer.withUnsafeMutableBytes { bytes -> Int in
                do throws(KernelError) { return try input.read(into: bytes) } catch { return 0 }
            }
            if count == 0 { break }
            var piece = ProcessIO.data(.input, Array(buffer[..<count]))
            while case .dropped(let same) = continuation.yield(piece) {
                piece = same
                Interval.pass(milliseconds: 10)
            }
        }
        continuation.yield(.data(.input, []))
        continuation.finish()
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

extension RawTerminal {
    /// Nothing can be done about a terminal that is gone.
    fileprivate func restoreQuietly() {
        do throws(KernelError) { try restore() } catch { return }
    }
}
