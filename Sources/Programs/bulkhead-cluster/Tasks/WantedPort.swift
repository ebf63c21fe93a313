import ClusterModel
import CommandOutput
import Containers
import Diagnostics

/// A port of a task that is to be reached at one of its agent's.
struct WantedPort: Hashable, Sendable {
    /// Nil: one the offer has.
    var host: UInt16?
    var container: UInt16
    var transport: PortPublication.Transport

    static func parse(_ texts: [String]) throws(Failure) -> [WantedPort] {
        var wanted: [WantedPort] = []
        for text in texts {
            let words = try PortWords(text)
            guard words.address == nil else {
                throw PortWords.refusal(
                    text, "a task's ports are reached at every address of its agent",
                    remedy: "leave the address out; the master offers ports, not addresses")
            }
            let hosts: [UInt16?] = words.hosts.map(Array.init) ?? Array(repeating: nil, count: words.ports.count)
            for (host, port) in zip(hosts, words.ports) {
                let port = WantedPort(host: host, container: port, transport: words.transport)
                if let host, wanted.contains(where: { $0.host == host && $0.transport == port.transport }) {
                    throw PortWords.refusal(
                        text, "port \(host)/\(port.transport.rawValue) of the host is there twice",
                        remedy: "publish it once")
                }
                wanted.append(port)
            }
            guard wanted.count <= countMax else {
                throw .flag(
                    PortWords.flag, text, cause: "that makes \(wanted.count) ports; a task has \(countMax) at most",
                    limit: "\(countMax) ports a task")
            }
        }
        return wanted
    }

    private static let countMax = PortPublication.countMax
}

extension [WantedPort] {
    /// Ports of the agent: those that are named, and from `there` the lowest others, one for each without a name.
    /// Nil: `there` has not got them.
    func chosen(from there: Ranges) -> Ranges? {
        let named = Ranges(Set(compactMap(\.host)).map { UInt64($0)...UInt64($0) })
        guard there.contains(named) else { return nil }
        var open = count { $0.host == nil }
        var chosen = named.ranges
        for range in there.subtracting(named).intersection(Ranges([1...UInt64(UInt16.max)])).ranges where open > 0 {
            let last = Swift.min(range.upperBound, range.lowerBound + UInt64(open) - 1)
            chosen.append(range.lowerBound...last)
            open -= Int(last - range.lowerBound) + 1
        }
        return open == 0 ? Ranges(chosen) : nil
    }

    /// Each with its port of the agent, of those that `chosen(from:)` gave.
    func mapped(to chosen: Ranges) -> [PortMapping] {
        let named = Set(compactMap(\.host))
        var others = chosen.ranges.lazy.joined().lazy.map { UInt16(truncatingIfNeeded: $0) }.filter {
            !named.contains($0)
        }.makeIterator()
        return compactMap { wanted in
            guard let host = wanted.host ?? others.next() else { return nil }
            return PortMapping(host: host, container: wanted.container, transport: wanted.transport.rawValue)
        }
    }

    /// `ports 8080-8081 of the agent and 2 more`.
    var description: String {
        let named = Ranges(compactMap(\.host).map { UInt64($0)...UInt64($0) })
        let open = count { $0.host == nil }
        let more = open == 1 ? "a port" : "\(open) ports"
        if named.isEmpty { return "\(more) of the agent" }
        let first = (named.count == 1 ? "port " : "ports ") + named.shown + " of the agent"
        return open == 0 ? first : first + " and \(open) more"
    }
}

extension Ranges {
    /// `8080,31000-32000`.
    var shown: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }
}

extension ContainerSpec {
    /// What leads to it, wherever the framework wrote it down.
    var published: [PortMapping] { (docker?.portMappings ?? []) + networks.flatMap(\.portMappings) }
}

extension PortMapping {
    /// `8080:80/tcp`, as `bulkhead inspect` has it; `*` where the agent chose.
    var shown: String { "\(host == 0 ? "*" : "\(host)"):\(container)/\(transport ?? "tcp")" }
}
