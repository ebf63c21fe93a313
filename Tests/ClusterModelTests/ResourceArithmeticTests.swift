import ClusterModel
import Determinism
import Diagnostics
import Testing

@Suite("Resource arithmetic")
struct ResourceArithmeticTests {
    @Test("the order of adding does not matter", arguments: Seeds.some)
    func commutes(_ seed: UInt64) throws {
        var random = RandomResources(seed: seed)
        for _ in 0..<20 {
            let (a, b, c) = (try random.resources(), try random.resources(), try random.resources())
            #expect(a + b == b + a, "\(a) and \(b)")
            #expect((a + b) + c == a + (b + c), "\(a), \(b) and \(c)")
        }
    }

    @Test("a part taken away and put back gives the whole", arguments: Seeds.some)
    func inverse(_ seed: UInt64) throws {
        var random = RandomResources(seed: seed)
        for _ in 0..<20 {
            let whole = try random.resources()
            let part = random.part(of: whole)
            #expect(whole.contains(part), "\(whole) contains \(part)")
            #expect((whole - part) + part == whole, "\(whole) without and with \(part)")
            #expect(whole - whole == .none)
            let rest = whole - part
            #expect((part + rest) - rest == part, "\(part) with and without \(rest)")
        }
    }

    @Test("a sum contains its parts, and containing is an order", arguments: Seeds.some)
    func contains(_ seed: UInt64) throws {
        var random = RandomResources(seed: seed)
        for _ in 0..<20 {
            let (a, b) = (try random.resources(), try random.resources())
            #expect((a + b).contains(a) && (a + b).contains(b))
            #expect(a.contains(a) && a.contains(.none))
            #expect((a.contains(b) && b.contains(a)) == (a == b))
        }
    }

    @Test("nothing is ever negative or empty inside a bag", arguments: Seeds.some)
    func neverNegative(_ seed: UInt64) throws {
        var random = RandomResources(seed: seed)
        for _ in 0..<20 {
            let difference = try random.resources() - (try random.resources())
            for resource in difference {
                #expect(!resource.value.isEmpty, "\(difference)")
                if case .scalar(let amount) = resource.value { #expect(amount > .zero) }
            }
        }
    }

    @Test("views divide a bag without loss", arguments: Seeds.some)
    func views(_ seed: UInt64) throws {
        var random = RandomResources(seed: seed)
        let whole = try random.resources(upTo: 12)
        #expect(whole.reserved + whole.unreserved == whole)
        #expect(whole.revocable + whole.nonRevocable == whole)
        #expect(whole.shared + whole.nonShared == whole)
        let role = try RoleName("ops")
        #expect(whole.allocated(to: role).unallocated() == whole)
        #expect(whole.allocated(to: role).allocated(to: .anyone).allocated(to: role) == whole.allocated(to: role))
        #expect(!whole.withoutReservations().hasAny { $0.isReserved })
        #expect(whole.withoutReservations().quantities.contains(whole.quantities) || !whole.shared.isEmpty)
    }

    @Test("tenths add up exactly")
    func exact() throws {
        var sum = Resources()
        for _ in 0..<1_000 { sum += try Resources(parsing: "cpus:0.1") }
        #expect(try sum == (Resources(parsing: "cpus:100")))
        #expect(sum.amount(of: "cpus") == Scalar(100))
    }

    @Test("resources of different kinds stay apart")
    func kinds() throws {
        let free = Resource("cpus", .scalar(Scalar(1)))
        var revocable = free
        revocable.isRevocable = true
        var reserved = free
        reserved.reservations = [Reservation(.configured, for: try RoleName("eng"))]
        var labelled = reserved
        labelled.reservations[0].labels = [Label("team", "a")]
        let all = Resources([free, revocable, reserved, labelled])
        #expect(all.underestimatedCount == 4)
        #expect(!Resources([free]).contains(revocable) && !Resources([revocable]).contains(free))
        #expect(!Resources([reserved]).contains(labelled))
        #expect(all.amount(of: "cpus") == Scalar(4))
    }

    @Test("a volume goes whole or not at all")
    func volumes() throws {
        let disk = Disk(persistence: .init(id: try VolumeID("v")), volume: .init(containerPath: "data"))
        let owner = [Reservation(.requested, for: try RoleName("eng"))]
        let volume = Resource("disk", .scalar(Scalar(64)), reservations: owner, disk: disk)
        var half = volume
        half.value = .scalar(Scalar(32))
        #expect(!Resources([volume]).contains(half))
        #expect(Resources([volume]) - Resources([half]) == Resources([volume]))
        #expect(Resources([volume, volume]).underestimatedCount == 2)
        #expect(!Resources([volume]).contains(Resources([volume, volume])))
    }

    @Test("a shared volume is counted by its copies")
    func sharedVolumes() throws {
        var random = RandomResources(seed: 4)
        let volume = try random.volume(isShared: true)
        var bag = Resources([volume])
        bag.add(volume, copies: 2)
        #expect(bag.copies(of: volume) == 3 && bag.underestimatedCount == 1)
        #expect(bag.contains(volume, copies: 3) && !bag.contains(volume, copies: 4))
        #expect(bag.quantities == Resources([volume]).quantities)
        bag -= Resources([volume])
        #expect(bag.copies(of: volume) == 2)
        bag.subtract(volume, copies: 5)
        #expect(bag.isEmpty)
    }

    @Test("trimming keeps reservations and cuts what is nobody's to the allowance")
    func trimming() throws {
        let bag = try Resources(parsing: "cpus:4;cpus(eng):2;mem:1000;ports:[1-5]")
        let trimmed = bag.trimmingUnreserved { $0 == "cpus" ? Scalar(1) : ($0 == "mem" ? .zero : nil) }
        #expect(try trimmed == (Resources(parsing: "cpus:1;cpus(eng):2;ports:[1-5]")))
        let mount = Resource("disk", .scalar(Scalar(10)), disk: Disk(source: .init(.mount, root: "/d")))
        #expect(Resources([mount]).trimmingUnreserved { _ in Scalar(9) }.isEmpty)
        #expect(Resources([mount]).trimmingUnreserved { _ in Scalar(10) } == Resources([mount]))
    }
}

@Suite("Reservations")
struct ReservationTests {
    @Test("reserving refines downwards and unreserving takes it back")
    func refinement() throws {
        let free = try Resources(parsing: "cpus:4;mem:512")
        let eng = try free.reserving(Reservation(.requested, for: try RoleName("eng"), principal: "ann"))
        let web = try eng.reserving(Reservation(.requested, for: try RoleName("eng/web")))
        #expect(web.hasAny { $0.isRefined } && !eng.hasAny { $0.isRefined })
        #expect(try web.unreserving() == eng)
        #expect(try eng.unreserving() == free)
        #expect(try web.reserved(for: RoleName("eng/web")) == web && web.reserved(for: RoleName("eng")).isEmpty)
        #expect(web.withoutReservations() == free)
    }

