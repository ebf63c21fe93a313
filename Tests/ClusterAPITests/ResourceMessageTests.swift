import ClusterAPI
import ClusterModel
import Determinism
import Testing

@Suite("Resources on the wire") struct ResourceMessageTests {
    @Test("every resource reads back as it was written, in both forms", arguments: 0..<300)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let resource = try ResourceMessageTests.resource(&random)
        for form in [ReservationForm.stacked, .flat] {
            let bytes = WireValue.object(["resources": .resources([resource], form)]).bytes
            let read = try WireObject(WireBounds.standard.value(parsing: bytes)).resources("resources")
            #expect(read == [resource])
        }
    }

    private static func resource(_ random: inout SeededRandom) throws -> Resource {
        let flip = { (random: inout SeededRandom) in random.below(2) == 0 }
        let value: ResourceValue =
            switch random.below(3) {
            case 0: .scalar(Scalar(thousandths: Int64(random.below(1 << (1 + random.below(53))))))
            case 1:
                .ranges(
                    Ranges(
                        (0..<random.below(4)).map { _ in
                            let low = random.next() >> 1
                            return low...(low + UInt64(random.below(1_000)))
                        }))
            default: .set(ItemSet((0..<random.below(4)).map { _ in "item\(random.below(9))" }))
            }
        var reservations: [Reservation] = []
        var role = "eng"
        for depth in 0..<random.below(4) {
            let origin: Reservation.Origin = depth == 0 && flip(&random) ? .configured : .requested
            let isPlain = origin == .configured || flip(&random)
            reservations.append(
                Reservation(
                    origin, for: try RoleName(role), principal: isPlain ? nil : "ops",
                    labels: isPlain ? [] : [Label("k"), Label("l", "v")]))
            role += "/r\(depth)"
        }
        var disk: Disk?
        if flip(&random) {
            disk = Disk()
            switch random.below(4) {
            case 0: disk?.source = Disk.Source(.path, root: "/d", metadata: [Label("a", "b")])
            case 1: disk?.source = Disk.Source(.mount, root: "/m", id: "i", vendor: "v")
            case 2: disk?.source = Disk.Source(.raw, id: "i", profile: "p")
            default: disk?.persistence = Disk.Persistence(id: try VolumeID("v"), principal: flip(&random) ? "p" : nil)
            }
            if flip(&random) { disk?.volume = Disk.Volume(containerPath: "data", mode: .readOnly) }
        }
        return Resource(
            "disk", value, reservations: reservations, disk: disk, provider: flip(&random) ? try ProviderID("P") : nil,
            isRevocable: flip(&random), isShared: flip(&random), allocatedTo: flip(&random) ? try RoleName("eng") : nil)
    }

    @Test("a role alone is a static reservation, with a reservation a dynamic one, and '*' is none")
    func flatForms() throws {
        let eng = try RoleName("eng")
        let cases: [(String, [Reservation])] = [
            (#""role":"*""#, []), (#""role":null"#, []),
            (#""role":"eng""#, [Reservation(.configured, for: eng)]),
            (#""role":"eng","reservation":{}"#, [Reservation(.requested, for: eng)]),
            (#""role":"*","reservations":{"type":"STATIC","role":"eng"}"#, [Reservation(.configured, for: eng)]),
            (#""role":"eng","reservations":[{"type":"DYNAMIC","role":"eng"}]"#, [Reservation(.requested, for: eng)]),
        ]
        for (json, expected) in cases {
            let read = try object(#"{"name":"cpus","type":"SCALAR","scalar":{"value":"0"},\#(json)}"#).resource()
            #expect(read == Resource("cpus", .scalar(.zero), reservations: expected), "\(json)")
        }
    }

    @Test(
        "reservations that contradict themselves are refused",
        arguments: [
            #""role":"ops","reservations":[{"type":"DYNAMIC","role":"eng"}]"#, #""role":"*","reservation":{}"#,
            #""reservations":[{"type":"ODD","role":"eng"}]"#, #""reservations":[{"type":"DYNAMIC"}]"#,
        ])
    func contradictions(json: String) {
        #expect(throws: (any Error).self) {
            try object(#"{"name":"cpus","type":"SCALAR","scalar":{"value":1},\#(json)}"#).resource()
        }
    }
}
