public import Diagnostics
public import LinuxKernel

/// Tells many listeners of writes to their files with one thread and one queue of the kernel.
public final class FileWatch: Sendable {
    private let changes: FileChanges
    private let listeners: Monitor<Listeners>
    /// Files watched at once.
    public static let listenersMax = 4_096

    private struct Listeners {
        var signals: [FileChanges.Watch: [UInt64: AsyncStream<Void>.Continuation]] = [:]
        var count = 0
        var next: UInt64 = 0

        mutating func tell(_ batch: [FileChanges.Change]) {
            for change in batch {
                switch change {
                case .written(let watch): signals[watch]?.values.forEach { $0.yield() }
                case .ended(let watch):
                    let ended = signals.removeValue(forKey: watch) ?? [:]
                    count -= ended.count
                    ended.values.forEach { $0.finish() }
                case .overflow:
                    for listeners in signals.values { listeners.values.forEach { $0.yield() } }
                }
            }
        }
    }

    public init() throws(Failure) {
        let listeners = Monitor(Listeners())
        self.listeners = listeners
        do throws(KernelError) {
            let changes = try FileChanges()
            self.changes = changes
            _ = try WorkerThread { Self.serve(changes, listeners) }
        } catch {
            throw error.failure("files.watch", doing: "watch files for changes", retry: .later)
        }
    }

    deinit {
        do throws(KernelError) { try changes.stop() } catch {
            preconditionFailure("a pipe of our own cannot be written: \(error)")
        }
    }

    private static func serve(_ changes: FileChanges, _ listeners: Monitor<Listeners>) {
        while true {
            let batch: [FileChanges.Change]
            do throws(KernelError) {
                guard let next = try changes.next() else { break }
                batch = next
            } catch {
                break
            }
            listeners.withLock { $0.tell(batch) }
        }
        // Whoever still listens hears the end and reads what there is.
        listeners.withLock { listeners in
            for signals in listeners.signals.values { signals.values.forEach { $0.finish() } }
            listeners.signals = [:]
        }
    }

    /// A signal after each change to `file`, several changes as one; the first comes at once. It ends when the file
    /// is removed.
    ///
    /// - Throws: `files.watch` when too many are watched, or the host's own limit is reached.
    public func signals(for file: OwnedDescriptor) throws(Failure) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let watch: FileChanges.Watch
        do throws(KernelError) { watch = try changes.add(file) } catch {
            throw error.failure(
                "files.watch", doing: "watch a file for changes", remedy: "raise fs.inotify.max_user_watches",
                retry: .later)
        }
        let number = listeners.withLock { listeners -> UInt64? in
            guard listeners.count < Self.listenersMax else { return nil }
            listeners.count += 1
            listeners.next += 1
            listeners.signals[watch, default: [:]][listeners.next] = continuation
            return listeners.next
        }
        guard let number else {
            throw Failure(
                "files.watch", doing: "watch a file for changes", cause: "too many are watched already",
                remedy: "try again later", limit: "watched files \(Self.listenersMax)", retry: .later)
        }
        continuation.yield()
        let (changes, listeners) = (changes, listeners)
        continuation.onTermination = { _ in Self.leave(number, watch, changes, listeners) }
        return stream
    }

    private static func leave(
        _ number: UInt64, _ watch: FileChanges.Watch, _ changes: FileChanges, _ listeners: Monitor<Listeners>
    ) {
        let isLast = listeners.withLock { listeners -> Bool in
            guard listeners.signals[watch]?.removeValue(forKey: number) != nil else { return false }
            listeners.count -= 1
            guard listeners.signals[watch]?.isEmpty == true else { return false }
            listeners.signals[watch] = nil
            return true
        }
        guard isLast else { return }
        // A watch that cannot be removed only costs signals nobody listens to.
        do throws(KernelError) { try changes.remove(watch) } catch { return }
    }
}
