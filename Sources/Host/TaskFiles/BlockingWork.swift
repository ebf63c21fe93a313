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
    private let makeThread: ThreadMaker

    private struct Job {
        var doing: String
        var run: @Sendable () -> Void
        var refuse: @Sendable (Failure) -> Void
    }

    private struct Queue {
        var waiting: [Job] = []
        var first = 0
        var threads = 0
        /// Threads that run a job now.
        var busy = 0
        var isClosing = false

        var count: Int { waiting.count - first }

        mutating func take() -> Job? {
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

        mutating func takeAll() -> [Job] {
            let left = Array(waiting[first...])
            waiting.removeAll(keepingCapacity: true)
            first = 0
            return left
        }
    }

    /// - Parameter waitingMax: jobs that may wait for a thread at once.
    public convenience init(threads: Int = 16, waitingMax: Int = 4_096) {
        self.init(threads: threads, waitingMax: waitingMax) { (body) throws(KernelError) in
            // Never joined: it ends with the object, whenever its last job lets it.
            _ = try WorkerThread(body)
        }
    }

    /// How a thread is made, which the kernel may refuse.
    typealias ThreadMaker = @Sendable (@escaping @Sendable () -> Void) throws(KernelError) -> Void

    init(threads: Int, waitingMax: Int, makeThread: @escaping ThreadMaker) {
        threadsMax = threads
        self.waitingMax = waitingMax
        self.makeThread = makeThread
        queue = Monitor(Queue())
    }

    deinit { queue.withLock { $0.isClosing = true } }

    /// Runs `body` on one of the threads.
    ///
    /// - Throws: what `body` throws; `host.overloaded` when too much waits already, or when there is no thread and none
    ///   can be made.
    public func run<Value: Sendable>(
        _ doing: String, _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let outcome = await withCheckedContinuation { (reply: CheckedContinuation<Result<Value, Failure>, Never>) in
            let run: @Sendable () -> Void = {
                do throws(Failure) { reply.resume(returning: .success(try body())) } catch {
                    reply.resume(returning: .failure(error))
                }
            }
            submit(Job(doing: doing, run: run, refuse: { failure in reply.resume(returning: .failure(failure)) }))
        }
        return try outcome.get()
    }

    private func submit(_ job: Job) {
        let (isTaken, needsThread) = queue.withLock { queue -> (Bool, Bool) in
            guard queue.count < waitingMax else { return (false, false) }
            queue.waiting.append(job)
            let needsThread = queue.threads - queue.busy < queue.count && queue.threads < threadsMax
            if needsThread { queue.threads += 1 }
            return (true, needsThread)
        }
        guard isTaken else {
            return job.refuse(
                Failure(
                    "host.overloaded", doing: job.doing, cause: "too much is waiting for this machine's disk already",
                    remedy: "try again later", limit: "waiting jobs \(waitingMax)", retry: .later))
        }
        guard needsThread else { return }
        let queue = queue
        do throws(KernelError) { try makeThread { Self.serve(queue) } } catch {
            // What is queued stays for the threads there are. With none nothing of it may wait for ever: this job, and
            // those of others that came meanwhile and counted on this thread.
            let left = queue.withLock { queue -> [Job] in
                queue.threads -= 1
                return queue.threads == 0 ? queue.takeAll() : []
            }
            for job in left { job.refuse(error.failure("host.overloaded", doing: job.doing, retry: .later)) }
        }
    }

    private static func serve(_ queue: Monitor<Queue>) {
        while true {
            let job = queue.waitFor { queue -> Job?? in
                if let job = queue.take() {
                    queue.busy += 1
                    return .some(job)
                }
                return queue.isClosing ? .some(nil) : nil
            }
            guard let job else { return }
            job.run()
            queue.withLock { $0.busy -= 1 }
        }
    }
}
