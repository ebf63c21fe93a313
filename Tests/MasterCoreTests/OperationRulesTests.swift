import ClusterAPI
import ClusterModel
import Diagnostics
import Testing

@testable import MasterCore

@Suite("Rules of operations")
struct OperationRulesTests {
    static func reserved(_ text: String, for names: String..., by principal: String? = nil) -> [Resource] {
        resources(text).map { resource in
            var copy = resource
            copy.reservations = names.map { Reservation(.requested, for: role($0), principal: principal) }
            return copy
        }
    }

    /// By the agent's configuration, and refined since.
    static func configured(_ text: String, for owner: String, then refined: String...) -> [Resource] {
        resources(text).map { resource in
            var copy = resource
            copy.reservations = [Reservation(.configured, for: role(owner))]
            copy.reservations += refined.map { Reservation(.requested, for: role($0)) }
            return copy
        }
    }

    static func volume(
        _ name: String, _ size: Int = 64, for owner: String = "eng", path: String = "data", shared: Bool = false,
        source: Disk.Source? = nil, by principal: String? = nil
    ) -> Resource {
        Resource(
            "disk", .scalar(Scalar(size)), reservations: [Reservation(.requested, for: role(owner))],
            disk: Disk(
                source: source, persistence: Disk.Persistence(id: id(name), principal: principal),
                volume: Disk.Volume(containerPath: path)), isShared: shared)
    }

