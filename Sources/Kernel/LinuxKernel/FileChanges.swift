import CLinux
import Glibc

/// Tells of writes to files somebody watches. See inotify(7).
///
/// `next` blocks: it belongs on a thread of its own, which `stop` wakes.
public final class FileChanges: Sendable {
    private let queue: OwnedDescriptor
    private let wakeRead: OwnedDescriptor
    private let wakeWrite: OwnedDescriptor

    /// Names one watch for its life.
    public struct Watch: Hashable, Sendable {
        fileprivate let number: Int32
    }

    public enum Change: Equatable, Sendable {
        case written(Watch)
        /// Nothing will be told of this watch again: the file is gone or `remove` was called.
        case ended(Watch)
        /// More happened than the kernel keeps; any watched file may have changed.
        case overflow
    }

    public init() throws(KernelError) {
        queue = OwnedDescriptor(
            owning: try checked("inotify_init1") { inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)) })
        (wakeRead, wakeWrite) = try OwnedDescriptor.pipe()
    }

    /// Watches an open file. Watching the same file twice gives the same watch.
    public func add(_ file: OwnedDescriptor) throws(KernelError) -> Watch {
        let mask = UInt32(IN_MODIFY) | UInt32(IN_DELETE_SELF) | UInt32(IN_ATTRIB)
        let number = try checked("inotify_add_watch") { inotify_add_watch(queue.number, file.procPath, mask) }
        withExtendedLifetime(file) {}
        return Watch(number: number)
    }

    /// A watch that is gone already is fine.
    public func remove(_ watch: Watch) throws(KernelError) {
        do throws(KernelError) {
            try checked("inotify_rm_watch") { inotify_rm_watch(queue.number, watch.number) }
        } catch {
            if error.errno != EINVAL { throw error }
        }
    }

    /// Ends `next` for good.
    public func stop() throws(KernelError) { try wakeWrite.write([0]) }

    /// Waits for changes; nil after `stop`.
    public func next() throws(KernelError) -> [Change]? {
        var entries = [
            pollfd(fd: queue.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wakeRead.number, events: Int16(POLLIN), revents: 0),
        ]
        try checked("poll") { poll(&entries, 2, -1) }
        if entries[1].revents != 0 { return nil }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        let count: Int
        do throws(KernelError) {
            count = try checked("read") { read(queue.number, &buffer, buffer.count) }
        } catch {
            if error.errno == EAGAIN { return [] }
            throw error
        }
        return Self.changes(buffer[..<count])
    }

    private static func changes(_ bytes: ArraySlice<UInt8>) -> [Change] {
        var changes: [Change] = []
        var offset = 0
        bytes.withUnsafeBytes { buffer in
            while offset + 16 <= buffer.count {
                let watch = Watch(number: buffer.loadUnaligned(fromByteOffset: offset, as: Int32.self))
                let mask = buffer.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
                let nameBytes = buffer.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self)
                offset += 16 + Int(nameBytes)
                if mask & UInt32(IN_Q_OVERFLOW) != 0 {
                    changes.append(.overflow)
                } else if mask & UInt32(IN_IGNORED) != 0 {
                    changes.append(.ended(watch))
                } else {
                    changes.append(.written(watch))
                }
            }
        }
        return changes
    }
}
