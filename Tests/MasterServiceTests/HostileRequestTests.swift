import RawHTTP
import Testing

@Suite("Hostile requests to a master", .timeLimit(.minutes(5)))
struct HostileRequestTests {
    @Test("each is refused once and at once, and the master answers others")
    func refused() async throws {
        let served = try await ServedMaster.start()
        for request in HostileRequest.refused {
            let answer = try await ClosedExchange.of(request.text, port: served.port)
            #expect(answer.statuses == [request.status], "\(request): \(answer.text.prefix(300))")
        }
        #expect(try await served.get("/health").status == 200)
        await served.master.stop()
    }

    @Test("what is rare but right is answered")
    func unusual() async throws {
        let served = try await ServedMaster.start()
        for request in UnusualRequest.all {
            let answer = try await ClosedExchange.of(request.text, port: served.port)
            #expect(answer.statuses == request.statuses, "\(request): \(answer.text.prefix(1_000))")
        }
        await served.master.stop()
    }
}
