import CLinux
import Glibc

/// Copies one descriptor into another on a thread of its own, until the source ends or the target takes no more.
public final class StreamPump: Sendable {
    public enum End: Equatable, Sendable {
        /// Everything was copied.
        case finished
        /// Whoever read the target is gone, EPIPE.
        case readerGone
        case failed(KernelError)
    }

    private let outcome: Monitor<End?>

    /// Both descriptors belong to the pump: it lets go of them at its end, which the other sides can see, and then
    /// calls `onEnd` on its thread. SIGPIPE must be ignored (`SignalQueue.ignoreBrokenPipes`).
    public init(
        from source: consuming OwnedDescriptor, to target: consuming OwnedDescriptor,
        onEnd: @escaping @Sendable (End) -> Void = { _ in }
    ) throws(KernelError) {
        let outcome = Monitor<End?>(nil)
        let ends = Ends(source: source, target: target)
        // Never joined: a pump that waits for a terminal's next key ends with the process.
        _ = try WorkerThread {
            let end = ends.copy()
            outcome.withLock { $0 = end }
            onEnd(end)
        }
        self.outcome = outcome
    }

    /// Waits until the copying has ended.
    public func wait() -> End { outcome.waitFor { $0 } }

    /// The descriptors of a pump, let go of when the copying is over, whoever still holds the pump itself.
    private final class Ends: @unchecked Sendable {
        // @unchecked: only the pump's own thread touches the two after init.
        private var source: OwnedDescriptor?
        private var target: OwnedDescriptor?

        init(source: OwnedDescriptor, target: OwnedDescriptor) {
            self.source = source
            self.target = target
        }

        func copy() -> End {
            defer {
                source = nil
                target = nil
            }
            guard let source, let target else { return .finished }
            do throws(KernelError) {
                try Self.copy(from: source, to: target)
                return .finished
            } catch {
                if error.errno == EPIPE { return .readerGone }
                // A terminal whose other side was closed reads as EIO: that is its end.
                return error.errno == EIO && error.call == "read" ? .finished : .failed(error)
            }
        }

        private static func copy(from source: OwnedDescriptor, to target: OwnedDescriptor) throws(KernelError) {
            let size = 65_536
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
            defer { buffer.deallocate() }
            while true {
                let count: Int
                do throws(KernelError) { count = try source.read(into: buffer) } catch {
                    // Somebody we share the open file with made it non-blocking.
                    guard error.errno == EAGAIN else { throw error }
                    _ = try source.waitReadable(milliseconds: -1)
                    continue
                }
                if count == 0 { return }
                try target.writeWaiting(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
    }
}

extension OwnedDescriptor {
    /// Writes all of `bytes`, waiting where the open file is non-blocking. See write(2).
    public func writeWaiting(_ bytes: UnsafeRawBufferPointer) throws(KernelError) {
        var rest = bytes
        while !rest.isEmpty { rest = UnsafeRawBufferPointer(rebasing: rest[try writeSome(rest)...]) }
    }

    public func writeWaiting(_ bytes: [UInt8]) throws(KernelError) {
        var done = 0
        while done < bytes.count {
            let outcome = bytes.withUnsafeBytes { buffer -> Result<Int, KernelError> in
                do throws(KernelError) {
                    return .success(try writeSome(UnsafeRawBufferPointer(rebasing: buffer[done...])))
                } catch { return .failure(error) }
            }
            done += try outcome.get()
        }
    }

    /// Writes what fits; 0 after a wait for room.
    private func writeSome(_ bytes: UnsafeRawBufferPointer) throws(KernelError) -> Int {
        do throws(KernelError) {
            return try checked("write") { Glibc.write(number, bytes.baseAddress, bytes.count) }
        } catch {
            guard error.errno == EAGAIN else { throw error }
            var entry = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
            try checked("poll") { poll(&entry, 1, -1) }
            return 0
        }
    }
}
