public import Diagnostics
public import LinuxKernel

/// Tells many listeners of writes to their files with one thread and one queue of the kernel.
public final class FileWatch: Sendable {
    private let changes: FileChanges
    private let listeners: Monitor<Listeners>
    /// Files watched at once.
    public static let listenersMax = 4_096

    private typealias Signal = AsyncStream<Void>.Continuation

    private struct Listeners {
        var signals: [FileChanges.Watch: [UInt64: Signal]] = [:]
        var count = 0
        var next: UInt64 = 0

        /// Whom a batch concerns. They are told when the lock has been let go of: telling the end calls back here at
        /// once, and waking a task wants a lock of that task, which is held while its cancellation calls back here.
        mutating func concerned(by batch: [FileChanges.Change]) -> (changed: [Signal], ended: [Signal]) {
            var (changed, ended): ([Signal], [Signal]) = ([], [])
            for change in batch {
                switch change {
                case .written(let watch): if let all = signals[watch] { changed += all.values }
                case .ended(let watch):
                    let gone = signals.removeValue(forKey: watch) ?? [:]
                    count -= gone.count
                    ended += gone.values
                case .overflow: for all in signals.values { changed += all.values }
                }
            }
            return (changed, ended)
        }

        mutating func removeAll() -> [Signal] {
            defer { (signals, count) = ([:], 0) }
            return signals.values.flatMap { Array($0.values) }
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
            let (changed, ended) = listeners.withLock { $0.concerned(by: batch) }
            for signal in changed { signal.yield() }
            for signal in ended { signal.finish() }
        }
        // Whoever still listens hears the end and reads what there is.
        for signal in listeners.withLock({ $0.removeAll() }) { signal.finish() }
    }

    /// A signal after each change to `file`, several changes as one; the first comes at once. It ends when the file
    /// is removed.
    ///
    /// - Throws: `files.watch` when too many are watched, or the host's own limit is reached.
    public func signals(for file: OwnedDescriptor) throws(Failure) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let (number, watch) = try enter(continuation, file)
        continuation.yield()
        let (changes, listeners) = (changes, listeners)
        continuation.onTermination = { _ in Self.leave(number, watch, changes, listeners) }
        return stream
    }

    /// All in one under the lock, as leaving is: the kernel has one watch for all who listen to a file, and the last of
    /// them who goes must not take the watch of one who comes.
    private func enter(
        _ signal: Signal, _ file: OwnedDescriptor
    ) throws(Failure) -> (number: UInt64, watch: FileChanges.Watch) {
        let outcome = listeners.withLock { listeners -> Result<(UInt64, FileChanges.Watch), Failure> in
            guard listeners.count < Self.listenersMax else {
                return .failure(
                    Failure(
                        "files.watch", doing: "watch a file for changes", cause: "too many are watched already",
                        remedy: "try again later", limit: "watched files \(Self.listenersMax)", retry: .later))
            }
            do throws(KernelError) {
                let watch = try changes.add(file)
                listeners.count += 1
                listeners.next += 1
                listeners.signals[watch, default: [:]][listeners.next] = signal
                return .success((listeners.next, watch))
            } catch {
                return .failure(
                    error.failure(
                        "files.watch", doing: "watch a file for changes", remedy: "raise fs.inotify.max_user_watches",
                        retry: .later))
            }
        }
        return try outcome.get()
    }

    private static func leave(
        _ number: UInt64, _ watch: FileChanges.Watch, _ changes: FileChanges, _ listeners: Monitor<Listeners>
    ) {
        listeners.withLock { listeners in
            guard listeners.signals[watch]?.removeValue(forKey: number) != nil else { return }
            listeners.count -= 1
            guard listeners.signals[watch]?.isEmpty == true else { return }
            listeners.signals[watch] = nil
            // A watch that cannot be removed only costs signals nobody listens to.
            do throws(KernelError) { try changes.remove(watch) } catch { return }
        }
    }
}
