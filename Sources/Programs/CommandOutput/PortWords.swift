public import Containers
public import Diagnostics

/// `--publish [[ADDRESS:]HOSTPORT[-END]:]PORT[-END][/tcp|udp]`; an address of version 6 in brackets. What of it may be
/// left out is for the command to say.
public struct PortWords: Equatable, Sendable {
    /// As written; nil: none was.
    public var address: String?
    /// As many as `ports`; nil: none were named.
    public var hosts: ClosedRange<UInt16>?
    public var ports: ClosedRange<UInt16>
    public var transport: PortPublication.Transport

    public static let flag = "publish"

    public init(_ text: String) throws(Failure) {
        var rest = text[...]
        transport = .tcp
        if let slash = rest.lastPosition(of: "/") {
            guard let named = PortPublication.Transport(rawValue: String(rest[rest.utf8.index(after: slash)...])) else {
                throw Self.refusal(text, "only tcp and udp ports can be published")
            }
            transport = named
            rest = rest[..<slash]
        }
        var parts: [String] = []
        if rest.begins(with: "["), let end = rest.position(of: "]") {
            parts.append(String(rest[rest.index(after: rest.startIndex)..<end]))
            rest = rest[rest.utf8.index(after: end)...]
            guard rest.begins(with: ":") else { throw Self.refusal(text, "it is not ADDRESS:HOSTPORT:PORT") }
            rest = rest.dropFirst()
        }
        parts += rest.cut(at: ":", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count) else { throw Self.refusal(text, "it is not [ADDRESS:]HOSTPORT:PORT") }
        let ranges = parts.suffix(2).map(Self.range)
        guard let ports = ranges.last ?? nil, let hosts = ranges.first ?? nil else {
            throw Self.refusal(text, "a port is a number from 1 to 65535, or two with '-' between, the lower first")
        }
        guard hosts.count == ports.count else {
            throw Self.refusal(text, "\(hosts.count) ports of the host cannot lead to \(ports.count) of the container")
        }
        self.ports = ports
        self.hosts = parts.count == 1 ? nil : hosts
        address = parts.count == 3 ? parts[0] : nil
    }

    public static func refusal(_ text: String, _ cause: String, remedy: String? = nil) -> Failure {
        .flag(
            flag, text, cause: cause, remedy: remedy ?? "such as 8080:80, 127.0.0.1:5353:53/udp or 8000-8009:80-89")
    }

    private static func range(_ text: String) -> ClosedRange<UInt16>? {
        let ends = text.cut(at: "-", omittingEmptySubsequences: false).map { end in
            end.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt16(end) : nil
        }
        guard (1...2).contains(ends.count), let first = ends.first ?? nil, let last = ends.last ?? nil, first > 0,
            first <= last
        else { return nil }
        return first...last
    }
}