    @Test("a refinement that does not go down is refused", arguments: ["eng", "ops", "engine", "*"])
    func refused(_ role: String) throws {
        let eng = try Resources(parsing: "cpus(eng):4")
        #expect(throws: Failure.self) { try eng.reserving(Reservation(.requested, for: try RoleName(role))) }
    }

    @Test("what is not reserved, or only by configuration, cannot be unreserved", arguments: ["cpus:1", "cpus(eng):1"])
    func unreserving(_ text: String) throws {
        let resources = try Resources(parsing: text)
        let failure = #expect(throws: Failure.self) { try resources.unreserving() }
        #expect(failure?.code == "resource.unreserved")
    }

    @Test("reserved resources go to the role and what is below it, to nobody else")
    func allocatable() throws {
        let bag = try Resources(parsing: "cpus:1;cpus(eng):2;cpus(eng/web):4;cpus(ops):8;cpus(engine):16")
        func amount(_ role: String) throws -> Scalar { bag.allocatable(to: try RoleName(role)).amount(of: "cpus") }
        #expect(try amount("eng") == Scalar(3))
        #expect(try amount("eng/web") == Scalar(7))
        #expect(try amount("eng/web/api") == Scalar(7))
        #expect(try amount("ops") == Scalar(9))
        #expect(try amount("*") == Scalar(1))
    }

    @Test("resources that do not fit together are refused")
    func validation() throws {
        let one = ResourceValue.scalar(Scalar(1))
        let eng = [Reservation(.requested, for: try RoleName("eng"))]
        let volume = Disk(persistence: .init(id: try VolumeID("v")))
        let refused = [
            Resource("", one), Resource("cpus", .ranges(.empty)), Resource("ports", one),
            Resource("gpus", .scalar(Scalar(thousandths: 500))), Resource("cpus", one, disk: volume),
            Resource("disk", one, disk: volume), Resource("disk", one, reservations: eng, isShared: true),
            Resource("cpus", one, reservations: eng, isRevocable: true),
            Resource("cpus", one, reservations: [Reservation(.configured, for: .anyone)]),
            Resource(
                "cpus", one, reservations: eng + [Reservation(.configured, for: try RoleName("eng/web"))]),
        ]
        for resource in refused {
            let failure = #expect(throws: Failure.self, "\(resource)") { try resource.validate() }
            #expect(failure?.code == "resource.invalid")
        }
        try Resource("disk", one, reservations: eng, disk: volume, isShared: true).validate()
    }
}
