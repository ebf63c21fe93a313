import Auditing

/// /proc/PID/net/{tcp,tcp6,udp,udp6} as values, proc_pid_net(5). Pure.
enum SocketTable {
    /// TCP_LISTEN; for udp a socket without a peer, TCP_CLOSE.
    private static func waits(_ transport: String) -> String { transport.begins(with: "tcp") ? "0A" : "07" }

    static func listeners(_ text: String, _ transport: String) -> [ListenerFacts] {
        var seen: Set<ListenerFacts> = []
        for line in text.cut(at: "\n").dropFirst() {
            let fields = line.cut(at: " ")
            guard fields.count > 3, fields[3] == waits(transport) else { continue }
            let parts = fields[1].cut(at: ":")
            guard parts.count == 2, let port = UInt16(parts[1], radix: 16), port != 0,
                let address = address(String(parts[0]))
            else { continue }
            seen.insert(ListenerFacts(transport, address: address, port: port))
        }
        return seen.sorted { ($0.port, $0.address) < ($1.port, $1.address) }
    }

    /// Names of interfaces of /proc/PID/net/dev, behind its two lines of headings.
    static func links(_ text: String) -> [String] {
        text.cut(at: "\n").dropFirst(2).compactMap { line in
            line.cut(at: ":").first.map { $0.filter { !$0.isWhitespace } }
        }
    }

    /// SS_CONNECTED of /proc/PID/net/unix: the inodes of sockets that have a peer.
    static func connected(_ text: String) -> Set<UInt32> {
        Set(
            text.cut(at: "\n").dropFirst().compactMap { line in
                let fields = line.cut(at: " ")
                guard fields.count >= 7, fields[5] == "03" else { return nil }
                return UInt32(fields[6])
            })
    }

    /// Addresses of version 4 that /proc/PID/net/fib_trie calls local to a host.
    static func localAddresses(_ text: String) -> Set<String> {
        var found: Set<String> = []
        var last = ""
        for line in text.cut(at: "\n") {
            let words = line.cut(at: " ")
            if words.count == 2, words[0] == "|--" { last = String(words[1]) }
            if words.starts(with: ["/32", "host", "LOCAL"]) { found.insert(last) }
        }
        return found
    }

    /// Words of 32 bits, each in the host's byte order.
    private static func address(_ text: String) -> String? {
        let digits = Array(text)
        guard digits.count == 8 || digits.count == 32 else { return nil }
        var bytes: [UInt8] = []
        for word in stride(from: 0, to: digits.count, by: 8) {
            for pair in stride(from: word + 6, through: word, by: -2) {
                guard let byte = UInt8(String(digits[pair...(pair + 1)]), radix: 16) else { return nil }
                bytes.append(byte)
            }
        }
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        let isShort = bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] < 2
        return isShort ? (bytes[15] == 1 ? "::1" : "::") : hex(bytes)
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        stride(from: 0, to: 16, by: 2).map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
            .joined(separator: ":")
    }
}
