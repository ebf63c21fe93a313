import ClusterModel
import Determinism
import Diagnostics
import Testing

@Suite("Scalars")
struct ScalarTests {
    @Test(
        "amounts are rounded to thousandths and shown as short as they are exact",
        arguments: [
            (4.0, "4"), (0.5, "0.5"), (1.125, "1.125"), (0.0004, "0"), (0.0006, "0.001"), (0.1 + 0.2, "0.3"),
            (1_024.010, "1024.01"),
        ])
    func shown(_ value: Double, _ text: String) throws {
        #expect(try Scalar(value).description == text)
    }

    @Test("what is no amount is refused", arguments: [-1, -0.001, Double.nan, .infinity, 1e16])
    func refused(_ value: Double) {
        #expect(throws: Failure.self) { try Scalar(value) }
    }

    @Test("arithmetic stops at zero and at the greatest amount")
    func saturates() {
        #expect(Scalar(1) - Scalar(2) == .zero)
        #expect(Scalar.greatest + Scalar.greatest == .greatest)
        #expect(Scalar(Int.max) == .greatest && Scalar(Int.min) == .zero)
        #expect(Scalar(thousandths: Scalar.greatest.thousandths) == .greatest)
    }

    @Test("every amount survives a trip through a double", arguments: Seeds.some)
    func roundTrip(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<100 {
            let scalar = Scalar(thousandths: Int64(random.below(1 << Int(1 + random.below(50)))))
            #expect(try Scalar(scalar.value) == scalar)
        }
    }
}

@Suite("Ranges")
struct RangesTests {
    @Test("ranges join where they touch")
    func coalesce() {
        #expect(Ranges([5...6, 1...2, 3...4]).ranges == [1...6])
        #expect(Ranges([1...10, 2...3, 12...12]).ranges == [1...10, 12...12])
        #expect(Ranges([0...UInt64.max, 7...8]).ranges == [0...UInt64.max])
        #expect(Ranges([(UInt64.max - 1)...UInt64.max]).count == 2)
        #expect(Ranges([0...UInt64.max]).count == UInt64.max)
    }

    @Test("ranges do what sets of numbers do", arguments: Seeds.some)
    func algebra(_ seed: UInt64) {
        var random = RandomResources(seed: seed)
        for _ in 0..<30 {
            let (a, b) = (random.ranges(), random.ranges())
            let (left, right) = (numbers(a), numbers(b))
            #expect(numbers(a.union(b)) == left.union(right))
            #expect(numbers(a.subtracting(b)) == left.subtracting(right))
            #expect(numbers(a.intersection(b)) == left.intersection(right))
            #expect(a.contains(b) == left.isSuperset(of: right))
            #expect(a.count == UInt64(left.count))
            #expect(a.union(b) == b.union(a))
            #expect(zip(a.ranges, a.ranges.dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound })
            #expect((0..<80).allSatisfy { a.contains(UInt64($0)) == left.contains(UInt64($0)) })
        }
    }

    private func numbers(_ ranges: Ranges) -> Set<UInt64> { Set(ranges.ranges.flatMap { Array($0) }) }

    @Test("the ends of the numbers are no trouble")
    func ends() {
        let all = Ranges([0...UInt64.max])
        #expect(all.subtracting(Ranges([0...0])).ranges == [1...UInt64.max])
        #expect(all.subtracting(Ranges([UInt64.max...UInt64.max])).ranges == [0...(UInt64.max - 1)])
        #expect(all.subtracting(all).isEmpty)
    }

    @Test("sets of names do what sets do", arguments: Seeds.some)
    func sets(_ seed: UInt64) {
        var random = RandomResources(seed: seed)
        for _ in 0..<30 {
            let (a, b) = (random.set(), random.set())
            #expect(Set(a.union(b).items) == Set(a.items).union(b.items))
            #expect(Set(a.subtracting(b).items) == Set(a.items).subtracting(b.items))
            #expect(a.contains(b) == Set(a.items).isSuperset(of: b.items))
        }
    }
}

@Suite("Reading resources")
struct ParsingTests {
    @Test("the usual line is read")
    func usual() throws {
        let resources = try Resources(
            parsing: "cpus:4; mem:1024.5 ;ports:[31000-32000, 33000-33000];zones:{b, a};cpus(eng):2")
        #expect(resources.amount(of: "cpus") == Scalar(6))
        #expect(resources.amount(of: "mem") == Scalar(thousandths: 1_024_500))
        #expect(resources.ranges(named: "ports").ranges == [31_000...32_000, 33_000...33_000])
        #expect(resources.named("zones").description == "zones:{a,b}")
        #expect(resources.description == "cpus:4;mem:1024.5;ports:[31000-32000,33000-33000];zones:{a,b};cpus(eng):2")
    }

