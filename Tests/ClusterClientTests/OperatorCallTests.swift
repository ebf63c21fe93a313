import ClusterAPI
import ClusterClient
import ClusterModel
import Diagnostics
import NIOHTTP1
import Testing

@Suite("Calls to masters and agents", .timeLimit(.minutes(5)))
struct OperatorCallTests {
    @Test(
        "a call arrives in either encoding and its answer is read by what the master says it is",
        arguments: WireFormat.allCases)
    func formats(_ format: WireFormat) async throws {
        let response = OperatorResponse.quota(QuotaStatus())
        let server = try await ScriptedServer.start { _, reply in
            await reply.head(200, ["Content-Type": format.mediaType])
            await reply.chunk(response.bytes(format))
            await reply.end()
        }
        let client = try ClusterClient(settings(server.port, format: format))
        #expect(try await client.quota() == QuotaStatus())
        let request = try #require(server.requests.first)
        #expect(request.path == "/api/v1")
        #expect(
            request.headers["Content-Type"] == [format.mediaType] && request.headers["Accept"] == [format.mediaType])
        #expect(try OperatorCall(request.body, format: format) == .query(.quota))
        try await server.stop()
    }

    @Test("a change without a body in its answer is done")
    func change() async throws {
        let server = try await ScriptedServer.start { _, reply in await reply.answer(202) }
        let client = try ClusterClient(settings(server.port))
        try await client.change(.deactivateAgent(AgentID("a")))
        #expect(try OperatorCall(server.requests[0].body) == .change(.deactivateAgent(AgentID("a"))))
        try await server.stop()
    }

    @Test(
        "what a server refuses is a failure with its words, a code for programs and what to do",
        arguments: [
            (401, "client.unauthorized", Failure.Retry.never), (403, "client.forbidden", .never),
            (404, "client.not-found", .never), (409, "client.conflict", .later), (400, "client.refused", .never),
            (413, "client.call-too-large", .never), (500, "client.server-failed", .later),
            (501, "client.not-implemented", .never), (503, "client.unavailable", .later),
        ])
    func refusals(_ status: Int, _ code: String, _ retry: Failure.Retry) async throws {
        let server = try await ScriptedServer.start { _, reply in await reply.answer(status, "the moon is full.\n") }
        let client = try ClusterClient(settings(server.port))
        let refused = try #require(await failure { () throws(Failure) in try await client.state() })
        #expect(refused.code.rawValue == code && refused.retry == retry)
        #expect(refused.cause == "it answered \(status): the moon is full")
        #expect(refused.remedy != nil && refused.description.contains("127.0.0.1:\(server.port)"))
        let asked = client.agent(at: ServerAddress(host: "127.0.0.1", port: UInt16(server.port)))
        #expect(await failure { () throws(Failure) in try await asked.state() }?.code.rawValue == code)
        try await server.stop()
    }

    /// Where no other test's server takes the port.
    private static let nobody = ServerAddress(host: "127.77.0.3", port: 5_050)

    @Test("a master that is not there is named with what to do")
    func nobody() async throws {
        let client = try ClusterClient(ClientSettings(masters: [Self.nobody], logger: quiet))
        let failed = try #require(await failure { () throws(Failure) in try await client.state() })
        #expect(
            failed.description
                == "cannot reach the master at http://127.77.0.3:5050: connection refused; "
                + "start one with 'bulkhead local', or name one that runs")
        #expect(failed.code == "client.unreachable" && failed.retry == .later)
    }

    @Test("the next master is asked when one is not there, and the one that answered is asked first from then on")
    func next() async throws {
        let busy = try await ScriptedServer.start { _, reply in await reply.answer(503, "no leader") }
        let server = try await ScriptedServer.start { _, reply in
            await reply.answer(200, #"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#)
        }
        var masters = try settings(busy.port, server.port)
        masters.masters.insert(Self.nobody, at: 0)
        let client = try ClusterClient(masters)
        for _ in 0..<3 { #expect(try await client.process(.health) == .health(true)) }
        #expect(busy.requests.count == 1 && server.requests.count == 3)
        #expect(client.master == ServerAddress(host: "127.0.0.1", port: UInt16(server.port)))
        try await busy.stop()
        try await server.stop()
    }

    @Test(
        "a redirect leads to the leader, however it is written",
        arguments: ["//127.0.0.1:PORT/api/v1", "http://127.0.0.1:PORT/api/v1", "127.0.0.1:PORT", "//127.0.0.1:PORT"])
    func redirect(_ location: String) async throws {
        let leader = try await ScriptedServer.start { _, reply in await reply.answer(200) }
        let text = location.replacing("PORT", with: "\(leader.port)")
        let standby = try await ScriptedServer.start { _, reply in await reply.answer(307, "", ["Location": text]) }
        var settings = try settings(standby.port)
        settings.credentials = .basic(principal: "ops", secret: "s3cret")
        let client = try ClusterClient(settings)
        for _ in 0..<2 { try await client.change(.removeQuota(RoleName("eng"))) }
        #expect(standby.requests.count == 1 && leader.requests.count == 2)
        #expect(leader.requests[0].headers["Authorization"] == ["Basic b3BzOnMzY3JldA=="])
        try await standby.stop()
        try await leader.stop()
    }

    @Test("standbys that point at each other are given up")
    func circle() async throws {
        let standby = try await ScriptedServer.start { request, reply in
            await reply.answer(307, "", ["Location": "//\(request.headers.first(name: "Host") ?? "")/api/v1"])
        }
        let client = try ClusterClient(settings(standby.port))
        let failed = try #require(await failure { () throws(Failure) in try await client.state() })
        #expect(failed.code == "client.redirected-too-often" && standby.requests.count == 5)
        try await standby.stop()
    }

    @Test("a server that is too slow is given up, and whether the call took effect is left open")
    func slow() async throws {
        for afterHead in [false, true] {
            let server = try await ScriptedServer.start { _, reply in
                if afterHead {
                    await reply.head(200, ["Content-Length": "100"])
                    await reply.chunk(Array("{".utf8))
                }
                await reply.closed()
            }
            var settings = try settings(server.port)
            settings.limits.requestTime = .milliseconds(250)
            let client = try ClusterClient(settings)
            let failed = try #require(await failure { () throws(Failure) in try await client.state() })
            #expect(failed.code == "client.timed-out" && failed.limit == "request time 250 ms")
            // On a busy machine the time may be over before the request was sent: that connection is good for another.
            await until { server.requests.isEmpty || server.openConnections == 0 }
            try await server.stop()
        }
    }

    @Test("an answer that breaks off is not taken for one")
    func brokenOff() async throws {
        let server = try await ScriptedServer.start { _, reply in
            await reply.head(200, ["Content-Length": "100"])
            await reply.chunk(Array(#"{"type":"GET_HEALTH","#.utf8))
            reply.cut()
        }
        let client = try ClusterClient(settings(server.port))
        let failed = try #require(await failure { () throws(Failure) in try await client.process(.health) })
        #expect(failed.code == "client.answer-lost" && failed.retry == .later)
        try await server.stop()
    }

    @Test("a connection that is cut before the answer is not tried elsewhere: the call may have taken effect")
    func cut() async throws {
        let server = try await ScriptedServer.start { _, reply in reply.cut() }
        let other = try await ScriptedServer.start { _, reply in await reply.answer(200) }
        let client = try ClusterClient(settings(server.port, other.port))
        let failed = try #require(
            await failure { () throws(Failure) in try await client.change(.teardown(FrameworkID("F"))) })
        #expect(failed.code == "client.answer-lost", "\(failed)")
        #expect(other.requests.isEmpty)
        try await server.stop()
        try await other.stop()
    }

    @Test("an answer over the bound is refused while it arrives")
    func giant() async throws {
        let server = try await ScriptedServer.start { _, reply in
            await reply.head(200)
            while await reply.chunk(Array(repeatElement(0x20, count: 1_000))) {}
        }
        var settings = try settings(server.port)
        settings.limits.answerBytesMax = 10_000
        let client = try ClusterClient(settings)
        let failed = try #require(await failure { () throws(Failure) in try await client.state() })
        #expect(failed.code == "client.answer-too-large" && failed.limit == "answer bytes 10000")
        await until { server.openConnections == 0 }
        try await server.stop()
    }

    @Test(
        "an answer that is none of the protocol is called by its name",
        arguments: [
            ("<html>", "byte"), ("{}", "type"), (#"{"type":"GET_QUOTA"}"#, "get_quota"),
            (#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#, "GET_HEALTH"), ("", "nothing"),
        ])
    func foreign(_ body: String, _ hint: String) async throws {
        let server = try await ScriptedServer.start { _, reply in await reply.answer(200, body) }
        let client = try ClusterClient(settings(server.port))
        let failed = try #require(await failure { () throws(Failure) in try await client.state() })
        #expect(failed.code == "client.answer-unreadable" && failed.description.contains(hint), "\(failed)")
        try await server.stop()
    }

    @Test("an agent is found by its id and reached at its address")
    func agent() async throws {
        let agent = try await ScriptedServer.start { _, reply in
            await reply.answer(200, #"{"type":"GET_CONTAINERS","get_containers":{}}"#)
        }
        let port = UInt16(agent.port)
        let info = AgentInfo(
            id: try AgentID("a1"),
            address: NetworkAddress(hostname: "nowhere.invalid", address: "127.0.0.1", port: port),
            resources: [])
        let view = AgentsView(agents: [AgentView(info: info, version: "1.0.0", registeredAt: .epoch)])
        let master = try await ScriptedServer.start { _, reply in
            let body = OperatorResponse.agents(view).bytes(.json)
            await reply.head(200, ["Content-Length": "\(body.count)", "Content-Type": "application/json"])
            await reply.chunk(body)
            await reply.end()
        }
        let client = try ClusterClient(settings(master.port))
        #expect(try await client.agent(AgentID("a1")).containers().isEmpty)
        let failed = await failure { () throws(Failure) in try await client.agent(try AgentID("a2")) }
        #expect(failed?.code == "client.not-found" && failed?.description.contains("a2") == true)
        try await agent.stop()
        try await master.stop()
    }
}
