import AgentCore
import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import Testing

@Suite("Operations on resources")
struct OperationTests {
    static let role = TaskLaunchTests.role
    static let reservation = Reservation(.requested, for: role, principal: "ops")

    static func disk(_ amount: Int, _ reservations: [Reservation] = [], volume: String? = nil) -> Resource {
        Resource(
            "disk", .scalar(Scalar(amount)), reservations: reservations,
            disk: volume.map {
                Disk(persistence: Disk.Persistence(id: id(VolumeID.self, $0)),
                    volume: Disk.Volume(containerPath: "data"))
            })
    }

    static let configuration = AgentConfiguration.sample.with { $0.resources.append(disk(1_000)) }

    static func order(_ number: UInt64, _ change: ResourceOperation) -> OperationOrder {
        OperationOrder(
            key: UpdateID(high: 0xc, low: number), framework: FrameworkInfo.sample.id,
            id: id(OperationID.self, "op\(number)"), change: change)
    }

    static func outcomes(_ scenario: Scenario) -> [OperationStatus] {
        var seen: [OperationStatus] = []
        for case .operation(let status, _, _) in scenario.sent where !seen.contains(status) { seen.append(status) }
        return seen
    }

    static func totals(_ scenario: Scenario) -> Resources { Resources(scenario.agent.state.totals ?? []) }

    @Test("reserve, create, grow, shrink, destroy, unreserve: totals follow, directories are made and removed")
    func life() throws {
        var scenario = Scenario(Self.configuration)
        let changes: [ResourceOperation] = [
            .reserve([Self.disk(500, [Self.reservation])]),
            .create(volumes: [Self.disk(100, [Self.reservation], volume: "v")]),
            .grow(volume: Self.disk(100, [Self.reservation], volume: "v"), by: Self.disk(50, [Self.reservation])),
            .shrink(volume: Self.disk(150, [Self.reservation], volume: "v"), by: Scalar(30)),
            .destroy(volumes: [Self.disk(120, [Self.reservation], volume: "v")]),
            .unreserve([Self.disk(500, [Self.reservation])]),
        ]
        var held: [Resources] = []
        for (number, change) in changes.enumerated() {
            scenario.master(.apply(Self.order(UInt64(number), change)))
            held.append(Self.totals(scenario).named("disk"))
        }
        #expect(Self.outcomes(scenario).map(\.state) == Array(repeating: .finished, count: 6))
        #expect(held[1].contains(Self.disk(100, [Self.reservation], volume: "v")))
        #expect(held[2].contains(Self.disk(150, [Self.reservation], volume: "v")))
        #expect(held[3].contains(Self.disk(120, [Self.reservation], volume: "v")))
        #expect(held[3].amount(of: "disk") == Scalar(1_000))
        #expect(held[5] == Resources([Self.disk(1_000)]))
        let orders = scenario.effects.flatMap { effect -> [VolumeOrder] in
            if case .changeVolumes(_, let orders) = effect { orders } else { [] }
        }
        let path = "/var/lib/bulkhead/volumes/roles/eng/v"
        #expect(orders == [.make(path: path), .remove(path: path, isWholeDisk: false)])
        #expect(scenario.agent.state.operations.isEmpty)
    }

    @Test("a role's volumes and those of roles below it are beside each other, not inside")
    func places() throws {
        var scenario = Scenario(Self.configuration)
        for (number, (role, name)) in [("r", "a"), ("r/a", "b"), ("r/a/b", "c")].enumerated() {
            let reservation = Reservation(.requested, for: try RoleName(role), principal: "ops")
            let (plain, volume) = (Self.disk(100, [reservation]), Self.disk(100, [reservation], volume: name))
            scenario.master(.apply(Self.order(UInt64(number * 2 + 1), .reserve([plain]))))
            scenario.master(.apply(Self.order(UInt64(number * 2 + 2), .create(volumes: [volume]))))
        }
        let made = scenario.effects.flatMap { effect -> [VolumeOrder] in
            if case .changeVolumes(_, let orders) = effect { orders } else { [] }
        }
        let below = "/var/lib/bulkhead/volumes/roles/"
        #expect(made == ["r/a", "r a/b", "r a b/c"].map { .make(path: below + $0) })
    }

    @Test(
        "what does not start from what is there is an error, and changes nothing",
        arguments: [
            ResourceOperation.reserve([disk(5_000, [reservation])]), .reserve([disk(1)]),
            .unreserve([disk(1, [reservation])]), .destroy(volumes: [disk(1, [reservation], volume: "v")]),
            .createDisk(source: disk(1), as: .mount, profile: nil),
        ])
    func errors(_ change: ResourceOperation) {
        var scenario = Scenario(Self.configuration)
        scenario.master(.apply(Self.order(1, change)))
        #expect(Self.outcomes(scenario).map(\.state) == [.error])
        #expect(Self.outcomes(scenario).first?.message?.isEmpty == false)
        #expect(scenario.agent.state.totals == nil)
    }

