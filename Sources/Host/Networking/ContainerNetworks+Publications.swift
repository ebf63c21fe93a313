public import Containers
public import Diagnostics
import NetworkFormat
import Nftables
import OCIFormat

extension ContainerNetworks {
    /// Ports of the host that the packet filter sends to `owner`'s container, as the kernel lists them; nil when the
    /// filter holds nothing of it at all, so that it cannot say.
    public func publications(of owner: String) throws(Failure) -> [PortPublication]? {
        let filter = try PacketFilter()
        let own = try FilterContents.read(filter).elements.filter { $0.owner == owner }
        if own.isEmpty { return nil }
        // A map for each family of addresses: what is published at every address stands in both.
        var found: [PortPublication] = []
        for publication in own.compactMap(\.publication) where !found.contains(publication) {
            found.append(publication)
        }
        return found
    }
}

extension FilterContents.Element {
    /// What a row of the maps `publish…` says; nil for everything else.
    var publication: PortPublication? {
        guard case .string(let name) = set, name.begins(with: "publish"), let target = value?.parts.last?.port else {
            return nil
        }
        var parts = key.parts
        guard let hostPort = parts.popLast()?.port, let transport = parts.popLast()?.transport else { return nil }
        var address: IPAddress?
        if case .string(let text)? = parts.popLast() { address = IPAddress(text) }
        return PortPublication(hostAddress: address, hostPort: hostPort, port: target, transport: transport)
    }
}

extension JSONValue {
    /// Of `{"concat": […]}`; a value alone is its only part.
    fileprivate var parts: [JSONValue] {
        guard case .object(let object) = self, case .array(let parts)? = object["concat"] else { return [self] }
        return parts
    }

    fileprivate var port: UInt16? {
        guard case .number(let number) = self else { return nil }
        return UInt16(number)
    }

    /// By its name, or by its number where the list has no names, protocols(5).
    fileprivate var transport: PortPublication.Transport? {
        switch self {
        case .string(let name): PortPublication.Transport(rawValue: name)
        default: ["6": .tcp, "17": .udp]["\(port ?? 0)"]
        }
    }
}
