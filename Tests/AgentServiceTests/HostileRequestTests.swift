import RawHTTP
import Testing

@Suite("Hostile requests to an agent", .timeLimit(.minutes(5)))
struct HostileRequestTests {
    @Test("each is refused once and at once, and the agent answers others")
    func refused() async throws {
        let bench = try await Bench()
        let port = try #require(bench.agent.port)
        // Until then its API has one answer to everything.
        try await eventually("the agent to have recovered") {
            try await RawConnection.get(port, "/health").status == 200
        }
        for request in HostileRequest.refused {
            let answer = try await ClosedExchange.of(request.text, port: port)
            #expect(answer.statuses == [request.status], "\(request): \(answer.text.prefix(300))")
        }
        #expect(try await RawConnection.get(port, "/health").status == 200)
        await bench.stop()
    }

    @Test("what is rare but right is answered")
    func unusual() async throws {
        let bench = try await Bench()
        let port = try #require(bench.agent.port)
        // Until then its API has one answer to everything.
        try await eventually("the agent to have recovered") {
            try await RawConnection.get(port, "/health").status == 200
        }
        for request in UnusualRequest.all {
            let answer = try await ClosedExchange.of(request.text, port: port)
            #expect(answer.statuses == request.statuses, "\(request): \(answer.text.prefix(1_000))")
        }
        await bench.stop()
    }
}
