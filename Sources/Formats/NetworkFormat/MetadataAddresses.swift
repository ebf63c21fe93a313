/// Where clouds tell a machine about itself, its credentials among it: link-local addresses and a few that are not.
/// Whoever runs containers for others lets none of them ask there, and asks nothing there for them.
public enum MetadataAddresses {
    /// Blocks of addresses, ADDRESS/LENGTH.
    public static let version4 = ["169.254.0.0/16", "100.100.100.200/32", "192.0.0.192/32"]
    public static let version6 = [
        "fe80::/10", "fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128", "fd00:42::42/128",
    ]

    static let blocks = (version4 + version6).compactMap { IPPrefix($0) }
    /// Where addresses of version 4 are written as some of version 6, and at which byte: as they are, for a socket,
    /// for a translator (RFC 6052), and behind 6to4 (RFC 3056).
    private static let embeddings = [("::/96", 12), ("::ffff:0:0/96", 12), ("64:ff9b::/96", 12), ("2002::/16", 2)]

    public static func contains(_ address: IPAddress) -> Bool {
        if blocks.contains(where: { $0.contains(address) }) { return true }
        return embeddings.contains { block, start in
            guard IPPrefix(block)?.contains(address) == true,
                let embedded = IPAddress(bytes: address.bytes[start..<(start + 4)])
            else { return false }
            return blocks.contains { $0.contains(embedded) }
        }
    }
}
