public import Diagnostics
import LinuxKernel

/// Threads for work that waits in the kernel, so that none of it ever holds up Swift's own.
///
/// Threads are started as they are needed, up to a bound, and kept. What cannot be taken is refused, never queued
/// without end.
public final class BlockingWork: Sendable {
    private let queue: Monitor<Queue>
    private let threadsMax: Int
    private let waitingMax: Int

    private struct Queue {
        var waiting: [@Sendable () -> Void] = []
        var first = 0
        var threads = 0
        /// Threads that run a job now.
        var busy = 0
        var isClosing = false

        var count: Int { waiting.count - first }

        mutating func take() -> (@Sendable () -> Void)? {
            guard first < waiting.count else { return nil }
            defer {
                first += 1
                if first == waiting.count {
                    waiting.removeAll(keepingCapacity: true)
                    first = 0
                }
            }
            return waiting[first]
        }
    }

    /// - Parameter waitingMax: jobs that may wait for a thread at once.
    public init(threads: Int = 16, waitingMax: Int = 4_096) {
        threadsMax = threads
        self.waitingMax = waitingMax
        queue = Monitor(Queue())
    }

    deinit { queue.withLock { $0.isClosing = true } }

    /// Runs `body` on one of the threads.
    ///
    /// - Throws: what `body` throws; `host.overloaded` when too much waits already.
    public func run<Value: Sendable>(
        _ doing: String, _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let outcome = await withCheckedContinuation { (reply: CheckedContinuation<Result<Value, Failure>, Never>) in
            let job: @Sendable () -> Void = {
                do throws(Failure) { reply.resume(returning: .success(try body())) } catch {
                    reply.resume(returning: .failure(error))
                }
            }
            if let refusal = submit(job, doing) { reply.resume(returning: .failure(refusal)) }
        }
        return try outcome.get()
    }

    private func submit(_ job: @escaping @Sendable () -> Void, _ doing: String) -> Failure? {
        let (isTaken, needsThread) = queue.withLock { queue -> (Bool, Bool) in
            guard queue.count < waitingMax else { return (false, false) }
            queue.waiting.append(job)
            let needsThread = queue.threads - queue.busy < queue.count && queue.threads < threadsMax
            if needsThread { queue.threads += 1 }
            return (true, needsThread)
        }
        guard isTaken else {
            return Failure(
                "host.overloaded", doing: doing, cause: "too much is waiting for this machine's disk already",
                remedy: "try again later", limit: "waiting jobs \(waitingMax)", retry: .later)
        }
        guard needsThread else { return nil }
        let queue = queue
        do throws(KernelError) {
            // Never joined: it ends with the object, whenever its last job lets it.
            _ = try WorkerThread { Self.serve(queue) }
            return nil
        } catch {
            // The job stays queued for the threads there are; with none it must not wait for ever.
            return queue.withLock { queue -> Failure? in
                queue.threads -= 1
                guard queue.threads == 0, queue.count > 0 else { return nil }
                queue.waiting.removeLast()
                return error.failure("host.overloaded", doing: doing, retry: .later)
            }
        }
    }

    private static func serve(_ queue: Monitor<Queue>) {
        while true {
            let job = queue.waitFor { queue -> (@Sendable () -> Void)?? in
                if let job = queue.take() {
                    queue.busy += 1
                    return .some(job)
                }
                return queue.isClosing ? .some(nil) : nil
            }
            guard let job else { return }
            job()
            queue.withLock { $0.busy -= 1 }
        }
    }
}
