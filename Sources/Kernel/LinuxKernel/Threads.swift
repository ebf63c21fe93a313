import CLinux
import Glibc

/// A thread of our own for work that blocks: nothing that waits in the kernel may run on Swift's own pool, which has
/// no more threads than the machine has processors.
public final class WorkerThread: Sendable {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private let thread: pthread_t

    /// Starts the thread. `join` must be called before the last reference goes away. See pthread_create(3).
    public init(_ run: @escaping @Sendable () -> Void) throws(KernelError) {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let problem = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard problem == 0 else {
            body.release()
            throw KernelError(call: "pthread_create", errno: problem)
        }
        self.thread = thread
    }

    /// Waits until the thread has ended. Call it once.
    public func join() { pthread_join(thread, nil) }
}

/// A mutex with a condition: `value` is reached only inside `withLock`, which may wait for another thread's change.
public final class Monitor<Value>: @unchecked Sendable {
    // @unchecked: `value` is read and written under `mutex` only.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
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
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Runs `body` alone again and again, waiting for a change between, until it answers.
    public func waitFor<Result>(_ body: (inout Value) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        while true {
            if let result = body(&value) { return result }
            pthread_cond_wait(condition, mutex)
        }
    }
}
