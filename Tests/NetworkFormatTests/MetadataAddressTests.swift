import Testing

@testable import NetworkFormat

@Suite("Addresses of a cloud's metadata")
struct MetadataAddressTests {
    @Test("every block is one")
    func blocks() {
        #expect(
            MetadataAddresses.blocks.map(\.description) == MetadataAddresses.version4 + MetadataAddresses.version6)
    }

    @Test(
        "they are known in every way they can be written",
        arguments: [
            ("169.254.169.254", true), ("169.254.0.1", true), ("100.100.100.200", true), ("192.0.0.192", true),
            ("fe80::1", true), ("fd00:ec2::254", true), ("::ffff:169.254.169.254", true), ("::169.254.169.254", true),
            ("64:ff9b::a9fe:a9fe", true), ("2002:a9fe:a9fe::1", true), ("169.253.255.255", false),
            ("169.255.0.0", false), ("127.0.0.1", false), ("10.0.0.1", false), ("100.100.100.201", false),
            ("::1", false), ("::ffff:10.0.0.1", false), ("fd00:ec2::255", false), ("2001:db8::1", false),
        ])
    func contains(_ text: String, _ expected: Bool) throws {
        #expect(MetadataAddresses.contains(try #require(IPAddress(text))) == expected)
    }
}
