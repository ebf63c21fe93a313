import ClusterModel
import Determinism
import Testing

@testable import ClusterAPI

/// What is written without a tree means what the tree means: as many bytes, and they read as the same.
@Suite("Protobuf without a tree") struct ProtobufSinkTests {
    private func agree(_ written: [UInt8], _ value: WireValue, _ name: String, _ comment: String) throws {
        let tree = WireCodec.encode(value, as: name, .protobuf)
        #expect(written.count == tree.count, "\(comment)")
        let isSame = try WireCodec.decode(written, as: name, .protobuf) == WireCodec.decode(tree, as: name, .protobuf)
        #expect(isSame, "\(comment)")
    }

    @Test("every message, with anything in it", arguments: ProtocolSchema.standard.names)
    func messages(name: String) throws {
        for seed in 0..<20 as Range<UInt64> {
            var messages = RandomMessages(seed: seed)
            let value = try messages.value(name)
            var sink = ProtobufSink(name, capacity: 1)
            say(value, to: &sink)
            try agree(sink.takeBytes(), value, name, "seed \(seed)")
        }
    }

    private func say(_ value: WireValue, to sink: inout some WireSink) {
        switch value {
        case .object(let members):
            sink.beginObject()
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                sink.name(name)
                say(member, to: &sink)
            }
            sink.endObject()
        case .array(let elements):
            sink.beginArray()
            for element in elements { say(element, to: &sink) }
            sink.endArray()
        case .string(let text): sink.text(text)
        case .bool(let flag): sink.flag(flag)
        case .number(let digits): if let whole = Int64(digits) { sink.integer(whole) } else { sink.value(value) }
        case .null: sink.value(value)
        }
    }

    @Test("what a message does not have is left out with all that is in it")
    func unknown() throws {
        let inner = WireValue.object(["value": "x", "list": .array([.object(["a": .number(1)]), "b"])])
        let value = WireValue.object(["value": "T", "colour": "red", "deep": inner, "many": .array([inner, inner])])
        var sink = ProtobufSink("mesos.v1.TaskID")
        say(value, to: &sink)
        #expect(sink.takeBytes() == [0x0A, 1, 0x54])
        var word = ProtobufSink("mesos.v1.Value")
        say(.object(["type": "FROM_THE_FUTURE"]), to: &word)
        #expect(word.takeBytes() == [])
    }

    @Test("answers and events of the operator API")
    func samples() throws {
        for response in try ClusterSamples().operatorResponses() {
            try agree(response.bytes(.protobuf), response.value, OperatorResponse.message, response.typeName)
        }
        for event in try ClusterSamples().operatorEvents() {
            var reader = RecordReader(bytesMax: 1 << 20)
            let record = try #require(try reader.read(event.record(.protobuf)).first)
            try agree(record, event.value, OperatorEvent.message, "\(event)")
        }
    }

    private func state(_ seed: UInt64) throws -> StateView {
        var random = SeededRandom(seed: seed)
        let sample = try ClusterSamples()
        let tasks = Array(try sample.stateView().tasks.tasks)
        func some() -> [TaskView] { (0..<random.below(40)).map { _ in tasks[random.below(tasks.count)] } }
        var state = random.below(8) == 0 ? StateView() : try sample.stateView()
        state.tasks = TasksView(tasks: some(), unreachable: some(), completed: some())
        state.agents.agents = (0..<random.below(20)).map { _ in
            random.below(2) == 0 ? sample.agentView : sample.bareAgentView
        }
        if random.below(3) == 0 { state.executors = [] }
        return state
    }

    @Test("a state in pieces or in parts of any size is the state", arguments: 0..<25 as Range<UInt64>)
    func pieces(seed: UInt64) throws {
        let response = OperatorResponse.state(try state(seed))
        let name = OperatorResponse.message
        let whole = try WireCodec.decode(WireCodec.encode(response.value, as: name, .protobuf), as: name, .protobuf)
        #expect(response.pieces(.protobuf, bytes: 1 << 24).map(\.self) == [response.bytes(.protobuf)])
        for bytes in [1, 100, 5_000] {
            let joined = response.pieces(.protobuf, bytes: bytes).flatMap(\.self)
            let isSame = try WireCodec.decode(joined, as: name, .protobuf) == whole
            #expect(isSame, "pieces of \(bytes) bytes")
        }
        for elements in [1, 2, 7, 256] {
            var pieces = response.pieces(.protobuf, bytes: 1_000)
            var (document, parts) = (elements == 2 ? pieces.next() ?? [] : [], [DocumentPart]())
            while let part = pieces.nextPart(elements: elements) { parts.append(part) }
            let written = parts.indices.reversed().map { parts[$0].write() }
            for part in written.reversed() { document += pieces.join(part) }
            let isSame = try WireCodec.decode(document, as: name, .protobuf) == whole
            #expect(isSame, "parts of \(elements) elements")
        }
    }

    @Test("a decimal becomes the double that its text is read as")
    func decimals() throws {
        var random = SeededRandom(seed: 7)
        let edges: [Int64] = [
            0, 1, -1, .max, .min, .max - 1, 1 << 53, (1 << 53) + 1, -(1 << 53) - 1, 1_790_000_000_123_456_789,
        ]
        let numbers = edges + (0..<20_000).map { _ in
            let bits = UInt64(random.below(64))
            return Int64(bitPattern: random.next()) >> Int64(bits)
        }
        for units in numbers {
            for places in [1, 3, 9] {
                let text = String(unsafeUninitializedCapacity: Decimal.bytesMax) {
                    Decimal(units, places: places).write(to: $0)
                }
                let isSame = Decimal.double(units, places: places) == Double(text)
                #expect(isSame, "\(units) with \(places) places")
            }
        }
    }
}
