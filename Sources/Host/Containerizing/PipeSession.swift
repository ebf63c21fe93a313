public import Containers
public import Diagnostics
public import LinuxKernel
import Synchronization
import Waiting

/// A process whose standard streams are pipes of ours. Reading and writing wait in the kernel's table of descriptors,
/// not on threads.
public final class PipeSession: ContainerSession {
    public struct Process: Sendable {
        /// Waits for the end; the exit code as shells give it.
        public var wait: @Sendable () async throws(Failure) -> Int32?
        public var signal: @Sendable (Int32) async throws(Failure) -> Bool
        /// Ends what must not outlive the session.
        public var close: @Sendable () async -> Void
        public init(
            wait: @escaping @Sendable () async throws(Failure) -> Int32?,
            signal: @escaping @Sendable (Int32) async throws(Failure) -> Bool,
            close: @escaping @Sendable () async -> Void
        ) {
            self.wait = wait
            self.signal = signal
            self.close = close
        }
    }

    private struct Streams {
        var output: OwnedDescriptor?
        var error: OwnedDescriptor?
        var isClosed = false
    }

    private static let pieceBytes = 65_536
    private let streams: Mutex<Streams>
    private let input: InputLine?
    private let process: Process

    public init(output: OwnedDescriptor?, error: OwnedDescriptor?, input: InputLine?, process: Process) {
        streams = Mutex(Streams(output: output, error: error))
        self.input = input
        self.process = process
    }

    public func read() async throws(Failure) -> SessionOutput? {
        do throws(KernelError) {
            while true {
                let (output, error) = streams.withLock { ($0.output, $0.error) }
                if output == nil, error == nil { return nil }
                if let output, try output.waitReadable(milliseconds: 0) {
                    if let bytes = try Self.piece(of: output) { return .output(bytes) }
                    streams.withLock { $0.output = nil }
                } else if let error, try error.waitReadable(milliseconds: 0) {
                    if let bytes = try Self.piece(of: error) { return .error(bytes) }
                    streams.withLock { $0.error = nil }
                } else if try await !OwnedDescriptor.awaitAny([output, error].compactMap { $0 }) {
                    return nil
                }
            }
        } catch {
            throw error.failure("session.cannot-read", doing: "read what the container says")
        }
    }

    /// Nil at the end. A terminal whose other side was closed reads as EIO: that is its end.
    private static func piece(of descriptor: OwnedDescriptor) throws(KernelError) -> [UInt8]? {
        var failure: KernelError?
        let bytes = [UInt8](unsafeUninitializedCapacity: pieceBytes) { buffer, count in
            do throws(KernelError) { count = try descriptor.read(into: UnsafeMutableRawBufferPointer(buffer)) } catch {
                failure = error
            }
        }
        if let failure {
            if failure.errno == Errno.inputOutput { return nil }
            throw failure
        }
        return bytes.isEmpty ? nil : bytes
    }

    public func write(_ bytes: [UInt8]) async throws(Failure) -> Bool { try await input?.write(bytes) ?? false }
    public func closeInput() async { await input?.close() }
    public func resize(rows: UInt16, columns: UInt16) async throws(Failure) {
        try input?.resize(rows: rows, columns: columns)
    }

    public func signal(_ number: Int32) async throws(Failure) -> Bool { try await process.signal(number) }

    public func wait() async throws(Failure) -> Int32? { try await process.wait() }

    public func close() async {
        let wasClosed = streams.withLock { streams in
            defer { streams = Streams(isClosed: true) }
            return streams.isClosed
        }
        if !wasClosed { await process.close() }
    }
}
