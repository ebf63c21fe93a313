import Diagnostics
import LinuxKernel
import Synchronization
import Testing

@testable import Waiting

/// A kernel that refuses threads until it is told otherwise.
private final class Threads: Sendable {
    let isRefused = Mutex(true)

    func make(_ body: @escaping @Sendable () -> Void) throws(KernelError) {
        if isRefused.withLock({ $0 }) { throw KernelError(call: "pthread_create", errno: Errno.wouldBlock) }
        _ = try WorkerThread(body)
    }
}

@Suite("Threads for calls that wait")
struct ThreadPoolTests {
    @Test("with no thread and none to be had who waits is refused, and what must be done is done by a later try")
    func refused() async throws {
        let threads = Threads()
        let pool = ThreadPool(threadsMax: 1, waitingMax: 10) { (body) throws(KernelError) in try threads.make(body) }
        let isDone = Mutex(false)
        pool.submit(always: { isDone.withLock { $0 = true } })
        let failure = await #expect(throws: Failure.self) { try await pool.run { () throws(Failure) in } }
        #expect(failure?.code == "host.overloaded" && failure?.retry == .later)
        #expect(!isDone.withLock { $0 })
        threads.isRefused.withLock { $0 = false }
        #expect(try await pool.run { () throws(Failure) in 7 } == 7)
        // One thread does everything in order.
        #expect(isDone.withLock { $0 })
    }
}