    @Test("a default role reserves what names none, and (*) escapes it")
    func defaultRole() throws {
        let resources = try Resources(parsing: "cpus:1;mem(*):2", defaultRole: try RoleName("eng"))
        #expect(try resources == (Resources(parsing: "cpus(eng):1;mem:2")))
    }

    @Test("an explicit zero is kept in the list and leaves no trace in the bag")
    func zero() throws {
        #expect(try Resource.parse("cpus:0").map(\.name) == ["cpus"])
        #expect(try Resources(parsing: "cpus:0;ports:[];zones:{}").isEmpty)
    }

    @Test("what is written out reads back", arguments: Seeds.some)
    func roundTrip(_ seed: UInt64) throws {
        var random = RandomResources(seed: seed)
        for _ in 0..<20 {
            let plain = try random.resources().only { resource in
                resource.disk == nil && !resource.isRevocable
                    && resource.reservations.allSatisfy { $0.origin == .configured }
            }
            #expect(try Resources(parsing: plain.description) == plain)
        }
    }

    @Test(
        "what cannot be read is refused with the part at fault",
        arguments: [
            "cpus", "cpus:", ":4", "cpus:four", "cpus:-1", "cpus:nan", "cpus:inf", "cpus(eng:4", "cpus(eng/):4",
            "cpus():4",
            "ports:[1-", "ports:[5-1]", "ports:[1,2]", "ports:[a-b]", "ports:[1-2", "ports:4", "cpus:[1-2]", "zones:{a",
            "zones:{a,,b}", "c pus:1", "gpus:0.5", "ports:[-1-5]", "ports:[1-99999999999999999999]",
        ])
    func refused(_ text: String) {
        #expect(throws: Failure.self) { try Resources(parsing: text) }
    }
}

@Suite("Quantities and quota")
struct QuantityTests {
    @Test("amounts add by name, never below zero, and order does not matter")
    func arithmetic() {
        let a: Quantities = ["mem": Scalar(2), "cpus": Scalar(1)]
        let b: Quantities = ["cpus": Scalar(3)]
        #expect(a + b == b + a && (a + b)["cpus"] == Scalar(4))
        #expect((a - b)["cpus"] == .zero && (a - b)["mem"] == Scalar(2))
        #expect((a + b).contains(a) && !a.contains(b) && a.contains(.none))
        #expect(a.description == "cpus:1;mem:2")
        #expect((a - a).isEmpty)
    }

    @Test("a limit of zero is a limit, none is none")
    func limits() {
        let limits: QuantityLimits = ["cpus": .zero]
        #expect(limits["cpus"] == .zero && limits["mem"] == nil)
        #expect(!limits.allow(["cpus": Scalar(1)]) && limits.allow(["mem": Scalar(9)]))
    }

    @Test(
        "amounts that nobody can mean are refused as a guarantee and as a limit",
        arguments: [
            ("mem", 1 << 40, true), ("mem", 1 + 1 << 40, false), ("disk", 1 + 1 << 40, false),
            ("cpus", 1_000_000_000_000, true), ("cpus", 1_000_000_000_001, false), ("licences", 1 << 40, false),
        ])
    func greatest(_ name: String, _ amount: Int, _ isTaken: Bool) throws {
        let quotas = [
            Quota(guarantees: Quantities([(name: name, scalar: Scalar(amount))])),
            Quota(limits: [name: Scalar(amount)]),
        ]
        let expected: Failure.Code? = isTaken ? nil : "quota.invalid"
        for quota in quotas {
            let failure = refusal { () throws(Failure) in try quota.validate(for: try RoleName("eng")) }
            try quota.validate(for: try RoleName("eng"), isStored: true)
            #expect(failure?.code == expected)
        }
    }

    private func refusal(_ body: () throws(Failure) -> Void) -> Failure? {
        do throws(Failure) {
            try body()
            return nil
        } catch { return error }
    }

    @Test("quota belongs to roles at the top and guarantees no more than it allows")
    func quota() throws {
        let quota = Quota(guarantees: ["cpus": Scalar(2)], limits: ["cpus": Scalar(1)])
        #expect(throws: Failure.self) { try quota.validate(for: try RoleName("eng")) }
        #expect(throws: Failure.self) { try Quota.unlimited.validate(for: try RoleName("eng/web")) }
        #expect(throws: Failure.self) { try Quota.unlimited.validate(for: .anyone) }
        try Quota(guarantees: ["cpus": Scalar(1)], limits: ["cpus": Scalar(1)]).validate(for: try RoleName("eng"))
    }
}
