@testable import ClusterAPI
import Diagnostics
import Foundation
import Testing

/// Goes by the protocol's own lists: what our .proto files call a type of call, event, response or operation is in a
/// golden document, or stands here as refused. So none can be added, or lost, unnoticed.
@Suite("Every type of every message")
struct ProtocolCoverageTests {
    /// The goldens of each message.
    private static let goldens = [
        "scheduler-calls": "mesos.v1.scheduler.Call", "scheduler-events": "mesos.v1.scheduler.Event",
        "executor-calls": "mesos.v1.executor.Call", "executor-events": "mesos.v1.executor.Event",
        "operator-calls": "mesos.v1.master.Call", "operator-responses": "mesos.v1.master.Response",
        "operator-events": "mesos.v1.master.Event", "agent-calls": "mesos.v1.agent.Call",
        "agent-responses": "mesos.v1.agent.Response", "process-io": "mesos.v1.agent.ProcessIO",
    ]
    /// Types that no golden document has, and why. All are refused.
    private static let refused = [
        "UNKNOWN": "what an older reader makes of a newer type; nobody says it"
    ]

    /// The messages that say by a `type` what they are: all calls, events and responses there are, and those inside.
    private static let typed: [String] = {
        let names = ProtocolSchema.standard.names
        let outer = names.filter { name in
            ["Call", "Event", "Response"].contains { name.hasSuffix(".\($0)") }
                && name.split(separator: ".").count == 4
        }
        return outer.filter { typeNames(of: $0) != nil }
            + ["ProcessIO", "ProcessIO.Data", "ProcessIO.Control", "Call.AttachContainerInput"].map {
                "mesos.v1.agent.\($0)"
            } + ["mesos.v1.Offer.Operation"]
    }()

    private static func typeNames(of message: String) -> [String]? {
        let schema = ProtocolSchema.standard
        guard let field = schema.message(named: message)?.fields.first(where: { $0.name == "type" }),
            case .enumeration(let index) = field.kind
        else { return nil }
        return schema.enumerations[index].names.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Each document with what message it is.
    private static func documents(_ golden: String) throws -> [(message: String, bytes: [UInt8])] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens/\(golden).jsonl")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            let bytes = Array(line.utf8.drop { $0 != UInt8(ascii: "\t") }.dropFirst())
            let isInput = golden == "process-io" && line.contains(#""type":"ATTACH_CONTAINER_INPUT""#)
            return (isInput ? "mesos.v1.agent.Call" : goldens[golden] ?? "", bytes)
        }
    }

    /// `message TYPE` of everything in the goldens, at any depth.
    private static func seen() throws -> Set<String> {
        var seen: Set<String> = []
        for golden in goldens.keys {
            for document in try documents(golden) {
                let value = try WireBounds.standard.value(parsing: document.bytes)
                collect(value, document.message, into: &seen)
            }
        }
        return seen
    }

    private static func collect(_ value: WireValue, _ name: String, into seen: inout Set<String>) {
        guard case .object(let members) = value, let message = ProtocolSchema.standard.message(named: name) else {
            return
        }
        if case .string(let type)? = members["type"] { seen.insert("\(name) \(type)") }
        for field in message.fields {
            guard let member = members[field.name], let inner = ProtocolSchema.standard.message(field.kind) else {
                continue
            }
            switch member {
            case .array(let elements): for element in elements { collect(element, inner.name, into: &seen) }
            case .object(let entries) where field.cardinality == .map:
                for entry in entries.values { collect(entry, inner.name, into: &seen) }
            default: collect(member, inner.name, into: &seen)
            }
        }
    }

    @Test("each call, event and response of each API has a golden document, or is refused in writing")
    func complete() throws {
        #expect(Self.typed.count == 14)
        #expect(Set(Self.goldens.values).isSubset(of: Set(Self.typed)))
        let seen = try Self.seen()
        for message in Self.typed {
            let types = try #require(Self.typeNames(of: message), "\(message) has no types")
            for type in types {
                let isRefused = Self.refused[type] != nil
                #expect(seen.contains("\(message) \(type)") != isRefused, "\(message) \(type)")
            }
        }
    }

    @Test(
        "what is refused is refused, in both encodings",
        arguments: [
            "mesos.v1.scheduler.Call", "mesos.v1.executor.Call", "mesos.v1.master.Call", "mesos.v1.agent.Call",
        ], WireFormat.allCases)
    func refusals(_ message: String, _ format: WireFormat) throws {
        for type in Self.refused.keys {
            var members: [String: WireValue] = ["type": .string(type)]
            if !message.contains("master"), !message.contains("agent") {
                members["framework_id"] = .object(["value": "F"])
            }
            if message.contains("executor") { members["executor_id"] = .object(["value": "E"]) }
            let bytes = WireCodec.encode(.object(members), as: message, format)
            let failure = #expect(throws: Failure.self) {
                switch message {
                case "mesos.v1.scheduler.Call": _ = try SchedulerCall(bytes, format: format)
                case "mesos.v1.executor.Call": _ = try ExecutorCall(bytes, format: format)
                case "mesos.v1.master.Call": _ = try OperatorCall(bytes, format: format)
                default: _ = try AgentCall(bytes, format: format)
                }
            }
            #expect(failure?.code == "api.call-unknown")
            #expect(failure?.field == "type")
        }
    }

    @Test("each golden document is a message and goes through protobuf", arguments: goldens.keys.sorted())
    func roundTrip(_ golden: String) throws {
        for (message, bytes) in try Self.documents(golden) {
            let value = try WireCodec.decode(bytes, as: message, .json)
            #expect(value.bytes == bytes)
            let protobuf = WireCodec.encode(value, as: message, .protobuf)
            let read = try WireCodec.decode(protobuf, as: message, .protobuf)
            #expect(Shapes.canonical(read, as: message) == Shapes.canonical(value, as: message))
        }
    }
}
