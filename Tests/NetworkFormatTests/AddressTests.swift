import NetworkFormat
import Testing

@Suite("Addresses, blocks of them, and messages of netlink")
struct AddressTests {
    @Test(
        "an address is read as others write it, and written as RFC 5952 has it",
        arguments: [
            ("10.0.0.5", "10.0.0.5"), ("255.255.255.255", "255.255.255.255"), ("::", "::"), ("::1", "::1"),
            ("FE80:0:0:0:0:0:0:1", "fe80::1"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("1::2:0:0:3", "1::2:0:0:3"),
            ("::ffff:10.0.0.1", "::ffff:a00:1"), ("2001:db8::", "2001:db8::"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
        ])
    func reads(_ text: String, _ shown: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == shown)
        #expect(IPAddress(shown) == address)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(
        "what is no address in digits is refused",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.04", "1.2.3.-4", "1.2.3.4 ", ":", ":::",
            "1:2",
            "::1::", "1:2:3:4:5:6:7:8:9", "1::2:3:4:5:6:7:8", "12345::", "g::", "fe80::1%eth0", "::1.2.3", "1.2.3.4::",
            "+1.2.3.4", "localhost", "１.2.3.4",
        ])
    func refuses(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test("a block knows what is in it, and what overlaps it")
    func blocks() throws {
        let block = try #require(IPPrefix("10.208.5.7/20"))
        #expect(block.description == "10.208.0.0/20")
        #expect(block.contains(.v4(0x0ad0_0fff)) && !block.contains(.v4(0x0ad0_1000)))
        #expect(!block.contains(.v6(0, 1)))
        #expect(block.address(at: 4_095)?.description == "10.208.15.255")
        #expect(block.address(at: 4_096) == nil)
        let inner = try #require(IPPrefix("10.208.3.0/24"))
        let other = try #require(IPPrefix("10.208.16.0/20"))
        #expect(block.overlaps(inner) && inner.overlaps(block) && !block.overlaps(other))
        #expect(IPPrefix("10.0.0.0/33") == nil && IPPrefix("10.0.0.0") == nil && IPPrefix("::/129") == nil)
        #expect(IPPrefix("fd00:1:2:3::9/64")?.address(at: 2)?.description == "fd00:1:2:3::2")
        #expect(IPPrefix("0.0.0.0/0")?.contains(.v4(.max)) == true)
    }

    @Test("a hardware address follows from the address, and the link-local address from that")
    func hardware() throws {
        let address = HardwareAddress(of: 0x0ad0_0005)
        #expect(address.description == "02:b8:0a:d0:00:05")
        #expect(HardwareAddress("02:b8:0a:d0:00:05") == address)
        #expect(address.linkLocal.description == "fe80::b8:aff:fed0:5")
        #expect(HardwareAddress("02:b8:0a:d0:00") == nil && HardwareAddress("02:b8:0a:d0:00:zz") == nil)
    }

    @Test("a message is what the kernel's macros would make, and is read back")
    func message() throws {
        var message = NetlinkMessage(type: 16, flags: 5)
        message.append(UInt32(7))
        message.append(3, "eth0")
        message.nest(18) { $0.append(1, number: UInt16(9)) }
        let bytes = message.finished(sequence: 42)
        #expect(bytes.count % 4 == 0 && bytes.count == 16 + 4 + 12 + 4 + 8)
        let read = try #require(NetlinkAnswer.read(bytes))
        #expect(read.count == 1 && read[0].type == 16 && read[0].flags == 5 && read[0].sequence == 42)
        let attributes = read[0].attributes(skipping: 4)
        #expect(attributes[3]?.text == "eth0")
        #expect(attributes[18].map { NetlinkAnswer.attributes($0)[1]?.number(UInt16.self, at: 0) } == 9)
    }

    @Test("an answer whose lengths do not fit is refused, never read past its end")
    func damaged() throws {
        var message = NetlinkMessage(type: 16, flags: 5)
        message.append(UInt32(7))
        message.append(3, "a name of some length")
        let good = message.finished(sequence: 1)
        for index in good.indices {
            for value: UInt8 in [0, 1, 3, 0x7f, 0xff] {
                var bad = good
                bad[index] = value
                for answer in NetlinkAnswer.read(bad) ?? [] {
                    for (_, attribute) in answer.attributes(skipping: 4) { #expect(attribute.count <= good.count) }
                }
            }
        }
        for length in good.indices { #expect((NetlinkAnswer.read(Array(good[..<length])) ?? []).isEmpty) }
    }
}
