import Testing

@testable import MasterService

@Suite("reads worked out on threads of their own", .timeLimit(.minutes(5)))
struct ReadPoolTests {
    @Test("one whose client has shut down its own side is worked out all the same")
    func cancelled() async throws {
        let pool = ReadPool(MasterServiceLimits())
        let read = Task<Int, any Error> {
            while !Task.isCancelled { await Task.yield() }
            return try await pool.run { 7 }
        }
        read.cancel()
        #expect(try await read.value == 7)
        await pool.stop()
    }

    @Test("nothing is worked out any more once the pool has been stopped")
    func stopped() async throws {
        let pool = ReadPool(MasterServiceLimits())
        await pool.stop()
        await #expect(throws: (any Error).self) { _ = try await pool.run { 7 } }
    }
}
