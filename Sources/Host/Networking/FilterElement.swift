import Containers
import NetworkFormat
import OCIFormat
import OrderedCollections

/// An element of one of the sets of `FilterRules`, or the limit one of them leads to.
struct FilterElement: Equatable, Sendable {
    enum Table: String, Sendable { case inet, bridge }
    var table: Table
    var set: String
    var key: JSONValue
    /// What a map leads to.
    var value: JSONValue?
    /// Whose it is: what a sweep after a crash goes by.
    var owner: String
    /// Bytes a second of the limit object of the same name as its value.
    var rate: UInt64?

    init(
        _ set: String, _ key: [JSONValue], value: [JSONValue]? = nil, owner: String, table: Table = .inet,
        rate: UInt64? = nil
    ) {
        func joined(_ parts: [JSONValue]) -> JSONValue { parts.count == 1 ? parts[0] : ["concat": .array(parts)] }
        self.table = table
        self.set = set
        self.key = joined(key)
        self.value = value.map(joined)
        self.owner = owner
        self.rate = rate
    }

    /// A frame of a container may be as large as 64 KiB here, before it is cut for the wire.
    private static let burstMin: UInt64 = 256 << 10
    static func burst(_ rate: UInt64) -> UInt64 { max(burstMin, rate / 8) }

    /// nft's limit holds a second's worth besides what it calls its burst, nft_limit.c; so this is what is missing.
    private static func limitBurst(_ rate: UInt64) -> UInt64 { rate < burstMin ? burstMin - rate : 1 }

    var addition: [JSONValue] {
        let commented: JSONValue = ["elem": ["val": key, "comment": .string(owner)]]
        let element: JSONValue = value.map { [commented, $0] } ?? commented
        let adding: JSONValue = ["add": ["element": .object(place(["elem": [element]]))]]
        guard let rate, let name = value else { return [adding] }
        let limit: OrderedDictionary<String, JSONValue> = [
            "family": .string(table.rawValue), "table": .string(FilterRules.table), "name": name,
            "rate": .number(rate), "per": "second", "rate_unit": "bytes", "burst": .number(Self.limitBurst(rate)),
            "burst_unit": "bytes", "inv": .bool(true),
        ]
        return [["add": ["limit": .object(limit)]], adding]
    }

    var deletion: [JSONValue] {
        let deleting: JSONValue = ["delete": ["element": .object(place(["elem": [key]]))]]
        guard rate != nil, let name = value else { return [deleting] }
        return [
            deleting,
            [
                "delete": [
                    "limit": [
                        "family": .string(table.rawValue), "table": .string(FilterRules.table), "name": name,
                    ]
                ]
            ],
        ]
    }

    private func place(_ more: OrderedDictionary<String, JSONValue>) -> OrderedDictionary<String, JSONValue> {
        var members: OrderedDictionary<String, JSONValue> = [
            "family": .string(table.rawValue), "table": .string(FilterRules.table), "name": .string(set),
        ]
        for (name, value) in more { members[name] = value }
        return members
    }

    /// One transaction of libnftables-json(5).
    static func document(_ commands: [JSONValue]) -> String {
        let document: JSONValue = ["nftables": .array(commands)]
        return document.text
    }
}

extension BridgeNetwork {
    /// What makes its bridge one of ours.
    var elements: [FilterElement] {
        let device = JSONValue.string(device)
        func pool(_ prefix: IPPrefix, _ set: String) -> FilterElement {
            FilterElement(
                set,
                [["prefix": ["addr": .string(prefix.address.description), "len": .number(prefix.length)]]],
                owner: owner)
        }
        return [
            FilterElement("bridges", [device], owner: owner),
            FilterElement("same_bridge", [device, device], owner: owner), pool(subnet4, "pools4"),
        ] + (subnet6.map { [pool($0, "pools6")] } ?? [])
    }

    /// No container's id has a colon.
    var owner: String { "network:" + name }
}

extension NetworkAttachment {
    /// Everything the filter knows of this container. Pure, so that what was added is what is deleted.
    var elements: [FilterElement] {
        let owner = container.text
        let link = JSONValue.string(link)
        let hardware = JSONValue.string(HardwareAddress(of: number).description)
        var result: [FilterElement] = []
        for address in addresses {
            let suffix = address.family == .v4 ? "4" : "6"
            let text = JSONValue.string(address.description)
            result.append(FilterElement("leased" + suffix, [link, hardware, text], owner: owner, table: .bridge))
            result.append(FilterElement("self" + suffix, [text, text], owner: owner))
            if reach.fromContainers { result.append(FilterElement("open" + suffix, [text], owner: owner)) }
            if reach.toHost { result.append(FilterElement("to_host" + suffix, [text], owner: owner)) }
            if reach.toMetadata { result.append(FilterElement("to_metadata" + suffix, [text], owner: owner)) }
            for other in callers where other.family == address.family {
                result.append(FilterElement("pairs" + suffix, [.string(other.description), text], owner: owner))
            }
            result += ports.compactMap { publication($0, to: address) }
        }
        if addresses.contains(where: { $0.family == .v6 }) {
            let own = JSONValue.string(self.hardware.linkLocal.description)
            result.append(FilterElement("leased6", [link, hardware, own], owner: owner, table: .bridge))
        }
        if let rate = bandwidth.outgoing {
            let name = JSONValue.string("sending_" + self.link)
            result.append(
                FilterElement("sending", [link], value: [name], owner: owner, table: .bridge, rate: rate))
        }
        return result
    }

    private func publication(_ port: PortPublication, to address: IPAddress) -> FilterElement? {
        guard port.hostAddress.map({ $0.family == address.family }) ?? true else { return nil }
        let suffix = address.family == .v4 ? "4" : "6"
        let key: [JSONValue] = [.string(port.transport.rawValue), .number(port.hostPort)]
        let target: [JSONValue] = [.string(address.description), .number(port.port)]
        let host = port.hostAddress.flatMap { $0.isUnspecified ? nil : JSONValue.string($0.description) }
        return FilterElement(
            host == nil ? "publish\(suffix)_any" : "publish" + suffix, (host.map { [$0] } ?? []) + key, value: target,
            owner: container.text)
    }

    /// The version-4 address as a number: every attachment has one.
    private var number: UInt32 {
        for case .v4(let number) in addresses { return number }
        return 0
    }

    var hardware: HardwareAddress { HardwareAddress(of: number) }

    /// The addresses the host knows it by: those it was given, and the one its interface gives itself.
    var neighbours: [IPAddress] {
        addresses + (addresses.contains { $0.family == .v6 } ? [hardware.linkLocal] : [])
    }
}
