import LinuxKernel
import Testing

/// An image is the same bytes every time only if names have one order, whatever they are made of.
@Suite("order of names") struct PathOrderTests {
    @Test(
        "is that of their bytes, a beginning before the whole",
        arguments: [
            ([], [0x61]), ([0x61], [0x61, 0x01]), ([0x61, 0x01], [0x62]), ([0x2E], [0x2E, 0x2E]),
            ([0x7F], [0x80]), ([0x7F, 0xFF], [0xFF]), ([0xC3, 0xA9], [0xFF, 0x01]),
        ] as [([UInt8], [UInt8])])
    func order(less: [UInt8], more: [UInt8]) {
        let (left, right) = (RawPath(bytes: less), RawPath(bytes: more))
        #expect(left.precedes(right) && !right.precedes(left) && !left.precedes(left))
        #expect(left.bytes == less && right.bytes == more)
    }
}
