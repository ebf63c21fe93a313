import ClusterAPI
import ClusterModel
import Coordination
import RawHTTP
import Testing

/// A scheduler and an agent, both scripted, with a real master between them.
@Suite("A scheduler over HTTP", .timeLimit(.minutes(5)))
struct SchedulerTests {
    @Test("a task goes from offer to acknowledgement, and everything in between arrives")
    func task() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        #expect(scheduler.events.head["Content-Type"] == "application/json")
        #expect(scheduler.events.head["Transfer-Encoding"] == "chunked")
        #expect(scheduler.subscribed["heartbeat_interval_seconds"].number == 15)
        #expect(scheduler.subscribed["master_info"]["port"].number == Double(served.port))
        #expect(scheduler.subscribed["master_info"]["address"]["ip"].text == "127.0.0.1")
        let agent = try await ScriptedAgent(served)
        let offer = try await scheduler.offer()
        #expect(offer["agent_id"]["value"].text == agent.id.text)
        #expect(offer["allocation_info"]["role"].text == "eng")
        #expect(offer["hostname"].text == "host")
        #expect(try await scheduler.launch("t:1", on: offer).status == 202)
        let (task, framework) = try await agent.run()
        #expect(task.id.text == "t:1")
        #expect(framework.id.text == scheduler.id)
        try await agent.report(.running, of: task, framework.id, number: 1)
        let status = try await scheduler.events.next("UPDATE")["status"]
        #expect(status["state"].text == "TASK_RUNNING")
        #expect(status["agent_id"]["value"].text == agent.id.text)
        let uuid = try #require(status["uuid"].text)
        #expect(uuid == "AAAAAAAAAAcAAAAAAAAAAQ==")
        let acknowledgement =
            #""acknowledge":{"agent_id":{"value":"\#(agent.id.text)"},"task_id":{"value":"t:1"},"uuid":"\#(uuid)"}"#
        #expect(try await scheduler.call("ACKNOWLEDGE", acknowledgement).status == 202)
        guard case .acknowledge(let id, let reference)? = try await agent.next() else {
            Issue.record("no acknowledgement")
            return
        }
        #expect(id == UpdateID(high: 7, low: 1))
        #expect(reference.task.text == "t:1")
        #expect(
            try await scheduler.call(
                "KILL", #""kill":{"task_id":{"value":"t:1"},"kill_policy":{"grace_period":{"nanoseconds":5000000000}}}"#
            ).status == 202)
        #expect(try await agent.next() == .kill(reference, gracePeriod: .seconds(5)))
        try await agent.report(.killed, of: task, framework.id, number: 2)
        #expect(try await scheduler.events.next("UPDATE")["status"]["state"].text == "TASK_KILLED")
        await served.master.stop()
    }

    @Test("every call but SUBSCRIBE needs its framework's own stream")
    func streams() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        let other = try await ScriptedScheduler(served)
        for (headers, says) in [
            ("", "All non-subscribe calls should include the 'Mesos-Stream-Id' header"),
            ("Mesos-Stream-Id: nonsense\r\n", "does not belong"),
            ("Mesos-Stream-Id: \(other.stream)\r\n", "does not belong"),
        ] {
            let response = try await scheduler.call("REVIVE", "", headers)
            #expect(response.status == 400)
            #expect(response.body.contains(says), "\(response.body)")
        }
        #expect(try await scheduler.call("REVIVE").status == 202)
        let malformed = #""acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"dG9vIHNob3J0"}"#
        #expect(try await scheduler.call("ACKNOWLEDGE", malformed).status == 400)
        await served.master.stop()
    }

    @Test("calls that are well formed are accepted", arguments: [
        ("DECLINE", #""decline":{"offer_ids":[{"value":"O"}],"filters":{"refuse_seconds":4294967295}}"#),
        ("ACCEPT", #""accept":{"offer_ids":[{"value":"O"}],"operations":[]}"#),
        ("REVIVE", ""), ("REVIVE", #""revive":{"roles":["eng"]}"#),
        ("SUPPRESS", ""), ("SUPPRESS", #""suppress":{"roles":["eng"]}"#),
        ("KILL", #""kill":{"task_id":{"value":"t"}}"#),
        ("SHUTDOWN", #""shutdown":{"executor_id":{"value":"e"},"agent_id":{"value":"a"}}"#),
        ("RECONCILE", #""reconcile":{"tasks":[]}"#), ("RECONCILE", #""reconcile":{}"#),
        ("RECONCILE", #""reconcile":{"tasks":[{"task_id":{"value":"t"},"agent_id":{"value":"a"}}]}"#),
        ("RECONCILE_OPERATIONS", #""reconcile_operations":{"operations":[]}"#),
        ("MESSAGE", #""message":{"agent_id":{"value":"a"},"executor_id":{"value":"e"},"data":"aGk="}"#),
        ("REQUEST", #""request":{"requests":[]}"#),
        ("ACCEPT_INVERSE_OFFERS", #""accept_inverse_offers":{"inverse_offer_ids":[{"value":"I"}]}"#),
        ("DECLINE_INVERSE_OFFERS", #""decline_inverse_offers":{"inverse_offer_ids":[{"value":"I"}]}"#),
        (
            "ACKNOWLEDGE_OPERATION_STATUS",
            #"""
                "acknowledge_operation_status":{"agent_id":{"value":"a"},"uuid":"AAAAAAAAAAcAAAAAAAAAAQ==",
                "operation_id":{"value":"o"}}
                """#
        ),
    ])
    func accepted(_ type: String, _ content: String) async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        let response = try await scheduler.call(type, content)
        #expect(response.status == 202, "\(response.body)")
        #expect(response.body.isEmpty)
        await served.master.stop()
    }

    @Test("reconciling an unknown task tells that it is not known")
    func reconcile() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        #expect(
            try await scheduler.call("RECONCILE", #""reconcile":{"tasks":[{"task_id":{"value":"t"}}]}"#).status == 202)
        let status = try await scheduler.events.next("UPDATE")["status"]
        #expect(status["state"].text == "TASK_UNKNOWN")
        #expect(status["reason"].text == "REASON_RECONCILIATION")
        #expect(!status["uuid"].exists)
        await served.master.stop()
    }

    @Test("a role that cannot be ends the stream with an ERROR as its first event")
    func invalidRole() async throws {
        let served = try await ServedMaster.start()
        let info = #"{"user":"u","name":"n","roles":["/bad"],"capabilities":[{"type":"MULTI_ROLE"}]}"#
        let events = try await EventConnection(served.port, ScriptedScheduler.subscription(info))
        let first = try #require(try await events.next())
        #expect(first["type"].text == "ERROR")
        #expect(first["error"]["message"].text?.contains("role") == true)
        #expect(try await events.next() == nil)
        await served.master.stop()
    }

    @Test("subscribing anew takes the stream over, and the old one says so and ends")
    func resubscribe() async throws {
        let served = try await ServedMaster.start()
        let first = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        _ = try await first.offer()
        let second = try await ScriptedScheduler(served, id: first.id)
        #expect(second.id == first.id)
        #expect(second.stream != first.stream)
        var last: Answer?
        while let event = try await first.events.next() { last = event }
        #expect(last?["type"].text == "ERROR", "\(last?.description ?? "")")
        #expect(try await first.call("REVIVE").status == 400)
        #expect(try await second.call("REVIVE").status == 202)
        #expect(try await second.offer()["agent_id"]["value"].text == agent.id.text)
        await served.master.stop()
    }

    @Test("a scheduler that went away keeps its tasks until it is back, and then hears of them")
    func failover() async throws {
        let served = try await ServedMaster.start()
        let first = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        #expect(try await first.launch("t", on: first.offer()).status == 202)
        let (task, framework) = try await agent.run()
        first.close()
        _ = try await served.wait(for: "GET_FRAMEWORKS") { $0["frameworks"][0]["connected"].bool == false }
        #expect(try await first.call("REVIVE").status == 403)
        try await agent.report(.running, of: task, framework.id, number: 1)
        let second = try await ScriptedScheduler(served, id: first.id)
        #expect(try await second.call("RECONCILE", #""reconcile":{}"#).status == 202)
        #expect(try await second.events.next("UPDATE")["status"]["state"].text == "TASK_RUNNING")
        await served.master.stop()
    }

    @Test("a scheduler hears of an agent that went, and of the executor that ended")
    func failure() async throws {
        let served = try await ServedMaster.start { settings in
            settings.configure = { configuration in
                configuration.pingInterval = .seconds(3)
                configuration.pingTimeouts = 10
            }
        }
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        #expect(try await scheduler.launch("t", on: scheduler.offer()).status == 202)
        let (task, framework) = try await agent.run()
        try await agent.report(.running, of: task, framework.id, number: 1)
        _ = try await scheduler.events.next("UPDATE")
        // The agent answers no ping from here on.
        let status = try await scheduler.events.next("UPDATE")["status"]
        #expect(status["state"].text == "TASK_UNREACHABLE")
        #expect(try await scheduler.events.next("FAILURE")["agent_id"]["value"].text == agent.id.text)
        await served.master.stop()
    }

    @Test("UPDATE_FRAMEWORK is answered 200 when done, and 400 with what is wrong")
    func update() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        let changed = ScriptedScheduler.info(scheduler.id).replacing(#""name":"test""#, with: #""name":"renamed""#)
        let done = try await scheduler.call("UPDATE_FRAMEWORK", #""update_framework":{"framework_info":\#(changed)}"#)
        #expect(done.status == 200, "\(done.body)")
        let frameworks = try await served.ask("GET_FRAMEWORKS")["frameworks"]
        #expect(frameworks[0]["framework_info"]["name"].text == "renamed")
        let other = changed.replacing(#""user":"root""#, with: #""user":"other""#)
        let refused = try await scheduler.call("UPDATE_FRAMEWORK", #""update_framework":{"framework_info":\#(other)}"#)
        #expect(refused.status == 400, "\(refused.body)")
        await served.master.stop()
    }

    @Test("TEARDOWN ends the stream and the framework's tasks")
    func teardown() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        #expect(try await scheduler.launch("t", on: scheduler.offer()).status == 202)
        let (_, framework) = try await agent.run()
        #expect((200...202).contains(try await scheduler.call("TEARDOWN").status))
        #expect(try await agent.next() == .shutdownFramework(framework.id))
        while try await scheduler.events.next() != nil {}
        let frameworks = try await served.ask("GET_FRAMEWORKS")
        #expect(frameworks["frameworks"].all.isEmpty)
        #expect(frameworks["completed_frameworks"][0]["framework_info"]["id"]["value"].text == scheduler.id)
        await served.master.stop()
    }

    @Test("there is a heartbeat soon after an event, and then at the interval that was announced")
    func heartbeats() async throws {
        let served = try await ServedMaster.start { settings in
            settings.limits.earlyHeartbeat = .milliseconds(20)
            settings.configure = { $0.heartbeatInterval = .milliseconds(200) }
        }
        let scheduler = try await ScriptedScheduler(served)
        #expect(scheduler.subscribed["heartbeat_interval_seconds"].number == 0.2)
        for _ in 0..<3 {
            #expect(try await scheduler.events.next(heartbeats: true)?["type"].text == "HEARTBEAT")
        }
        await served.master.stop()
    }

    @Test("a framework's messages reach its executor, and the executor's reach the framework")
    func messages() async throws {
        let served = try await ServedMaster.start()
        let scheduler = try await ScriptedScheduler(served)
        let agent = try await ScriptedAgent(served)
        let offer = try await scheduler.offer()
        let body =
            #"""
                "accept":{"offer_ids":[{"value":"\#(offer["id"]["value"].text ?? "")"}],"operations":
                [{"type":"LAUNCH","launch":
                """#
            + #"{"task_infos":[{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"\#(agent.id.text)"},"#
            + #"""
                "resources":\#(ScriptedScheduler.small),"executor":{"executor_id":{"value":"e"},"command":
                {"value":"x"}}}]}}]}
                """#
        #expect(try await scheduler.call("ACCEPT", body).status == 202)
        let (task, framework) = try await agent.run()
        try await agent.report(.running, of: task, framework.id, number: 1)
        _ = try await scheduler.events.next("UPDATE")
        let executor = try ExecutorID("e")
        let sent = #""message":{"agent_id":{"value":"\#(agent.id.text)"},"executor_id":{"value":"e"},"data":"aGk="}"#
        #expect(try await scheduler.call("MESSAGE", sent).status == 202)
        #expect(try await agent.next() == .message(Array("hi".utf8), executor: executor, framework: framework.id))
        #expect(try await agent.say(.message(Array("yo".utf8), executor: executor, framework: framework.id)) == 202)
        let message = try await scheduler.events.next("MESSAGE")
        #expect(message["data"].text == "eW8=")
        #expect(message["executor_id"]["value"].text == "e")
        #expect(try await agent.say(.executorLost(executor, framework: framework.id, status: 256)) == 202)
        let failure = try await scheduler.events.next("FAILURE")
        #expect(failure["executor_id"]["value"].text == "e")
        #expect(failure["status"].number == 256)
        await served.master.stop()
    }
}