    @Test("its status is sent again until it is acknowledged, also after a restart")
    func retries() {
        var scenario = Scenario(Self.configuration) { $0.masterAcknowledges = false }
        let order = Self.order(1, .reserve([Self.disk(1, [Self.reservation])]))
        scenario.master(.apply(order))
        scenario.advance(by: .seconds(11))
        let count = scenario.sent.count { if case .operation = $0 { true } else { false } }
        #expect(count == 2)
        scenario.sent = []
        scenario.restart()
        #expect(Self.outcomes(scenario).map(\.state) == [.finished])
        #expect(scenario.registrations.last?.operations.map(\.order) == [order])
        #expect(scenario.registrations.last?.totals.contains(Self.disk(1, [Self.reservation])) == true)
        scenario.master(.acknowledgeOperation(order.key, key: order.key))
        #expect(scenario.agent.state.operations.isEmpty)
    }

    @Test("one that is too large for the journal is an error, and is not remembered")
    func large() throws {
        var scenario = Scenario(Self.configuration)
        let labels = [Label("k", String(repeating: "x", count: 5 << 20))]
        let reservation = Reservation(.requested, for: Self.role, principal: "ops", labels: labels)
        scenario.master(.apply(Self.order(1, .reserve([Self.disk(1, [reservation])]))))
        #expect(Self.outcomes(scenario).map(\.state) == [.error])
        #expect(Self.outcomes(scenario).first?.message?.contains("operationBytesMax") == true)
        #expect(scenario.agent.state.totals == nil && scenario.agent.state.operations.isEmpty)
        let largest = try scenario.largestRecord
        #expect(largest < 1 << 20)
    }

    @Test("many do not make the resources too large for the journal, and one that gives back is carried out")
    func largeTotals() {
        var scenario = Scenario(Self.configuration.with { $0.bounds.totalsBytesMax = 3_000 })
        let disks = (1...10).map { number in
            let labels = [Label("k\(number)", String(repeating: "x", count: 500))]
            return Self.disk(1, [Reservation(.requested, for: Self.role, principal: "ops", labels: labels)])
        }
        for (number, disk) in disks.enumerated() {
            scenario.master(.apply(Self.order(UInt64(number), .reserve([disk]))))
        }
        let outcomes = Self.outcomes(scenario)
        #expect(outcomes.first?.state == .finished && outcomes.last?.state == .error)
        #expect(outcomes.last?.message?.contains("totalsBytesMax") == true)
        scenario.master(.apply(Self.order(20, .unreserve([disks[0]]))))
        #expect(Self.outcomes(scenario).last?.state == .finished)
    }

    @Test("many that nobody acknowledges leave a registration small enough to be read")
    func largeTogether() throws {
        var scenario = Scenario(Self.configuration.with { $0.bounds.allOperationsBytesMax = 9_000 }) {
            $0.masterAcknowledges = false
        }
        let orders = (1...4).map { number in
            let labels = [Label("k\(number)", String(repeating: "x", count: 1_000))]
            let reservation = Reservation(.requested, for: Self.role, principal: "ops", labels: labels)
            return Self.order(UInt64(number), .reserve([Self.disk(1, [reservation])]))
        }
        for order in orders { scenario.master(.apply(order)) }
        #expect(Self.outcomes(scenario).map(\.state) == [.finished, .finished, .finished, .dropped])
        #expect(Self.outcomes(scenario).last?.message?.contains("allOperationsBytesMax") == true)
        let kept = scenario.agent.state.operations.values.map(\.order.change)
        #expect(kept == orders[..<3].map(\.change) + [.unreserve([])])
        scenario.master(.acknowledgeOperation(orders[0].key, key: orders[0].key))
        scenario.master(.apply(Self.order(9, orders[3].change)))
        #expect(Self.outcomes(scenario).last?.state == .finished)
    }

    @Test("a volume in use is not destroyed")
    func inUse() {
        let volume = Self.disk(100, [Self.reservation], volume: "v")
        var scenario = Scenario(Self.configuration)
        scenario.master(.apply(Self.order(1, .reserve([Self.disk(100, [Self.reservation])]))))
        scenario.master(.apply(Self.order(2, .create(volumes: [volume]))))
        scenario.run(.command("t") { $0.resources.append(volume) })
        #expect(scenario.states("t").last == .running)
        scenario.master(.apply(Self.order(3, .destroy(volumes: [volume]))))
        #expect(Self.outcomes(scenario).last?.state == .error)
        #expect(Self.outcomes(scenario).last?.message?.contains("task 't' uses it") == true)
    }

    @Test("the same order twice is carried out once")
    func repeated() {
        var scenario = Scenario(Self.configuration) { $0.masterAcknowledges = false }
        let order = Self.order(1, .reserve([Self.disk(10, [Self.reservation])]))
        scenario.master(.apply(order))
        scenario.master(.apply(order))
        #expect(Self.totals(scenario).reserved.amount(of: "disk") == Scalar(10))
    }
}
