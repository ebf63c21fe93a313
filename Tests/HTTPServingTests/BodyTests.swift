import Diagnostics
import NIOCore
import Testing

@testable import HTTPServing

@Suite("Bodies that are wanted whole", .timeLimit(.minutes(5)))
struct BodyTests {
    private static let pieces = [[1, 2], [3], [4, 5, 6]] as [[UInt8]]

    @Test("what came before it was asked for and what comes later is one body", arguments: 0...3)
    func parts(_ before: Int) async throws {
        let body = BodyStream(source: nil)
        for piece in Self.pieces.prefix(before) { body.push(ByteBuffer(bytes: piece)) }
        async let whole = body.collect(bytesMax: 6)
        try await eventually("somebody waits") { body.isWanted }
        for piece in Self.pieces.dropFirst(before) { body.push(ByteBuffer(bytes: piece)) }
        #expect(body.isWanted)
        body.finish()
        #expect(try await whole == [1, 2, 3, 4, 5, 6])
        #expect(!body.isWanted)
    }

    @Test("a body that has ended is there at once, and nobody asks the connection for it")
    func ended() async throws {
        let body = BodyStream(
            source: BodyStream.Source(demand: { Issue.record("asked for") }, limitTime: { Issue.record("limited") }))
        body.push(ByteBuffer(bytes: [7]))
        body.finish()
        body.limitTime()
        #expect(try await body.collect(bytesMax: 1) == [7])
    }

    @Test("a body that has ended is there for somebody who is cancelled, too, and no other", arguments: [true, false])
    func lateCancellation(_ hasEnded: Bool) async throws {
        let body = BodyStream(source: nil)
        body.push(ByteBuffer(bytes: [7]))
        if hasEnded { body.finish() }
        let whole = Task<[UInt8], any Error> {
            while !Task.isCancelled { await Task.yield() }
            return try await body.collect(bytesMax: 1)
        }
        whole.cancel()
        if hasEnded { return #expect(try await whole.value == [7]) }
        await #expect(throws: CancellationError.self) { try await whole.value }
    }

    @Test("one byte too many is refused, whether it is there or comes", arguments: [false, true])
    func tooLarge(_ comesLater: Bool) async throws {
        let body = BodyStream(source: nil)
        if !comesLater { body.push(ByteBuffer(bytes: [1, 2, 3])) }
        async let whole = body.collect(bytesMax: 2)
        if comesLater {
            try await eventually("somebody waits") { body.isWanted }
            body.push(ByteBuffer(bytes: [1, 2, 3]))
        }
        do {
            _ = try await whole
            Issue.record("it was taken")
        } catch {
            #expect((error as? Failure)?.code == "http.body-too-large")
        }
        #expect(!body.isWanted)
    }

    @Test("a body that is cut off is refused as such")
    func cutOff() async throws {
        let body = BodyStream(source: nil)
        let whole = Task { try await body.collect(bytesMax: 10) }
        try await eventually("somebody waits") { body.isWanted }
        body.push(ByteBuffer(bytes: [1]))
        body.finish(.failure(Failure("http.body-cut-off", doing: "read the body", cause: "test")))
        await #expect(throws: Failure.self) { try await whole.value }
    }

    @Test("whoever gives up waiting waits no more", arguments: [false, true])
    func cancelled(_ isEarly: Bool) async throws {
        let body = BodyStream(source: nil)
        let waiter = Task {
            if isEarly { while !Task.isCancelled { await Task.yield() } }
            return try await body.collect(bytesMax: 10)
        }
        if !isEarly { try await eventually("somebody waits") { body.isWanted } }
        waiter.cancel()
        await #expect(throws: CancellationError.self) { try await waiter.value }
        #expect(!body.isWanted)
    }
}
