import ClusterAPI
import ClusterModel
import RawHTTP
import Testing

/// Clients that do not read what they asked for.
@Suite("Slow clients of a master", .timeLimit(.minutes(5)))
struct LoadTests {
    @Test("a scheduler that does not read is cut off at a bound, and gets in again")
    func scheduler() async throws {
        let served = try await ServedMaster.start { settings in
            settings.limits.schedulerQueueBytesMax = 100_000
            settings.configure = { $0.frameworkReturnWindow = .seconds(60) }
        }
        let slow = try await ScriptedScheduler(served)
        try await slow.events.connection.stopReading()
        let names = (0..<5_000).map { #"{"task_id":{"value":"task-\#($0)"}}"# }.joined(separator: ",")
        var rounds = 0
        while true {
            let response = try await slow.call("RECONCILE", #""reconcile":{"tasks":[\#(names)]}"#)
            if response.status == 403 { break }
            #expect(response.status == 202, "\(response.body)")
            rounds += 1
            try #require(rounds < 200, "the queue has no bound")
        }
        let again = try await ScriptedScheduler(served, id: slow.id)
        #expect(try await again.call("REVIVE").status == 202)
        await served.master.stop()
    }

    @Test("watchers that do not read are cut off, and the others miss nothing")
    func watchers() async throws {
        let served = try await ServedMaster.start { $0.limits.observerQueueBytesMax = 100_000 }
        let body = #"{"type":"SUBSCRIBE"}"#
        let request =
            "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        var silent: [RawConnection] = []
        for _ in 0..<20 {
            let connection = try await RawConnection.open(served.port, reads: false)
            try await connection.send(request)
            silent.append(connection)
        }
        let watcher = try await EventConnection(served.port, request)
        _ = try await watcher.next("SUBSCRIBED")
        let scheduler = try await ScriptedScheduler(served)
        _ = try await watcher.next("FRAMEWORK_ADDED")
        var rounds = 0
        while try await streams(served) > 2 {
            let label = String(repeating: "x", count: 60_000)
            let info = ScriptedScheduler.info(
                scheduler.id, #","labels":{"labels":[{"key":"round","value":"\#(rounds) \#(label)"}]}"#)
            let updated = try await scheduler.call("UPDATE_FRAMEWORK", #"""
                "update_framework":{"framework_info":\#(info)}
                """#)
            #expect(updated.status == 200, "\(updated.body)")
            let event = try await watcher.next("FRAMEWORK_UPDATED")
            let value = event["framework"]["framework_info"]["labels"]["labels"][0]["value"].text
            #expect(value?.hasPrefix("\(rounds) ") == true)
            rounds += 1
            try #require(rounds < 1_000, "the queues have no bound")
        }
        for connection in silent { connection.close() }
        await served.master.stop()
    }

    @Test("watchers who come while things change each see everything once, and first what there was")
    func newcomers() async throws {
        let served = try await ServedMaster.start()
        let names = (0..<40).map { "f\($0)" }
        async let subscribed = withThrowingTaskGroup(of: EventConnection.self) { group in
            for name in names {
                let info = #"{"user":"root","name":"\#(name)","roles":["r"],"capabilities":[{"type":"MULTI_ROLE"}]}"#
                group.addTask { try await EventConnection(served.port, ScriptedScheduler.subscription(info)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let body = #"{"type":"SUBSCRIBE"}"#
        let request =
            "POST /api/v1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<30 {
                group.addTask {
                    let watcher = try await EventConnection(served.port, request)
                    let first = try #require(try await watcher.next())
                    #expect(first["type"].text == "SUBSCRIBED")
                    let known = first["subscribed"]["get_state"]["get_frameworks"]["frameworks"].all
                    var seen = known.compactMap { $0["framework_info"]["name"].text }
                    while seen.count < names.count {
                        let added = try await watcher.next("FRAMEWORK_ADDED")["framework"]["framework_info"]
                        try seen.append(#require(added["name"].text))
                    }
                    watcher.connection.close()
                    return seen
                }
            }
            for try await seen in group { #expect(seen.sorted() == names.sorted()) }
        }
        for scheduler in try await subscribed { scheduler.connection.close() }
        await served.master.stop()
    }

    private func streams(_ served: ServedMaster) async throws -> Double {
        let metrics = try await served.ask("GET_METRICS")["metrics"].all
        return metrics.first { $0["name"].text == "master/event_streams" }?["value"].number ?? .infinity
    }

    @Test("requests beyond what may wait are refused, and those that were taken are answered")
    func overload() async throws {
        let served = try await ServedMaster.start { $0.limits.readsWaitingMax = 2 }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<50 { group.addTask { try await served.call(#"{"type":"GET_STATE"}"#).status } }
            return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
        }
        #expect(statuses[200, default: 0] > 0)
        #expect(statuses.keys.allSatisfy { $0 == 200 || $0 == 503 }, "\(statuses)")
        #expect(try await served.call(#"{"type":"GET_STATE"}"#).status == 200)
        await served.master.stop()
    }

    @Test("a large answer comes in pieces, whole, also with a name around it")
    func large() async throws {
        let served = try await ServedMaster.start { $0.limits.wholeAnswerBytesMax = 1_000 }
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        #expect(try await scheduler.launch("t", on: scheduler.offer()).status == 202)
        _ = try await agent.run()
        for path in ["/state", "/slaves"] {
            let response = try await served.get(path)
            #expect(response["Transfer-Encoding"] == "chunked")
            #expect(try Answer(response.body)["slaves"][0]["id"].text == agent.id.text)
            let named = try await served.get("\(path)?jsonp=cb").body
            #expect(named.hasPrefix("cb({") && named.hasSuffix("});"))
        }
        let state = try await served.ask("GET_STATE")
        #expect(state["get_tasks"]["tasks"][0]["task_id"]["value"].text == "t")
        await served.master.stop()
    }
}
