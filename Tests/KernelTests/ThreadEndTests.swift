import LinuxKernel
import Synchronization
import Testing

/// Threads that nobody joins: an agent starts them for as long as it lives.
@Suite("the end of threads") struct ThreadEndTests {
    @Test("nothing is left of a thread that has ended and that nobody holds")
    func unheld() async throws {
        let before = try addressSpaceBytes()
        let ended = Atomic(0)
        let count = 1_000
        for number in 0..<count {
            _ = try WorkerThread { ended.wrappingAdd(1, ordering: .relaxed) }
            // A few at a time.
            if number % 10 == 9 { while ended.load(ordering: .relaxed) <= number { await Task.yield() } }
        }
        // Each has a stack of eight megabytes, and the C library keeps some for the next ones.
        #expect(try addressSpaceBytes() - before < Int64(count) << 21)
    }

    private func addressSpaceBytes() throws -> Int64 {
        // In pages, proc_pid_statm(5).
        let pages = try TextFile.read("/proc/self/statm").split(separator: " ").first.flatMap { Int64($0) }
        return try #require(pages) * 4_096
    }
}
