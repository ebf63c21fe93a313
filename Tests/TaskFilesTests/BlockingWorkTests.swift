import Diagnostics
import LinuxKernel
import Synchronization
import Testing

@testable import TaskFiles

@Suite("Work that blocks")
struct BlockingWorkTests {
    private static let refusal = KernelError(call: "pthread_create", errno: Errno.wouldBlock)

    @Test("with no thread and none to be had work is refused in words, and goes on as soon as there is one")
    func refused() async throws {
        let isRefused = Mutex(true)
        let work = BlockingWork(threads: 2, waitingMax: 10) { (body) throws(KernelError) in
            if isRefused.withLock({ $0 }) { throw Self.refusal }
            _ = try WorkerThread(body)
        }
        let failure = await #expect(throws: Failure.self) { try await work.run("read") { () throws(Failure) in } }
        #expect(failure?.code == "host.overloaded" && failure?.doing == "read" && failure?.retry == .later)
        isRefused.withLock { $0 = false }
        #expect(try await work.run("read") { () throws(Failure) in 7 } == 7)
    }

    @Test("work that counted on a thread that could not be made is refused too, each for itself")
    func together() async throws {
        let asked = Monitor(0)
        let work = BlockingWork(threads: 2, waitingMax: 10) { (body) throws(KernelError) in
            let isFirst = asked.withLock { asked -> Bool in
                asked += 1
                return asked == 1
            }
            // The first is refused last. Where only one task goes on at a time no other comes, and nothing is shown.
            if isFirst { try Deadline(seconds: 60).wait("other work") { asked.withLock { $0 > 1 } } }
            throw Self.refusal
        }
        let failures = await withTaskGroup(of: Failure?.self) { group in
            for doing in ["read one", "read two"] {
                group.addTask {
                    do throws(Failure) {
                        try await work.run(doing) { () throws(Failure) in }
                        return nil
                    } catch { return error }
                }
            }
            return await group.reduce(into: [Failure]()) { all, failure in if let failure { all.append(failure) } }
        }
        #expect(failures.map(\.doing).sorted() == ["read one", "read two"])
    }
}
