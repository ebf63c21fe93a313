import Containers
import Testing

@Suite("A container's ids on the host")
struct IdentityRangeTests {
    @Test(
        "an id inside is one of the range's own outside, or none",
        arguments: [
            (1_000_000, 65_536, 0, 1_000_000), (1_000_000, 65_536, 65_535, 1_065_535), (1_000_000, 65_536, 65_536, nil),
            (1_000_000, 65_536, 4_294_967_294, nil), (1_000_000, 65_536, .max, nil), (1_000_000, 0, 0, nil),
            (4_294_967_295, 2, 0, 4_294_967_295), (4_294_967_295, 2, 1, nil), (0, .max, 4_294_967_294, 4_294_967_294),
        ] as [(UInt32, UInt32, UInt32, UInt32?)])
    func outside(_ base: UInt32, _ count: UInt32, _ inside: UInt32, _ host: UInt32?) {
        #expect(IdentityRange(base: base, count: count).outside(inside) == host)
    }
}
