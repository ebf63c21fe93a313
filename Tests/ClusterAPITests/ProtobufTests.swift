@testable import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics
import Testing

@Suite("Protobuf") struct ProtobufTests {
    @Test("every message goes through both encodings and comes back", arguments: ProtocolSchema.standard.names)
    func roundTrip(name: String) throws {
        for seed in 0..<20 as Range<UInt64> {
            var messages = RandomMessages(seed: seed)
            let value = try messages.value(name)
            let read = try WireCodec.decode(WireCodec.encode(value, as: name, .json), as: name, .json)
            #expect(read == value)
            let bytes = WireCodec.encode(read, as: name, .protobuf)
            #expect(try WireCodec.decode(bytes, as: name, .protobuf) == value)
        }
    }

    private func decoded(_ bytes: [UInt8], _ name: String) throws(Failure) -> String {
        String(decoding: try WireCodec.decode(bytes, as: name, .protobuf).bytes, as: UTF8.self)
    }

    private func refused(
        _ bytes: [UInt8], _ name: String, _ code: Failure.Code, bounds: WireBounds = .standard, line: Int = #line
    ) -> Failure? {
        let failure = #expect(throws: Failure.self, "line \(line)") {
            try WireCodec.decode(bytes, as: name, .protobuf, bounds: bounds)
        }
        #expect(failure?.code == code, "line \(line)")
        return failure
    }

    @Test("bytes that clients write in their own ways are read")
    func lenient() throws {
        // Packed statuses [200, 204] where unpacked ones are declared, then one unpacked, then an unknown field 31 of
        // every wire type, then the port with a wire type that is not its own.
        let http: [UInt8] =
            [0x22, 4, 0xC8, 1, 0xCC, 1, 0x20, 5, 0xF8, 1, 7, 0xFA, 1, 2, 1, 2]
            + [0xFD, 1, 1, 2, 3, 4, 0xF9, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0x0A, 1, 9, 0x08, 80]
        #expect(
            try decoded(http, "mesos.v1.HealthCheck.HTTPCheckInfo") == #"{"port":80,"statuses":[200,204,5]}"#)
        // The same message field twice is one message: its lists are joined.
        let item: [UInt8] = [0x08, 2, 0x22, 3, 0x0A, 1, 0x61, 0x22, 3, 0x0A, 1, 0x62]
        #expect(try decoded(item, "mesos.v1.Value") == #"{"set":{"item":["a","b"]},"type":"SET"}"#)
        // Negative numbers have ten bytes, whatever their size.
        let status: [UInt8] = [0x18] + [UInt8](repeating: 0xFF, count: 9) + [1]
        #expect(try decoded(status, "mesos.v1.scheduler.Event.Failure") == #"{"status":-1}"#)
        // A map's entry may lack its key or its value, and the last of two counts.
        let entries: [UInt8] = [0x0A, 0, 0x0A, 3, 0x0A, 1, 0x61]
        #expect(
            try decoded(entries, "mesos.v1.scheduler.OfferConstraints") == #"{"role_constraints":{"":{},"a":{}}}"#)
        #expect(try decoded([], "mesos.v1.scheduler.Call") == "{}")
    }

    @Test("an enumeration's unknown number is unset, and missing where it is required")
    func enumerations() throws {
        #expect(try decoded([0x10, 99], "mesos.v1.scheduler.Call") == "{}")
        let failure = refused([0x0A, 1, 0x61, 0x10, 99], "mesos.v1.Resource", "api.member-missing")
        #expect(failure?.cause == "Missing required fields: type")
        let json = Array(#"{"name":"a","type":"FROM_THE_FUTURE"}"#.utf8)
        let other = #expect(throws: Failure.self) { try WireCodec.decode(json, as: "mesos.v1.Resource", .json) }
        #expect(other == failure)
    }

    @Test("what is required is missed at any depth, by all its names, in both encodings")
    func required() throws {
        let json = #"{"type":"ACCEPT","accept":{"offer_ids":[{"value":"O"},{}],"operations":[{"type":"LAUNCH","#
            + #""launch":{"task_infos":[{"name":"n","task_id":{},"limits":{"cpus":{}}}]}}]}}"#
        let names = "accept.offer_ids[1].value, accept.operations[0].launch.task_infos[0].task_id.value, "
            + "accept.operations[0].launch.task_infos[0].agent_id, "
            + "accept.operations[0].launch.task_infos[0].limits.cpus.value"
        let name = "mesos.v1.scheduler.Call"
        let failure = #expect(throws: Failure.self) { try WireCodec.decode(Array(json.utf8), as: name, .json) }
        #expect(failure?.code == "api.member-missing")
        #expect(failure?.cause == "Missing required fields: \(names)")
        #expect(failure?.field == "accept.offer_ids[1].value")
        let bytes = WireCodec.encode(try parsed(json), as: name, .protobuf)
        #expect(refused(bytes, name, "api.member-missing") == failure)
        let many = WireValue.object(["offer_ids": .array((0..<100).map { _ in .object([:]) })])
        let capped = #expect(throws: Failure.self) {
            try WireCodec.decode(many.bytes, as: "mesos.v1.scheduler.Call.Decline", .json)
        }
        #expect(capped?.cause?.split(separator: ",").count == 16)
    }

    @Test("every cut and every lie about a length is refused")
    func truncated() throws {
        let status = try ClusterSamples().status
        let name = SchedulerEvent.messageName
        let value = SchedulerEvent.update(status).value(for: [.partitionAware])
        let whole = WireCodec.encode(value, as: name, .protobuf)
        for end in 1..<whole.count {
            let cut = Array(whole[..<end])
            do throws(Failure) {
                _ = try WireCodec.decode(cut, as: name, .protobuf)
                // A cut between two fields of the outermost message is a message of its own.
                #expect(end == 2)
            } catch {
                #expect(["api.body-syntax", "api.member-missing"].contains(error.code.rawValue), "\(end): \(error)")
            }
        }
        let faults: [[UInt8]] = [
            [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], [0x0A, 5, 1], [0x0A],
            [UInt8](repeating: 0xFF, count: 10), [0x80], [0x10] + [UInt8](repeating: 0x80, count: 10) + [1], [0],
            [0x0B, 0x0C], [0x0E], [0x2A, 1, 0x0A],
        ]
        for bytes in faults { _ = refused(bytes, "mesos.v1.scheduler.Call", "api.body-syntax") }
    }

    @Test("text is UTF-8 without NUL, numbers are numbers")
    func text() {
        for bytes in [[0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0x61, 0]] as [[UInt8]] {
            _ = refused([0x0A, UInt8(bytes.count)] + bytes, "mesos.v1.TaskID", "api.body-encoding")
        }
        _ = refused([0x09, 0, 0, 0, 0, 0, 0, 0xF8, 0x7F], "mesos.v1.Value.Scalar", "api.body-syntax")
    }

    @Test("depth, size and count are bounded")
    func bounds() {
        // A container in a container in a container.
        var nested: [UInt8] = [0x0A, 1, 0x61]
        for _ in 0..<100 {
            var outer: [UInt8] = [0x0A, 1, 0x61, 0x12]
            var length = nested.count
            while length > 0x7F {
                outer.append(UInt8(length & 0x7F | 0x80))
                length >>= 7
            }
            nested = outer + [UInt8(length)] + nested
        }
        _ = refused(nested, "mesos.v1.ContainerID", "api.body-too-deep")
        let small = WireBounds(bytes: 100, depth: 5, values: 10)
        _ = refused([UInt8](repeating: 0x12, count: 101), "mesos.v1.TaskID", "api.body-too-large", bounds: small)
        let ids = [UInt8](repeating: 0, count: 11).flatMap { _ in [0x0A, 0] as [UInt8] }
        _ = refused(ids, "mesos.v1.scheduler.Call.Decline", "api.body-too-many-values", bounds: small)
        let empties = [UInt8](repeating: 0, count: 11).flatMap { _ in [0x12, 0] as [UInt8] }
        _ = refused(empties, "mesos.v1.ContainerID", "api.body-too-many-values", bounds: small)
    }

    @Test("a string of ten megabytes goes through, and pieces of one message join in time linear in their number")
    func large() throws {
        let long = String(repeating: "x", count: 10_000_000)
        let value = WireValue.object(["value": .string(long)])
        let bytes = WireCodec.encode(value, as: "mesos.v1.TaskID", .protobuf)
        #expect(bytes.count == 10_000_005)
        #expect(try WireCodec.decode(bytes, as: "mesos.v1.TaskID", .protobuf) == value)
        // 200,000 pieces of one list, each with one element: by copying them it would take minutes.
        let pieces = [[UInt8]](repeating: [0x22, 2, 0x0A, 0], count: 200_000).flatMap(\.self)
        guard
            case .object(let read) = try WireCodec.decode([0x08, 2] + pieces, as: "mesos.v1.Value", .protobuf),
            case .object(let set)? = read["set"], case .array(let items)? = set["item"]
        else {
            Issue.record("not a set")
            return
        }
        #expect(items.count == 200_000)
    }

    @Test("damaged messages are read or refused, never more", arguments: ["scheduler.Call", "master.Response"])
    func damage(name: String) throws {
        let name = "mesos.v1.\(name)"
        for seed in 0..<300 as Range<UInt64> {
            var messages = RandomMessages(seed: seed)
            var bytes = WireCodec.encode(try messages.value(name), as: name, .protobuf)
            for _ in 0...messages.random.below(4) where !bytes.isEmpty {
                let place = messages.random.below(bytes.count)
                switch messages.random.below(3) {
                case 0: bytes[place] = UInt8(messages.random.below(256))
                case 1: bytes.removeSubrange(place..<min(bytes.count, place + 1 + messages.random.below(8)))
                default: bytes.insert(contentsOf: bytes[..<min(place, 20)], at: place)
                }
            }
            guard let read = readOrRefused(bytes, name) else { continue }
            // What was read is a message: it can be written and read again.
            let again = WireCodec.encode(read, as: name, .protobuf)
            #expect(try WireCodec.decode(again, as: name, .protobuf) == read)
        }
    }

    private func readOrRefused(_ bytes: [UInt8], _ name: String) -> WireValue? {
        do throws(Failure) {
            return try WireCodec.decode(bytes, as: name, .protobuf)
        } catch {
            #expect(!error.code.rawValue.isEmpty)
            return nil
        }
    }

    @Test("members that a message does not have are left out of protobuf")
    func unknown() throws {
        let value = WireValue.object(["value": "T", "colour": "red"])
        #expect(WireCodec.encode(value, as: "mesos.v1.TaskID", .protobuf) == [0x0A, 1, 0x54])
    }
}
