import ClusterAPI
import ClusterModel
import Determinism
import RawHTTP
import Testing

/// Events that only maintenance and operations bring about, as bytes on the wire.
@Suite("What a master writes about maintenance and operations", .timeLimit(.minutes(5)))
struct WireEventTests {
    /// How many offers there were before is a matter of time.
    private func unnumbered(_ text: String) -> String { text.replacing(#/-O[0-9]+"/#, with: #"-O@N""#) }

    @Test("an agent that is to be down is asked back, and not any more when its schedule is changed")
    func inverseOffers() async throws {
        let served = try await ServedMaster.start()
        var golden = WireGolden("inverse-offers", port: served.port)
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        #expect(try await scheduler.launch("t", on: scheduler.offer()).status == 202)
        let (task, framework) = try await agent.run()
        try await agent.report(.running, of: task, framework.id, number: 1)
        _ = try await scheduler.events.next("UPDATE")
        #expect(try await scheduler.call("SUPPRESS").status == 202)
        func schedule(_ windows: String) -> String {
            #"{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"#
                + #""windows":[\#(windows)]}}}"#
        }
        let window =
            #"{"machine_ids":[{"hostname":"host","ip":"127.0.0.1"}],"unavailability":{"#
            + #""start":{"nanoseconds":1700000000000000000},"duration":{"nanoseconds":60000000000}}}"#
        #expect(try await served.call(schedule(window)).status == 200)
        let offered = try await scheduler.events.whole("INVERSE_OFFERS")
        golden.add("INVERSE_OFFERS", unnumbered(offered))
        let id = try #require(
            try Answer(offered)["inverse_offers"]["inverse_offers"][0]["id"]["value"].text)
        #expect(
            try await scheduler.call(
                "DECLINE_INVERSE_OFFERS",
                #""decline_inverse_offers":{"inverse_offer_ids":[{"value":"\#(id)"}],"filters":{"refuse_seconds":0}}"#
            ).status == 202)
        golden.add("INVERSE_OFFERS again", unnumbered(try await scheduler.events.whole("INVERSE_OFFERS")))
        #expect(try await served.call(schedule("")).status == 200)
        golden.add("RESCIND_INVERSE_OFFER", unnumbered(try await scheduler.events.whole("RESCIND_INVERSE_OFFER")))
        #expect(try golden.differences() == [])
        await served.master.stop()
    }

    @Test("an operation with an id is reported until it is acknowledged, and shown to operators meanwhile")
    func operations() async throws {
        let served = try await ServedMaster.start()
        var golden = WireGolden("operations", port: served.port)
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        let offer = try await scheduler.offer()
        let offerID = try #require(offer["id"]["value"].text)
        let reserved =
            #"{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"eng"},"#
            + #""reservations":[{"type":"DYNAMIC","role":"eng"}]}"#
        #expect(
            try await scheduler.call(
                "ACCEPT",
                #""accept":{"offer_ids":[{"value":"\#(offerID)"}],"operations":[{"type":"RESERVE","id":{"value":"op"},"#
                    + #""reserve":{"resources":[\#(reserved)]}}],"filters":{"refuse_seconds":3600}}"#
            ).status == 202)
        var order: OperationOrder?
        while order == nil, let message = try await agent.next() {
            if case .apply(let asked) = message { order = asked }
        }
        let asked = try #require(order)
        var shown = try await served.call(#"{"type":"GET_OPERATIONS"}"#)
        // The operation's own name among masters, drawn by chance.
        shown.body.replace(#/"uuid":\{"value":"[A-Za-z0-9+\/=]{24}"\}/#, with: #""uuid":"@KEY""#)
        golden.add("GET_OPERATIONS", shown)
        let status = OperationStatus(
            operation: try OperationID("op"), state: .finished, id: UpdateID(high: 3, low: 4), agent: agent.id)
        #expect(try await agent.say(.operation(status, key: asked.key, framework: FrameworkID(scheduler.id))) == 202)
        golden.add("UPDATE_OPERATION_STATUS", try await scheduler.events.whole("UPDATE_OPERATION_STATUS"))
        let operation = #""operation_id":{"value":"op"},"agent_id":{"value":"\#(agent.id.text)"}"#
        let reconcile = #""reconcile_operations":{"operations":[{\#(operation)}]}"#
        #expect(try await scheduler.call("RECONCILE_OPERATIONS", reconcile).status == 202)
        golden.add("UPDATE_OPERATION_STATUS, asked", try await scheduler.events.whole("UPDATE_OPERATION_STATUS"))
        #expect(
            try await scheduler.call(
                "ACKNOWLEDGE_OPERATION_STATUS",
                #""acknowledge_operation_status":{\#(operation),"uuid":"AAAAAAAAAAMAAAAAAAAABA=="}"#
            ).status == 202)
        #expect(
            try await agent.next()
                == .acknowledgeOperation(UpdateID(high: 3, low: 4), key: asked.key))
        #expect(try await scheduler.call("RECONCILE_OPERATIONS", reconcile).status == 202)
        golden.add("UPDATE_OPERATION_STATUS, over", try await scheduler.events.whole("UPDATE_OPERATION_STATUS"))
        #expect(try golden.differences() == [])
        await served.master.stop()
    }
}
