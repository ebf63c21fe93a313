public import Diagnostics
import LinuxKernel

/// Threads of our own for calls that wait in the kernel, offered to asynchronous code. Threads are made as they are
/// needed, up to a bound; beyond it work waits its turn, and beyond `waitingMax` it is refused.
public final class ThreadPool: Sendable {
    private struct Work {
        var run: @Sendable () -> Void
        /// Nil for what is done always.
        var refuse: (@Sendable (Failure) -> Void)?
    }

    private struct State {
        var waiting: [Work] = []
        var first = 0
        var idle = 0
        var threads = 0
        var count: Int { waiting.count - first }

        mutating func next() -> Work? {
            guard first < waiting.count else { return nil }
            let work = waiting[first]
            first += 1
            if first == waiting.count {
                waiting.removeAll(keepingCapacity: first < 1_024)
                first = 0
            }
            return work
        }

        /// Takes out what may be refused.
        mutating func refusable() -> [@Sendable (Failure) -> Void] {
            let left = waiting[first...]
            waiting = left.filter { $0.refuse == nil }
            first = 0
            return left.compactMap { $0.refuse }
        }
    }

    private let state: Monitor<State>
    private let threadsMax: Int
    private let waitingMax: Int
    private let makeThread: ThreadMaker

    /// For everything in this process.
    public static let shared = ThreadPool(threadsMax: 64, waitingMax: 20_000)

    /// For what ends containers and settles their end: it must never wait behind what may take minutes.
    public static let ending = ThreadPool(threadsMax: 32, waitingMax: 20_000)

    public convenience init(threadsMax: Int, waitingMax: Int) {
        self.init(threadsMax: threadsMax, waitingMax: waitingMax) { (body) throws(KernelError) in
            _ = try WorkerThread(body)
        }
    }

    /// How a thread is made, which the kernel may refuse.
    typealias ThreadMaker = @Sendable (@escaping @Sendable () -> Void) throws(KernelError) -> Void

    init(threadsMax: Int, waitingMax: Int, makeThread: @escaping ThreadMaker) {
        state = Monitor(State())
        self.threadsMax = threadsMax
        self.waitingMax = waitingMax
        self.makeThread = makeThread
    }

    /// Runs `body` on a thread of the pool and waits for it without holding a thread up.
    /// - Throws: what `body` throws, and `host.overloaded` when too much is waiting already, or when there is no thread
    ///   and none can be made.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let outcome: Result<Value, Failure> = await withCheckedContinuation { continuation in
            let run: @Sendable () -> Void = {
                do throws(Failure) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            submit(Work(run: run, refuse: { failure in continuation.resume(returning: .failure(failure)) }))
        }
        return try outcome.get()
    }

    /// Runs `body` some time later, however much is waiting. While there is no thread and none can be made it waits,
    /// and each call tries again to make one.
    public func submit(always body: @escaping @Sendable () -> Void) { submit(Work(run: body, refuse: nil)) }

    private func submit(_ work: Work) {
        let (accepted, needsThread) = state.withLock { state -> (Bool, Bool) in
            guard work.refuse == nil || state.count < waitingMax else { return (false, false) }
            state.waiting.append(work)
            guard state.idle < state.count, state.threads < threadsMax else { return (true, false) }
            state.threads += 1
            return (true, true)
        }
        if needsThread { start() }
        guard !accepted else { return }
        work.refuse?(
            Failure(
                "host.overloaded", doing: "do what was asked", cause: "\(waitingMax) operations are waiting already",
                limit: "operations \(waitingMax)", retry: .later))
    }

    private func start() {
        do throws(KernelError) {
            try makeThread { [self] in
                while true { nextWork().run() }
            }
        } catch {
            // What waits is left to the other threads. Where there are none nobody would come for it: whoever waits is
            // told, also those that came meanwhile and counted on this thread.
            let refused = state.withLock { state -> [@Sendable (Failure) -> Void] in
                state.threads -= 1
                return state.threads == 0 ? state.refusable() : []
            }
            let failure = error.failure("host.overloaded", doing: "do what was asked", retry: .later)
            for refuse in refused { refuse(failure) }
        }
    }

    private func nextWork() -> Work {
        state.withLock { $0.idle += 1 }
        return state.waitFor { state in
            guard let work = state.next() else { return nil }
            state.idle -= 1
            return work
        }
    }
}
