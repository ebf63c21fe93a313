import CLinux
import Glibc
import Synchronization

/// A thread of our own for work that blocks: nothing that waits in the kernel may run on Swift's own pool, which has
/// no more threads than the machine has processors.
public final class WorkerThread: Sendable {
    private final class Body {
        let run: @Sendable () -> Void
        let end: End
        init(_ run: @escaping @Sendable () -> Void, _ end: End) {
            self.run = run
            self.end = end
        }
    }

    /// Whether the thread is past its work. Whoever holds the lock before that keeps it from ending.
    private final class End: Sendable { let isReached = Mutex(false) }

    private let thread: pthread_t
    private let end = End()
    private let isJoined = Atomic(false)

    /// Starts the thread. It goes on when nobody holds this any more, and nothing is left of it after its end. See
    /// pthread_create(3).
    public init(_ run: @escaping @Sendable () -> Void) throws(KernelError) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run, end))
        let problem = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                body.run()
                body.end.isReached.withLock { $0 = true }
                return nil
            }, body.toOpaque())
        guard problem == 0 else {
            body.release()
            throw KernelError(call: "pthread_create", errno: problem)
        }
        self.thread = thread
    }

    /// Keeps it off the processor the caller is on: for a thread that is to go on beside the caller. A kernel may start
    /// and wake threads where whoever wants them runs, rather than wake an idle processor, and then they wait for the
    /// caller. Nobody inherits it, for the thread starts no process. Where this process may use one processor only, or
    /// the kernel refuses, nothing changes. See sched_setaffinity(2).
    public func moveAway() { place(away: true) }

    /// Takes `moveAway` back: it may run wherever the caller may.
    public func moveAnywhere() { place(away: false) }

    /// One that has ended is left alone: the C library has 0 for its number by then, which means whoever calls.
    private func place(away: Bool) {
        end.isReached.withLock { isReached in
            if !isReached { _ = bh_place_thread(thread, away ? 1 : 0) }
        }
    }

    /// Waits until the thread has ended. Call it once.
    public func join() {
        isJoined.store(true, ordering: .relaxed)
        pthread_join(thread, nil)
    }

    deinit { if !isJoined.load(ordering: .relaxed) { pthread_detach(thread) } }
}

/// A mutex with a condition: `value` is reached only inside `withLock`, which may wait for another thread's change.
public final class Monitor<Value>: @unchecked Sendable {
    // @unchecked: `value` is read and written under `mutex` only.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    /// How often somebody has let go of the mutex after a change.
    private let changes = Atomic<UInt>(0)
    private var value: Value

    public init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` alone and wakes every waiter afterwards.
    public func withLock<Result, Problem: Error>(
        _ body: (inout Value) throws(Problem) -> Result
    ) throws(Problem) -> Result {
        pthread_mutex_lock(mutex)
        defer { tellAndUnlock() }
        return try body(&value)
    }

    private func tellAndUnlock() {
        changes.wrappingAdd(1, ordering: .releasing)
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Runs `body` alone again and again, waiting for a change between, until it answers. The first waiting is done
    /// with `patience`; when that is spent, and before it sleeps, `impatient` is called.
    public func waitFor<Result>(
        _ patience: Patience = .none, impatient: () -> Void = {}, _ body: (inout Value) -> Result?
    ) -> Result {
        pthread_mutex_lock(mutex)
        defer { tellAndUnlock() }
        var left = patience.microseconds
        while true {
            if let result = body(&value) { return result }
            guard left > 0 else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            let before = changes.load(ordering: .relaxed)
            pthread_mutex_unlock(mutex)
            left = Patience(microseconds: left).left { changes.load(ordering: .acquiring) != before }
            if left == 0 { impatient() }
            pthread_mutex_lock(mutex)
        }
    }
}

/// How long a waiter stays awake for what is about to come: putting a processor to sleep and waking it can take longer
/// than the waiting. In the meantime whoever else wants the processor has it.
public struct Patience: Sendable {
    let microseconds: UInt32

    public init(microseconds: UInt32) { self.microseconds = microseconds }

    /// Sleeps at once.
    public static let none = Patience(microseconds: 0)

    /// Looks until `isThere`, or until there is none left; what is left, in microseconds.
    fileprivate func left(after isThere: () -> Bool) -> UInt32 {
        let end = Self.now() + UInt64(microseconds) * 1_000
        while true {
            for _ in 0..<Self.looksBetween {
                if isThere() {
                    let now = Self.now()
                    return now < end ? UInt32((end - now) / 1_000) : 0
                }
                bh_processor_pause()
            }
            sched_yield()
            if Self.now() >= end { return 0 }
        }
    }

    private static let looksBetween = 16

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
