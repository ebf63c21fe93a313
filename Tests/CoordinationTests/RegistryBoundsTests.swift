import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import Testing

@Suite("Bounds of the registry's records")
struct RegistryBoundsTests {
    private func framework(_ labels: [Label], roles: [String] = ["a"]) throws -> RegistryChange {
        var names: [RoleName] = []
        for role in roles { names.append(try RoleName(role)) }
        let info = FrameworkInfo(id: try FrameworkID("m1-0000"), name: "f", roles: names, labels: labels)
        return .putFramework(RegisteredFramework(info: info, registered: Instant(seconds: 1)))
    }

    private func agent(_ change: (inout AgentInfo) -> Void) throws -> RegistryChange {
        var agent = try RegistryTests.agent("m1-S0")
        change(&agent.info)
        return .putAgent(agent)
    }

    private func isTaken(_ change: RegistryChange) -> Bool {
        do throws(Failure) {
            try change.checkSize()
            return true
        } catch {
            #expect(error.code == "registry.record-too-large")
            return false
        }
    }

    @Test("bytes are counted as they are written", arguments: [
        "plain", "", "\"\\/", "\u{0}\u{1F}\u{7F}\n\r\t", "\u{80}\u{7FF}", "\u{800}\u{FFFD}",
        "\u{10000}\u{1F600}e\u{301}",
    ])
    func counted(text: String) {
        let values: [WireValue] = [
            .string(text), .object([text: .null, "b": .bool(true), "c": .bool(false)]), .array([]), .object([:]),
            .array([.number("1.5"), .number("-Infinity"), .string(text)]),
        ]
        for value in values { #expect(value.bytesCount == value.bytes.count, "\(value)") }
    }

    @Test("a record is taken when it has a mebibyte at most, whatever it is made of", arguments: [
        1_047_000, 1_048_000, 1_048_300, 1_048_400, 1_048_500, 1_049_000,
    ])
    func exact(size: Int) throws {
        let limit = RegistryChange.recordBytesMax
        let text = String(repeating: "x", count: size)
        let escaped = String(repeating: "\u{7F}", count: size / 6)
        let changes: [RegistryChange] = [
            try framework([Label("k", text)]), try framework([Label(escaped)]),
            try framework((0..<(size / 21)).map { Label("key\(10_000 + $0 % 10_000)") }),
            try agent { $0.attributes = [Attribute("a", .text(text))] },
            try agent { $0.attributes = [Attribute("a", .set(ItemSet([text])))] },
            try agent { $0.address.hostname = escaped },
        ]
        for change in changes { #expect(isTaken(change) == ((change.bytes?.count ?? 0) <= limit)) }
    }

    @Test("what is far too large is refused, and the maintenance of all machines may have more than one framework")
    func large() throws {
        #expect(!isTaken(try framework([Label("k", String(repeating: "\u{7F}", count: 3_000_000))])))
        let far = Resource("disk", .scalar(Scalar(1)))
        #expect(!isTaken(try agent { $0.resources = Array(repeating: far, count: 100_000) }))
        let machines = (0..<40_000).map { MachineID(hostname: "machine-\($0).a-long-name.example.org") }
        let maintenance = Maintenance(down: machines)
        #expect(RegistryChange.putMaintenance(maintenance).bytes?.count ?? 0 > RegistryChange.recordBytesMax)
        #expect(isTaken(.putMaintenance(maintenance)))
        for change in try RegistryTests.full().changes { #expect(isTaken(change)) }
    }

    @Test("whatever is written is read, also what a version without bounds wrote")
    func read() throws {
        let odd = "\u{1}\u{7F}\"\\\n\u{1F600}"
        let changes: [RegistryChange] = [
            try framework([Label(odd, odd), Label("", ""), Label("k")]),
            try framework([Label("k", String(repeating: "x", count: 17 << 20))]),
            try agent { $0.attributes = [Attribute(odd, .text(odd))] },
        ]
        for change in changes {
            let record = RegistryRecord(key: change.key.text, bytes: try #require(change.bytes))
            #expect(try RegistryChange(record) == change)
        }
    }
}
