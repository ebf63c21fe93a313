import Synchronization

/// A descriptor whose closing takes the kernel long, such as the last one of a mount namespace: that waits until no
/// processor walks its mounts any more (RCU) and takes its file systems apart.
public final class SlowDescriptor: Sendable {
    private let descriptor: Mutex<OwnedDescriptor?>

    /// Nobody else may keep `descriptor`, or it closes when they let go of it.
    public init(_ descriptor: OwnedDescriptor) { self.descriptor = Mutex(descriptor) }

    /// Has it closed by a thread that waits for such; here and now when much is waiting or no thread can be had.
    public func closeLater() {
        if !DescriptorReaper.shared.take(self) { close() }
    }

    /// Waits until every one that was to be closed later is closed.
    public static func awaitClosing() { DescriptorReaper.shared.awaitIdle() }

    /// Idempotent.
    public func close() {
        let last = descriptor.withLock { descriptor in
            defer { descriptor = nil }
            return descriptor
        }
        withExtendedLifetime(last) {}
    }
}

/// The thread, one for the whole process, from the first descriptor on.
private final class DescriptorReaper: Sendable {
    static let shared = DescriptorReaper()

    private struct Work {
        var waiting: [SlowDescriptor] = []
        var isClosing = false
        var thread: WorkerThread?
    }

    /// What is left to do later must not grow without end.
    private static let waitingMax = 64
    private let work = Monitor(Work())

    /// False: whoever brings it must close it.
    func take(_ descriptor: SlowDescriptor) -> Bool {
        work.withLock { work in
            guard work.waiting.count < Self.waitingMax, begin(&work) else { return false }
            work.waiting.append(descriptor)
            return true
        }
    }

    private func begin(_ work: inout Work) -> Bool {
        if work.thread != nil { return true }
        do throws(KernelError) {
            // Never joined: it lasts as long as the process does.
            work.thread = try WorkerThread { [self] in
                while true { closeNext() }
            }
            return true
        } catch {
            return false
        }
    }

    private func closeNext() {
        let next = work.waitFor { work -> SlowDescriptor? in
            if work.waiting.isEmpty { return nil }
            work.isClosing = true
            return work.waiting.removeFirst()
        }
        next.close()
        work.withLock { $0.isClosing = false }
    }

    func awaitIdle() { work.waitFor { $0.waiting.isEmpty && !$0.isClosing ? () : nil } }
}
