import AsyncHTTPClient
import ClusterAPI
import ClusterModel
import Foundation
import NIOCore
import Testing

/// What clients of the other encoding do: every body and every event protobuf.
@Suite("A scheduler in protobuf", .timeLimit(.minutes(5)))
struct ProtobufSchedulerTests {
    /// The events of one subscription, decoded.
    private final class Events {
        private var body: HTTPClientResponse.Body.AsyncIterator
        private var reader = RecordReader(bytesMax: 1 << 20)
        private var ready: [[UInt8]] = []

        init(_ response: HTTPClientResponse) { body = response.body.makeAsyncIterator() }

        func next(_ type: String) async throws -> WireObject {
            while true {
                while ready.isEmpty {
                    let chunk = try #require(try await body.next(), "the stream ended before \(type)")
                    ready = try reader.read(Array(chunk.readableBytesView))
                }
                let value = try WireCodec.decode(ready.removeFirst(), as: SchedulerEvent.messageName, .protobuf)
                let event = try WireObject(value)
                guard try event.string("type") == type else { continue }
                return try event.inside(type.lowercased())
            }
        }
    }

    private func request(_ served: ServedMaster, _ call: WireValue, stream: String? = nil) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(served.port)/api/v1/scheduler")
        request.method = .POST
        request.headers = ["Content-Type": "application/x-protobuf", "Accept": "application/x-protobuf"]
        if let stream { request.headers.add(name: "Mesos-Stream-Id", value: stream) }
        request.body = .bytes(
            ByteBuffer(bytes: WireCodec.encode(call, as: "mesos.v1.scheduler.Call", .protobuf)))
        return request
    }

    private func json(_ text: String) throws -> WireValue { try WireBounds.standard.value(parsing: Array(text.utf8)) }

    @Test("SUBSCRIBE, ACCEPT and ACKNOWLEDGE as protobuf bodies, and the events between them as protobuf records")
    func story() async throws {
        let served = try await ServedMaster.start()
        let subscribe = try json(#"{"type":"SUBSCRIBE","subscribe":{"framework_info":\#(ScriptedScheduler.info())}}"#)
        let response = try await HTTPClient.shared.execute(request(served, subscribe), timeout: .seconds(60))
        #expect(response.status == .ok)
        #expect(response.headers["Content-Type"] == ["application/x-protobuf"])
        let stream = try #require(response.headers.first(name: "Mesos-Stream-Id"))
        let events = Events(response)
        let subscribed = try await events.next("SUBSCRIBED")
        #expect(try subscribed.double("heartbeat_interval_seconds") == 15)
        let framework = try subscribed.inside("framework_id").string("value") ?? ""
        func send(_ type: String, _ content: String) async throws -> UInt {
            let call = try json(#"{"type":"\#(type)","framework_id":{"value":"\#(framework)"},\#(content)}"#)
            return try await HTTPClient.shared.execute(
                request(served, call, stream: stream), timeout: .seconds(60)
            ).status.code
        }
        let agent = try await ScriptedAgent(served)
        let offer = try #require(try await events.next("OFFERS").objects("offers").first)
        let offerID = try offer.inside("id").string("value") ?? ""
        #expect(try offer.inside("agent_id").string("value") == agent.id.text)
        #expect(
            try await send(
                "ACCEPT",
                #""accept":{"offer_ids":[{"value":"\#(offerID)"}],"operations":"#
                    + #"[{"type":"LAUNCH","launch":{"task_infos":"#
                    + #"[{"name":"t","task_id":{"value":"t"},"agent_id":{"value":"\#(agent.id)"},"command":"#
                    + #"{"value":"true"},"resources":\#(ScriptedScheduler.small)}]}}]}"#) == 202)
        let (task, info) = try await agent.run()
        #expect(task.id.text == "t")
        try await agent.report(.running, of: task, info.id, number: 1)
        let status = try await events.next("UPDATE").inside("status")
        #expect(try status.string("state") == "TASK_RUNNING")
        #expect(try status.string("uuid") == "AAAAAAAAAAcAAAAAAAAAAQ==")
        #expect(
            try await send(
                "ACKNOWLEDGE",
                #""acknowledge":{"agent_id":{"value":"\#(agent.id)"},"task_id":{"value":"t"},"#
                    + #""uuid":"AAAAAAAAAAcAAAAAAAAAAQ=="}"#) == 202)
        guard case .acknowledge(let update, _)? = try await agent.next() else {
            Issue.record("the agent heard of no acknowledgement")
            return
        }
        #expect(update == UpdateID(high: 7, low: 1))
        // Refusals are text whatever the encoding of the call.
        let refused = try await HTTPClient.shared.execute(
            request(served, try json(#"{"type":"REVIVE","framework_id":{"value":"nobody"}}"#)), timeout: .seconds(60))
        #expect(refused.status == .badRequest && refused.headers["Content-Type"] == ["text/plain; charset=utf-8"])
        await served.master.stop()
    }
}

extension WireObject {
    fileprivate func inside(_ name: String) throws -> WireObject { try #require(try object(name), "\(name)") }
}
