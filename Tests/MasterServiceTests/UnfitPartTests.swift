import ClusterAPI
import ClusterModel
import RawHTTP
import Testing

/// Calls that can be read and of which something cannot be meant.
@Suite("What cannot be meant, over HTTP", .timeLimit(.minutes(5)))
struct UnfitPartTests {
    private func info(_ id: String, on agent: ScriptedAgent, _ command: String = #"{"value":"true"}"#) -> String {
        #"{"name":"t","task_id":{"value":"\#(id)"},"agent_id":{"value":"\#(agent.id.text)"},"#
            + #""resources":\#(ScriptedScheduler.small),"command":\#(command)}"#
    }

    @Test("of an ACCEPT each part that cannot be is told so, the others are carried out, and the rest is offered again")
    func accept() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        let offer = try #require(try await scheduler.offer()["id"]["value"].text)
        let reserve =
            #"{"type":"RESERVE","id":{"value":"op"},"reserve":{"resources":[{"name":"cpus","type":"SCALAR","#
            + #""scalar":{"value":1},"reservations":[{"type":"DYNAMIC","role":"a//b"}]}]}}"#
        let unset = #"{"value":"true","environment":{"variables":[{"name":"A"}]}}"#
        let tasks = [info("a/b", on: agent), info("good", on: agent), info("unset", on: agent, unset)]
        let launch = #"{"type":"LAUNCH","launch":{"task_infos":[\#(tasks.joined(separator: ","))]}}"#
        let response = try await scheduler.call(
            "ACCEPT",
            #""accept":{"offer_ids":[{"value":"\#(offer)"}],"operations":[\#(reserve),\#(launch)],"#
                + #""filters":{"refuse_seconds":0}}"#)
        #expect(response.status == 202, "\(response.body)")
        let operation = try await scheduler.events.next("UPDATE_OPERATION_STATUS")["status"]
        #expect(operation["operation_id"]["value"].text == "op")
        #expect(operation["state"].text == "OPERATION_ERROR")
        #expect(operation["message"].text?.contains("a//b") == true, "\(operation)")
        for (id, says) in [("a/b", "U+2F"), ("unset", "variables[0].value")] {
            let status = try await scheduler.events.next("UPDATE")["status"]
            #expect(status["task_id"]["value"].text == id)
            #expect(status["agent_id"]["value"].text == agent.id.text)
            #expect(status["state"].text == "TASK_ERROR" && status["reason"].text == "REASON_TASK_INVALID")
            #expect(status["message"].text?.contains(says) == true, "\(status)")
            #expect(!status["uuid"].exists)
        }
        #expect(try await agent.run().0.id.text == "good")
        let rest = try await scheduler.offer()
        #expect(rest["agent_id"]["value"].text == agent.id.text)
        let cpus = rest["resources"].all.first { $0["name"].text == "cpus" }
        #expect(cpus?["scalar"]["value"].number == 3)
        await served.master.stop()
    }

    private static let multi = #""capabilities":[{"type":"MULTI_ROLE"}]"#

    /// Members of the description, and of the call, with a word of the reason.
    static let subscriptions: [(name: String, info: String, more: String, says: String)] = [
        ("a suppressed role of others", #""roles":["a"],\#(multi)"#, #""suppressed_roles":["b"]"#, "suppressed_roles"),
        ("roles without MULTI_ROLE", #""roles":["a"]"#, "", "MULTI_ROLE"),
        ("a role twice", #""roles":["a","a"],\#(multi)"#, "", "twice"),
        ("a role that cannot be", #""role":"a//b""#, "", "empty component"),
        ("an id that is none", #""id":{"value":"a/b"}"#, "", "framework id a/b"),
        ("a timeout that never ends", #""failover_timeout":1e17"#, "", "failover_timeout"),
        (
            "a constraint that is no pattern", #""roles":["a"],\#(multi)"#,
            #""offer_constraints":{"role_constraints":{"a":{"groups":[{"attribute_constraints":[{"selector":"#
                + #"{"attribute_name":"x"},"predicate":{"text_matches":{"regex":"("}}}]}]}}}"#, "("
        ),
        (
            "a constraint without a predicate", #""roles":["a"],\#(multi)"#,
            #""offer_constraints":{"role_constraints":{"a":{"groups":[{"attribute_constraints":[{"selector":"#
                + #"{"attribute_name":"x"},"predicate":{}}]}]}}}"#, "predicate"
        ),
    ]

    @Test(
        "what a framework says of itself and cannot be ends its stream with an ERROR as the first event",
        arguments: subscriptions.map(\.name))
    func subscription(_ name: String) async throws {
        let served = try await ServedMaster.start()
        let fault = try #require(UnfitPartTests.subscriptions.first { $0.name == name })
        let more = fault.more.isEmpty ? "" : ",\(fault.more)"
        let id = fault.info.hasPrefix(#""id""#) ? #""framework_id":{"value":"a/b"},"# : ""
        let body =
            #"{"type":"SUBSCRIBE",\#(id)"subscribe":{"framework_info":{"user":"u","name":"n",\#(fault.info)}\#(more)}}"#
        let events = try await EventConnection(
            served.port,
            "POST /api/v1/scheduler HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                + "Accept: application/json\r\nConnection: close\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        #expect(events.head["Mesos-Stream-Id"] != nil)
        let first = try #require(try await events.next())
        #expect(first["type"].text == "ERROR")
        #expect(first["error"]["message"].text?.contains(fault.says) == true, "\(first)")
        #expect(try await events.next() == nil)
        await served.master.stop()
    }

    @Test("a framework that comes with an empty id is a new one")
    func emptyID() async throws {
        let served = try await ServedMaster.start()
        let events = try await EventConnection(
            served.port, ScriptedScheduler.subscription(ScriptedScheduler.info(), id: ""))
        #expect(try await events.next("SUBSCRIBED")["framework_id"]["value"].text?.isEmpty == false)
        await served.master.stop()
    }
}
