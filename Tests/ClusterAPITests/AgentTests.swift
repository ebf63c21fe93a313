import ClusterModel
import Determinism
import Diagnostics
import Testing

@testable import ClusterAPI

@Suite("The agent's operator API")
struct AgentTests {
    private let samples: ClusterSamples

    init() throws { samples = try ClusterSamples() }

    @Test("every call comes back as it was written, in both encodings", arguments: WireFormat.allCases)
    func calls(_ format: WireFormat) throws {
        for call in samples.agentCalls {
            #expect(try AgentCall(call.bytes(format), format: format) == call, "\(call.typeName)")
        }
    }

    @Test("every response comes back as it was written, to bytes and to trees alike")
    func responses() throws {
        for response in samples.agentResponses {
            #expect(try AgentResponse(response.bytes()) == response, "\(response.typeName)")
            #expect(String(decoding: response.bytes(), as: UTF8.self) == Shapes.text(response.value))
            #expect(response.pieces(bytes: 64).flatMap { $0 } == response.bytes())
        }
    }

    @Test("protobuf says the same as JSON, but for the members the protocol does not have")
    func protobuf() throws {
        for value in samples.agentResponses.map(\.value) {
            let bytes = WireCodec.encode(value, as: AgentResponse.message, .protobuf)
            let read = try WireCodec.decode(bytes, as: AgentResponse.message, .protobuf)
            #expect(
                Shapes.canonical(read, as: AgentResponse.message) == Shapes.canonical(value, as: AgentResponse.message))
        }
    }

    @Test("records of attached streams come back as they were written", arguments: WireFormat.allCases)
    func streams(_ format: WireFormat) throws {
        var reader = RecordReader(bytesMax: 1 << 16)
        for io in samples.processIO {
            let record = try #require(try reader.read(io.record(format)).first)
            #expect(try ProcessIO(record, format: format) == io)
        }
        for input in samples.processIO.map({ AttachInput.io($0) }) + [.container(samples.container)] {
            let record = try #require(try reader.read(input.record(format)).first)
            #expect(try AttachInput(record, format: format) == input)
        }
    }

    @Test("the first record of an attached input is the call")
    func attachCall() throws {
        let record = AttachInput.container(samples.container).value
        #expect(try AgentCall(record) == .container(.attachInput(samples.container), form: .any))
        #expect(throws: Failure.self) { try AgentCall(AttachInput.io(.heartbeat(interval: nil)).value) }
    }

    @Test(
        "the records of an attached input are of no other call",
        arguments: [
            ("GET_HEALTH", "api.call-not-streamed"), ("UNKNOWN", "api.call-not-streamed"),
            ("GET_NOTHING", "api.member-missing"),
        ])
    func otherRecords(_ type: String, _ code: String) throws {
        let failure = #expect(throws: Failure.self) { try AttachInput(.object(["type": .string(type)])) }
        #expect(failure?.code.rawValue == code)
        #expect(failure?.field == "type")
    }

    @Test("what a call leaves out has its default")
    func defaults() throws {
        let id = #""container_id":{"value":"c"}"#
        let path = ContainerPath(try ContainerName("c"))
        let kill = try AgentCall(Array(#"{"type":"KILL_CONTAINER","kill_container":{\#(id)}}"#.utf8))
        #expect(kill == .container(.kill(path, signal: 9), form: .any))
        #expect(try AgentCall(Array(#"{"type":"PRUNE_IMAGES"}"#.utf8)) == .pruneImages(except: []))
        let containers = try AgentCall(Array(#"{"type":"GET_CONTAINERS"}"#.utf8))
        #expect(containers == .query(.containers(showNested: false, showStandalone: false)))
    }
}
