import ClusterAPI
import ClusterModel
import Determinism
import Testing

@Suite("Scheduler events") struct SchedulerEventTests {
    private let framework: FrameworkID
    private let agent: AgentID
    private let offer: OfferID
    private let address = NetworkAddress(hostname: "h", address: "10.0.0.1", port: 5051)

    init() throws {
        framework = try FrameworkID("F")
        agent = try AgentID("S")
        offer = try OfferID("O")
    }

    private func check(
        _ event: SchedulerEvent, _ capabilities: Set<FrameworkInfo.Capability> = [], is json: String, line: Int = #line
    ) throws {
        #expect(String(decoding: event.value(for: capabilities).bytes, as: UTF8.self) == json, "line \(line)")
        var reader = RecordReader(bytesMax: 1 << 20)
        #expect(try reader.read(event.record(for: capabilities)) == [Array(json.utf8)])
    }

    @Test("a subscription is answered with the master's description")
    func subscribed() throws {
        let address = NetworkAddress(hostname: "localhost", address: "127.0.0.1", port: 5050)
        let master = MasterInfo(id: "M", address: address, version: "1.12.0")
        try check(
            .subscribed(framework, heartbeat: .seconds(15), master: master),
            is: #"{"subscribed":{"framework_id":{"value":"F"},"heartbeat_interval_seconds":15.0,"master_info":{"#
                + #""address":{"hostname":"localhost","ip":"127.0.0.1","port":5050},"capabilities":["#
                + #"{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},{"type":"QUOTA_V2"}],"hostname":"localhost","#
                + #""id":"M","ip":16777343,"pid":"master@127.0.0.1:5050","port":5050,"version":"1.12.0"}},"#
                + #""type":"SUBSCRIBED"}"#)
    }

    @Test("an offer carries everything, reservations as the framework understands them")
    func offers() throws {
        let eng = try RoleName("eng")
        let resources = [
            Resource(
                "cpus", .scalar(Scalar(thousandths: 1_500)),
                reservations: [Reservation(.requested, for: eng, principal: "p")],
                allocatedTo: eng),
            Resource("ports", .ranges(Ranges([31_000...32_000])), allocatedTo: eng),
        ]
        let event = SchedulerEvent.offers([
            Offer(
                id: offer, framework: framework, agent: agent, role: eng, address: address, resources: resources,
                attributes: [Attribute("rack", .text("r")), Attribute("level", .scalar(Scalar(2)))],
                domain: FaultDomain(region: "r", zone: "z"), executors: [try ExecutorID("E")],
                unavailability: Unavailability(start: Instant(nanoseconds: 5), duration: .seconds(1)))
        ])
        let text = { (cpus: String, ports: String) in
            #"{"offers":{"offers":[{"agent_id":{"value":"S"},"allocation_info":{"role":"eng"},"attributes":["#
                + #"{"name":"rack","text":{"value":"r"},"type":"TEXT"},{"name":"level","scalar":{"value":2.0},"#
                + #""type":"SCALAR"}],"#
                + #""domain":{"fault_domain":{"region":{"name":"r"},"zone":{"name":"z"}}},"executor_ids":[{"#
                + #""value":"E"}],"#
                + #""framework_id":{"value":"F"},"hostname":"h","id":{"value":"O"},"resources":["#
                + #"{"allocation_info":{"role":"eng"},"name":"cpus",\#(cpus),"scalar":{"value":1.5},"type":"SCALAR"},"#
                + #"{"allocation_info":{"role":"eng"},"name":"ports","ranges":{"range":[{"begin":31000,"end":32000}]},"#
                + #"\#(ports)"type":"RANGES"}],"unavailability":{"duration":{"nanoseconds":1000000000},"#
                + #""start":{"nanoseconds":5}},"url":{"address":{"hostname":"h","ip":"10.0.0.1","port":5051},"#
                + #""path":"/slave(1)","scheme":"http"}}]},"type":"OFFERS"}"#
        }
        try check(event, is: text(#""reservation":{"principal":"p"},"role":"eng""#, #""role":"*","#))
        try check(
            event, [.reservationRefinement],
            is: text(#""reservations":[{"principal":"p","role":"eng","type":"DYNAMIC"}]"#, ""))
    }

    @Test("an update tells lost agents' states only to those who know them")
    func update() throws {
        let update = StatusUpdate(
            framework: framework, task: try TaskID("T"), state: .unreachable, source: .master, reason: .agentRemoved,
            message: "gone\naway", data: Array("hi".utf8), agent: agent, at: Instant(nanoseconds: 1_500_000_000),
            id: UpdateID(high: 0, low: 1), isHealthy: false, labels: [Label("k", "v")],
            unreachableSince: Instant(nanoseconds: 7), limitation: [Resource("mem", .scalar(Scalar(64)))])
        let text = { (state: String) in
            #"{"type":"UPDATE","update":{"status":{"agent_id":{"value":"S"},"data":"aGk=","healthy":false,"#
                + #""labels":{"labels":[{"key":"k","value":"v"}]},"limitation":{"resources":[{"name":"mem","role":"*","#
                + #""scalar":{"value":64.0},"type":"SCALAR"}]},"message":"gone\naway","reason":"REASON_AGENT_REMOVED","#
                + #""source":"SOURCE_MASTER","state":"\#(state)","task_id":{"value":"T"},"timestamp":1.5,"#
                + #""unreachable_time":{"nanoseconds":7},"uuid":"AAAAAAAAAAAAAAAAAAAAAQ=="}}}"#
        }
        try check(.update(update), is: text("TASK_LOST"))
        try check(.update(update), [.partitionAware], is: text("TASK_UNREACHABLE"))
    }

    @Test("the small events are as the protocol has them")
    func small() throws {
        let executor = try ExecutorID("E")
        try check(.heartbeat, is: #"{"type":"HEARTBEAT"}"#)
        try check(.error("n\u{f6}"), is: #"{"error":{"message":"n\u00f6"},"type":"ERROR"}"#)
        try check(.rescind(offer), is: #"{"rescind":{"offer_id":{"value":"O"}},"type":"RESCIND"}"#)
        try check(
            .rescindInverseOffer(offer),
            is: #"{"rescind_inverse_offer":{"inverse_offer_id":{"value":"O"}},"type":"RESCIND_INVERSE_OFFER"}"#)
        try check(.agentLost(agent), is: #"{"failure":{"agent_id":{"value":"S"}},"type":"FAILURE"}"#)
        try check(
            .executorLost(executor, agent: agent, status: 256),
            is: #"{"failure":{"agent_id":{"value":"S"},"executor_id":{"value":"E"},"status":256},"type":"FAILURE"}"#)
        try check(
            .message(Array("hi".utf8), executor: executor, agent: agent),
            is: #"{"message":{"agent_id":{"value":"S"},"data":"aGk=","executor_id":{"value":"E"}},"type":"MESSAGE"}"#)
        try check(
            .updateOperation(
                OperationStatus(operation: try OperationID("op"), state: .finished, id: UpdateID(high: 0, low: 1))),
            is:
                #"{"type":"UPDATE_OPERATION_STATUS","update_operation_status":{"status":{"operation_id":{"#
                + #""value":"op"},"#
                + #""state":"OPERATION_FINISHED","uuid":{"value":"AAAAAAAAAAAAAAAAAAAAAQ=="}}}}"#)
        try check(
            .inverseOffers([
                InverseOffer(
                    id: offer, framework: framework, agent: agent,
                    address: NetworkAddress(hostname: "h", address: "10.0.0.2", port: 5051),
                    unavailability: Unavailability(start: Instant(nanoseconds: 5)))
            ]),
            is: #"{"inverse_offers":{"inverse_offers":[{"agent_id":{"value":"S"},"framework_id":{"value":"F"},"#
                + #""id":{"value":"O"},"unavailability":{"start":{"nanoseconds":5}},"url":{"address":{"hostname":"#
                + #""h","ip":"10.0.0.2","port":5051},"path":"/slave(1)","scheme":"http"}}]},"type":"INVERSE_OFFERS"}"#)
    }
}
