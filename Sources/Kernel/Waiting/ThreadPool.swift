public import Diagnostics
import LinuxKernel

/// Threads of our own for calls that wait in the kernel, offered to asynchronous code. Threads are made as they are
/// needed, up to a bound; beyond it work waits its turn, and beyond `waitingMax` it is refused.
public final class ThreadPool: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var first = 0
        var idle = 0
        var threads = 0
        var count: Int { waiting.count - first }

        mutating func next() -> (@Sendable () -> Void)? {
            guard first < waiting.count else { return nil }
            let work = waiting[first]
            first += 1
            if first == waiting.count {
                waiting.removeAll(keepingCapacity: first < 1_024)
                first = 0
            }
            return work
        }
    }

    private let state: Monitor<State>
    private let threadsMax: Int
    private let waitingMax: Int

    /// For everything in this process.
    public static let shared = ThreadPool(threadsMax: 64, waitingMax: 20_000)

    /// For what ends containers and settles their end: it must never wait behind what may take minutes.
    public static let ending = ThreadPool(threadsMax: 32, waitingMax: 20_000)

    public init(threadsMax: Int, waitingMax: Int) {
        state = Monitor(State())
        self.threadsMax = threadsMax
        self.waitingMax = waitingMax
    }

    /// Runs `body` on a thread of the pool and waits for it without holding a thread up.
    /// - Throws: what `body` throws, and `host.overloaded` when too much is waiting already.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let outcome: Result<Value, Failure> = await withCheckedContinuation { continuation in
            let work: @Sendable () -> Void = {
                do throws(Failure) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if let refusal = submit(work) { continuation.resume(returning: .failure(refusal)) }
        }
        return try outcome.get()
    }

    /// Runs `body` some time later, `always` however much is waiting. What refuses it is the answer.
    @discardableResult
    public func submit(always: Bool = false, _ body: @escaping @Sendable () -> Void) -> Failure? {
        let (accepted, needsThread) = state.withLock { state -> (Bool, Bool) in
            guard always || state.count < waitingMax else { return (false, false) }
            state.waiting.append(body)
            guard state.idle < state.count, state.threads < threadsMax else { return (true, false) }
            state.threads += 1
            return (true, true)
        }
        guard accepted else {
            return Failure(
                "host.overloaded", doing: "do what was asked", cause: "\(waitingMax) operations are waiting already",
                limit: "operations \(waitingMax)", retry: .later)
        }
        if needsThread { start() }
        return nil
    }

    private func start() {
        do throws(KernelError) {
            _ = try WorkerThread { [self] in
                while true { nextWork()() }
            }
        } catch {
            // Others are there, or the next call tries again.
            state.withLock { $0.threads -= 1 }
        }
    }

    private func nextWork() -> @Sendable () -> Void {
        state.withLock { $0.idle += 1 }
        return state.waitFor { state in
            guard let work = state.next() else { return nil }
            state.idle -= 1
            return work
        }
    }
}
