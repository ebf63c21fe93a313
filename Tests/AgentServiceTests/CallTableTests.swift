@testable import ClusterAPI
import ClusterModel
import Foundation
import NIOCore
import NIOHTTP1
import RawHTTP
import Testing

/// Every call of the agent's operator API that is written down as golden, made to a real agent over HTTP. What calls to
/// containers do when the container is there, StreamTests and the cluster's tests show.
@Suite("Each call to an agent", .serialized, .timeLimit(.minutes(5)))
struct CallTableTests {
    /// With one task running and none of the containers and files there that the goldens name.
    private static let refused: [String: UInt] = [
        "SET_LOGGING_LEVEL": 501, "READ_FILE": 404, "LAUNCH_NESTED_CONTAINER": 400, "WAIT_NESTED_CONTAINER": 404,
        "KILL_NESTED_CONTAINER": 404, "REMOVE_NESTED_CONTAINER": 500, "WAIT_CONTAINER": 404, "KILL_CONTAINER": 404,
        "REMOVE_CONTAINER": 500, "ATTACH_CONTAINER_INPUT": 415, "ATTACH_CONTAINER_OUTPUT": 404,
        "LAUNCH_NESTED_CONTAINER_SESSION": 400, "ADD_RESOURCE_PROVIDER_CONFIG": 501,
        "UPDATE_RESOURCE_PROVIDER_CONFIG": 501, "REMOVE_RESOURCE_PROVIDER_CONFIG": 501,
        "MARK_RESOURCE_PROVIDER_GONE": 501,
    ]

    /// Type and body of each, from the codecs' own goldens.
    private static func calls() throws -> [(type: String, body: String)] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "ClusterAPITests/Goldens/agent-calls.jsonl")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            let sides = line.split(separator: "\t", maxSplits: 1)
            return (String(sides[0]), String(sides[1]))
        }
    }

    @Test("is answered by its own type or refused by its status, in JSON and in protobuf alike")
    func answers() async throws {
        let bench = try await Bench()
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1")
        _ = await bench.acknowledge(&said, until: .running)
        let caller = Caller(bench)
        let protobuf: HTTPHeaders = ["Content-Type": WireFormat.protobuf.rawValue, "Accept": "application/x-protobuf"]
        // A container of its own would make each later call depend on the ones before: StreamTests has those.
        for (type, body) in try Self.calls() where type != "LAUNCH_CONTAINER" {
            let answer = try await caller.call("/api/v1", body)
            #expect(UInt(answer.status) == Self.refused[type] ?? 200, "\(type): \(answer.text)")
            let value = try WireCodec.decode(Array(body.utf8), as: AgentCall.message, .json)
            let bytes = ByteBuffer(bytes: WireCodec.encode(value, as: AgentCall.message, .protobuf))
            let other = try await caller.raw("/api/v1", bytes, protobuf)
            #expect(other.status == answer.status, "\(type)")
            guard answer.status == 200, !answer.text.isEmpty else { continue }
            let read = try WireCodec.decode(other.bytes, as: AgentResponse.message, .protobuf)
            #expect(try AgentResponse(Array(answer.text.utf8)).typeName == type)
            #expect(try AgentResponse(read.bytes).typeName == type)
        }
        await bench.stop()
    }

    @Test("of the protocol's list there is none that is not among them")
    func complete() throws {
        let schema = ProtocolSchema.standard
        let field = try #require(schema.message(named: AgentCall.message)?.fields.first { $0.name == "type" })
        guard case .enumeration(let index) = field.kind else {
            Issue.record("the type of a call is no enumeration")
            return
        }
        let names = Set(schema.enumerations[index].names.values).subtracting(["UNKNOWN"])
        #expect(Set(try Self.calls().map(\.type)) == names)
    }
}