    static func rules(_ total: [Resource] = [], principal: String? = nil, role owner: String? = nil) -> OperationRules {
        OperationRules(
            principal: principal, role: owner.map { role($0) },
            agent: AgentInfo(id: id("a"), address: NetworkAddress(hostname: "a", port: 5051), resources: total),
            total: Resources(total))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var change: ResourceOperation
        /// Nil: it is done.
        var field: String?
        var total: [Resource] = []
        var principal: String?
        var role: String?
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "a reservation", change: .reserve(reserved("cpus:1;mem:64", for: "eng"))),
        Case(name: "a refinement", change: .reserve(reserved("cpus:1", for: "eng", "eng/web"))),
        Case(
            name: "moved to another role",
            change: .reserve(reserved("cpus:1", for: "ops"), source: reserved("cpus:1", for: "eng"))),
        Case(
            name: "moved and grown",
            change: .reserve(reserved("cpus:2", for: "ops"), source: reserved("cpus:1", for: "eng")),
            field: "resources"),
        Case(
            name: "what is configured moved to another role",
            change: .reserve(reserved("cpus:1", for: "ops"), source: configured("cpus:1", for: "eng")),
            field: "reserve.source"),
        Case(
            name: "refined and configured moved to another role",
            change: .reserve(reserved("cpus:1", for: "ops"), source: configured("cpus:1", for: "eng", then: "eng/web")),
            field: "reserve.source"),
        Case(
            name: "made to look configured",
            change: .reserve(configured("cpus:1", for: "eng", then: "eng/web"), source: resources("cpus:1")),
            field: "reserve.resources"),
        Case(
            name: "moved above what is configured",
            change: .reserve(
                configured("cpus:1", for: "eng", then: "eng/web"),
                source: configured("cpus:1", for: "eng", then: "eng/db"))),
        Case(
            name: "what is configured refined",
            change: .reserve(
                configured("cpus:1", for: "eng", then: "eng/web"), source: configured("cpus:1", for: "eng"))),
        Case(name: "nothing", change: .reserve([]), field: "reserve.resources"),
        Case(name: "without a reservation", change: .reserve(resources("cpus:1")), field: "reserve.resources"),
        Case(
            name: "a refinement beside", change: .reserve(reserved("cpus:1", for: "eng", "ops")),
            field: "reserve.resources"),
        Case(
            name: "a stranger's principal", change: .reserve(reserved("cpus:1", for: "eng", by: "other")),
            field: "reserve.resources.reservations.principal", principal: "ops"),
        Case(
            name: "one's own principal", change: .reserve(reserved("cpus:1", for: "eng", by: "ops")), principal: "ops"),
        Case(
            name: "for another role than the offers'", change: .reserve(reserved("cpus:1", for: "ops")),
            field: "reserve.resources.reservations.role", role: "eng"),
        Case(name: "a volume reserved", change: .reserve([volume("v")]), field: "reserve.resources"),
        Case(name: "taken back", change: .unreserve(reserved("cpus:1", for: "eng"))),
        Case(name: "a volume taken back", change: .unreserve([volume("v")]), field: "unreserve.resources"),
        Case(name: "a volume", change: .create(volumes: [volume("v"), volume("w", 32)])),
        Case(
            name: "a volume on a disk of its own",
            change: .create(volumes: [volume("v", source: Disk.Source(.mount, root: "/d"))])),
        Case(
            name: "a volume on a block device", change: .create(volumes: [volume("v", source: Disk.Source(.block))]),
            field: "create.volumes.disk.source.type"),
        Case(
            name: "two volumes of one name", change: .create(volumes: [volume("v"), volume("v")]),
            field: "create.volumes.disk.persistence.id"),
        Case(
            name: "a name that is taken", change: .create(volumes: [volume("v", 1)]),
            field: "create.volumes.disk.persistence.id", total: [volume("v")]),
        Case(
            name: "a name that another role has", change: .create(volumes: [volume("v")]),
            total: [volume("v", for: "ops")]),
        Case(
            name: "a volume out of the sandbox", change: .create(volumes: [volume("v", path: "a/../../b")]),
            field: "create.volumes.disk.volume.container_path"),
        Case(
            name: "a volume of a stranger", change: .create(volumes: [volume("v", by: "other")]),
            field: "create.volumes.disk.persistence.principal", principal: "ops"),
        Case(
            name: "plain disk as a volume", change: .create(volumes: reserved("disk:1", for: "eng")),
            field: "create.volumes"),
        Case(name: "destroyed", change: .destroy(volumes: [volume("v")]), total: [volume("v")]),
        Case(name: "destroyed and not there", change: .destroy(volumes: [volume("v")]), field: "destroy.volumes"),
        Case(
            name: "grown", change: .grow(volume: volume("v"), by: reserved("disk:8", for: "eng")[0]),
            total: [volume("v")]),
        Case(
            name: "grown by another role's disk",
            change: .grow(volume: volume("v"), by: reserved("disk:8", for: "ops")[0]), field: "grow_volume.addition",
            total: [volume("v")]),
        Case(
            name: "a shared volume grown",
            change: .grow(volume: volume("v", shared: true), by: reserved("disk:8", for: "eng")[0]),
            field: "grow_volume.volume", total: [volume("v", shared: true)]),
        Case(name: "shrunk", change: .shrink(volume: volume("v"), by: Scalar(8)), total: [volume("v")]),
        Case(
            name: "shrunk to nothing", change: .shrink(volume: volume("v"), by: Scalar(64)),
            field: "shrink_volume.subtract", total: [volume("v")]),
        Case(
            name: "a whole disk shrunk",
            change: .shrink(volume: volume("v", source: Disk.Source(.mount, root: "/d")), by: Scalar(8)),
            field: "shrink_volume.volume", total: [volume("v", source: Disk.Source(.mount, root: "/d"))]),
    ]

    @Test("what does not fit is refused with its field, and nothing is made of nothing", arguments: cases)
    func fields(_ each: Case) throws {
        let rules = Self.rules(each.total, principal: each.principal, role: each.role)
        do throws(Failure) {
            let conversion = try rules.conversion(of: each.change)
            #expect(each.field == nil, "\(conversion)")
            #expect(OperationRules.bare(conversion.consumed) == OperationRules.bare(conversion.converted))
            #expect(conversion.consumed != conversion.converted)
        } catch {
            #expect(error.field == each.field, "\(error)")
        }
    }

    @Test("a volume in use stays as it is")
    func used() throws {
        let volume = Self.volume("v")
        var rules = Self.rules([volume])
        rules.used = [try #require(OperationRules.VolumeKey(volume))]
        for change in [
            ResourceOperation.destroy(volumes: [volume]), .shrink(volume: volume, by: Scalar(1)),
            .grow(volume: volume, by: Self.reserved("disk:8", for: "eng")[0]),
        ] {
            let failure = #expect(throws: Failure.self) { try rules.conversion(of: change) }
            #expect(failure?.code == "volume.in-use" && failure?.retry == .later)
        }
    }

    @Test("frameworks and agents do what they say they can")
    func abilities() {
        var rules = Self.rules(role: "eng")
        rules.abilities = []
        let refined = ResourceOperation.reserve(Self.reserved("cpus:1", for: "eng", "eng/web"))
        rules.role = role("eng/web")
        #expect(throws: Failure.self) { try rules.conversion(of: refined) }
        let shared = ResourceOperation.create(volumes: [Self.volume("v", shared: true)])
        rules.role = role("eng")
        let failure = #expect(throws: Failure.self) { try rules.conversion(of: shared) }
        #expect(failure?.field == "create.volumes.shared")
        var old = Self.rules([Self.volume("v")])
        old.agent.capabilities = []
        #expect(throws: Failure.self) { try old.conversion(of: .shrink(volume: Self.volume("v"), by: Scalar(1))) }
    }

    @Test("disks are neither made nor destroyed")
    func disks() {
        let raw = Resource("disk", .scalar(Scalar(1)), disk: Disk(source: Disk.Source(.raw)))
        for change in [ResourceOperation.createDisk(source: raw, as: .mount, profile: nil), .destroyDisk(source: raw)] {
            let failure = #expect(throws: Failure.self) { try Self.rules([raw]).conversion(of: change) }
            #expect(failure?.code == "operation.unsupported")
        }
    }
}
