@testable import ClusterAPI
import Determinism
import Diagnostics
import Testing

@Suite("Protobuf") struct ProtobufTests {
    private static let schema = ProtocolSchema.standard

    @Test("every message goes through both encodings and comes back", arguments: ProtocolSchema.standard.names)
    func roundTrip(name: String) throws {
        for seed in 0..<20 as Range<UInt64> {
            var messages = RandomMessages(seed: seed)
            let value = try messages.value(name)
            let json = WireCodec.encode(value, as: name, .json)
            let read = try WireCodec.decode(json, as: name, .json)
            #expect(read == value)
            let bytes = WireCodec.encode(read, as: name, .protobuf)
            #expect(try WireCodec.decode(bytes, as: name, .protobuf) == value)
        }
    }
}
