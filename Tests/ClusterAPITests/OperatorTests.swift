import ClusterModel
import Determinism
import Diagnostics
import Testing

@testable import ClusterAPI

@Suite("The master's operator API")
struct OperatorTests {
    private let samples: ClusterSamples

    init() throws { samples = try ClusterSamples() }

    @Test("every call comes back as it was written, in both encodings", arguments: WireFormat.allCases)
    func calls(_ format: WireFormat) throws {
        for call in samples.operatorCalls {
            #expect(try OperatorCall(call.bytes(format), format: format) == call, "\(call.typeName)")
        }
    }

    @Test("every response comes back as it was written")
    func responses() throws {
        for response in try samples.operatorResponses() {
            #expect(try OperatorResponse(response.bytes()) == response, "\(response.typeName)")
        }
    }

    @Test("every event comes back as it was written")
    func events() throws {
        for event in try samples.operatorEvents() {
            var reader = RecordReader(bytesMax: 1 << 20)
            let record = try #require(try reader.read(event.record()).first)
            #expect(try OperatorEvent(record) == event)
        }
    }

    @Test("protobuf says the same as JSON, but for the members the protocol does not have")
    func protobuf() throws {
        let names = [OperatorResponse.message, OperatorEvent.message]
        let values = [try samples.operatorResponses().map(\.value), try samples.operatorEvents().map(\.value)]
        for (name, values) in zip(names, values) {
            for value in values {
                let bytes = WireCodec.encode(value, as: name, .protobuf)
                let read = try WireCodec.decode(bytes, as: name, .protobuf)
                #expect(Shapes.canonical(read, as: name) == Shapes.canonical(value, as: name))
            }
        }
    }

    @Test("what is written straight to bytes is what the tree says, however long the pieces")
    func pieces() throws {
        for response in try samples.operatorResponses() {
            #expect(String(decoding: response.bytes(), as: UTF8.self) == Shapes.text(response.value))
            for length in [1, 100, 1 << 20] {
                let joined = response.pieces(bytes: length).flatMap { $0 }
                #expect(joined == response.bytes())
            }
        }
        for event in try samples.operatorEvents() {
            #expect(event.record() == RecordFraming.record(event.value.bytes))
        }
    }

    @Test("pieces stay about as long as asked")
    func pieceLength() throws {
        let view = samples.taskViews[4]
        let response = OperatorResponse.tasks(TasksView(tasks: Array(repeating: view, count: 1_000)))
        let pieces = Array(response.pieces(bytes: 4_096))
        #expect(pieces.count > 10)
        #expect(pieces.allSatisfy { $0.count < 8_192 })
    }

    @Test("a grace period of a drain is read in both of its forms")
    func drain() throws {
        for period in [#"{"seconds":600}"#, #"{"nanoseconds":600000000000}"#, #"{"seconds":"599","nanos":1e9}"#] {
            let json = #"{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"S"},"max_grace_period":\#(period)}}"#
            if period.contains("1e9") {
                #expect(throws: Failure.self) { try OperatorCall(Array(json.utf8)) }
            } else {
                let expected = DrainConfiguration(maxGracePeriod: .seconds(600))
                #expect(try OperatorCall(Array(json.utf8)) == .change(.drainAgent(try AgentID("S"), expected)))
            }
        }
    }

    @Test("a framework without a pid's address, and an agent that is known by its address, read back alike")
    func address() throws {
        var view = samples.bareAgentView
        view.info.address = NetworkAddress(hostname: "h", address: "fe80::1", port: 5_051)
        let read = try OperatorResponse(OperatorResponse.agents(AgentsView(agents: [view])).bytes())
        #expect(read == .agents(AgentsView(agents: [view])))
    }
}
