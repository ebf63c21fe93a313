public import Diagnostics
public import LinuxKernel
import Synchronization
import Waiting

/// The write end of a container's standard input, or the master of its terminal, for as many as attach to it.
public final class InputLine: Sendable {
    private static let writeBytes = 4_096
    private let descriptor: Mutex<OwnedDescriptor?>
    private let isTerminal: Bool

    public init(_ descriptor: OwnedDescriptor, isTerminal: Bool) throws(Failure) {
        do throws(KernelError) { try descriptor.setNonBlocking() } catch {
            throw error.failure("session.cannot-open", doing: "connect with the container's standard input")
        }
        self.descriptor = Mutex(descriptor)
        self.isTerminal = isTerminal
    }

    /// False when nobody reads there any more.
    public func write(_ bytes: [UInt8]) async throws(Failure) -> Bool {
        var rest = bytes[...]
        do throws(KernelError) {
            while !rest.isEmpty {
                guard let end = descriptor.withLock({ $0 }) else { return false }
                guard try await end.awaitReadiness(.writing) else { return false }
                rest = rest.dropFirst(try end.writeSome(Array(rest.prefix(Self.writeBytes))))
            }
            return true
        } catch {
            if error.errno == Errno.brokenPipe || error.errno == Errno.inputOutput { return false }
            throw error.failure("session.cannot-write", doing: "write to the container")
        }
    }

    /// A terminal has no end but the one that is typed: control-D at the beginning of a line.
    public func close() async {
        guard isTerminal else { return descriptor.withLock { $0 = nil } }
        do throws(Failure) { _ = try await write([4]) } catch { return }
    }

    public func resize(rows: UInt16, columns: UInt16) throws(Failure) {
        guard isTerminal, let end = descriptor.withLock({ $0 }) else { return }
        do throws(KernelError) { try end.setTerminalSize(TerminalSize(rows: rows, columns: columns)) } catch {
            if error.errno == Errno.inputOutput { return }
            throw error.failure("session.cannot-resize", doing: "set the size of the container's terminal")
        }
    }
}
