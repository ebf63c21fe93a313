import CLinux
import Glibc
import Synchronization

/// One thread that waits for any number of descriptors at once: pidfds of processes that end, pipes with something to
/// read. See epoll(7).
public final class DescriptorWatch: Sendable {
    public enum Readiness: Sendable { case reading, writing }

    private struct Entry {
        var descriptor: OwnedDescriptor
        var action: @Sendable () -> Void
    }
    private struct State {
        var epoll: OwnedDescriptor?
        var next: UInt64 = 1
        var entries: [UInt64: Entry] = [:]
    }

    public static let shared = DescriptorWatch()
    private let state = Mutex(State())

    public init() {}

    /// Calls `action` once, on the watch's thread, as soon as `descriptor` is ready; it must not block. The descriptor
    /// is kept open until then. A watched descriptor must not be watched again before that: duplicate it.
    @discardableResult
    public func once(
        _ descriptor: OwnedDescriptor, _ readiness: Readiness = .reading, _ action: @escaping @Sendable () -> Void
    ) throws(KernelError) -> Token {
        // A copy of our own: one open file can be in the epoll set several times by several numbers.
        let copy = try descriptor.duplicate()
        let epoll = try started()
        let key = state.withLock { state in
            let key = state.next
            state.next += 1
            state.entries[key] = Entry(descriptor: copy, action: action)
            return key
        }
        do throws(KernelError) {
            try checked("epoll_ctl") { bh_epoll_add(epoll.number, copy.number, readiness == .writing ? 1 : 0, key) }
        } catch {
            _ = state.withLock { $0.entries.removeValue(forKey: key) }
            // Regular files are always ready.
            guard error.errno == EPERM else { throw error }
            action()
        }
        return Token(key: key)
    }

    public struct Token: Sendable { let key: UInt64 }

    /// Forgets a watch. False when its action has been taken already.
    @discardableResult
    public func cancel(_ token: Token) -> Bool { take(token.key) != nil }

    private func take(_ key: UInt64) -> Entry? {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: key) else { return nil }
            if let epoll = state.epoll { _ = bh_epoll_remove(epoll.number, entry.descriptor.number) }
            return entry
        }
    }

    private func started() throws(KernelError) -> OwnedDescriptor {
        try state.withLock { state throws(KernelError) in
            if let known = state.epoll { return known }
            let made = OwnedDescriptor(owning: try checked("epoll_create1") { bh_epoll_create() })
            // Nobody is given it before it has its thread: what was watched through it would never be seen.
            _ = try WorkerThread { [self] in wait(on: made) }
            state.epoll = made
            return made
        }
    }

    private func wait(on epoll: OwnedDescriptor) {
        var keys = [UInt64](repeating: 0, count: 256)
        while true {
            let count = keys.withUnsafeMutableBufferPointer { buffer in
                bh_epoll_wait(epoll.number, buffer.baseAddress, Int32(buffer.count))
            }
            for index in 0..<max(0, Int(count)) { take(keys[index])?.action() }
        }
    }
}

extension OwnedDescriptor {
    /// Reads and writes of this open file, by whomever, do not wait from now on. See fcntl(2) O_NONBLOCK.
    public func setNonBlocking() throws(KernelError) {
        let flags = try checked("fcntl(F_GETFL)") { fcntl(number, F_GETFL) }
        try checked("fcntl(F_SETFL)") { fcntl(number, F_SETFL, flags | O_NONBLOCK) }
    }

    /// Writes what fits now; 0 when nothing does. See write(2).
    public func writeSome(_ bytes: [UInt8]) throws(KernelError) -> Int {
        do throws(KernelError) {
            return try checked("write") { bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) } }
        } catch {
            guard error.errno == EAGAIN else { throw error }
            return 0
        }
    }
}
