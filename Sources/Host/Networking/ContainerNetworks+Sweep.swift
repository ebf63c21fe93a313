public import Containers
public import Diagnostics
import LinuxKernel
import Netlink
import NetworkFormat
import Nftables

/// After crashes, and by order.
extension ContainerNetworks {
    /// Undoes what belongs to containers that are no more: those whose record is gone from the directory that had it.
    /// Then whatever is left that no container has: links, elements, leases.
    public func sweep() throws(Failure) {
        func isHeld(_ attachment: NetworkAttachment) -> Bool {
            HostFacts.exists("\(attachment.holder)/\(attachment.container.text)")
        }
        for attachment in try NetworkFiles.open(root, making: false)?.attachments() ?? [] where !isHeld(attachment) {
            // Its id may be a container's again by now, which makes its record before anything else.
            try release(attachment.container) { !isHeld($0) }
        }
        guard let files = try NetworkFiles.open(root, making: false) else { return }
        let kept = try files.attachments()
        try files.dropLeases(keeping: Set(kept.map(\.container.text)))
        if try files.networks().isEmpty { return }
        let links = Set(kept.map(\.link))
        try NetlinkSocket.asked("remove links nobody has") { () throws(KernelError) in
            let socket = try NetlinkSocket()
            for link in try socket.links()
            where link.kind == "veth" && link.name.begins(with: FilterRules.linkPrefix) && !links.contains(link.name) {
                try socket.deleteLink(named: link.name)
            }
        }
        let owners = Set(kept.map(\.container.text) + (try files.networks().map(\.owner)))
        let filter = try PacketFilter()
        try FilterContents.read(filter).remove(from: filter) { !owners.contains($0) }
    }

    /// Networks of this host, by name, each with who is on it.
    public func survey() throws(Failure) -> [(network: BridgeNetwork, attachments: [NetworkAttachment])] {
        guard let files = try NetworkFiles.open(root, making: false) else { return [] }
        let attachments = try files.attachments()
        return try files.networks().map { network in
            (network, attachments.filter { $0.plugins == nil && $0.network == network.name })
        }
    }

    /// Whoever has an element in the packet filter, sorted: ids of containers, and `network:NAME`.
    public func owners() throws(Failure) -> [String] {
        let filter = try PacketFilter()
        return Set(try FilterContents.read(filter).elements.map(\.owner)).sorted()
    }

    /// Takes the tables away, as somebody does who flushes the host's rules. The next container puts them back.
    public func forgetRules() throws(Failure) {
        let filter = try PacketFilter()
        for family in ["inet", "bridge"] {
            // Adding first: deleting what is not there is an error.
            let table = "\(family) \(FilterRules.table)"
            try filter.run("add table \(table)\ndelete table \(table)\n", to: "remove the rules of bridges")
        }
    }

    /// What a container has; nil for one without an interface of ours.
    public func attachment(_ id: ContainerID) throws(Failure) -> NetworkAttachment? {
        try NetworkFiles.open(root, making: false)?.attachment(id)
    }

    /// Removes networks nobody is on, their bridges and their addresses; with the last one also the rules, and the
    /// host's routing as it was. Gives their names.
    public func prune() throws(Failure) -> [String] {
        try sweep()
        guard let files = try NetworkFiles.open(root, making: false) else { return [] }
        let used = Set(try files.attachments().filter { $0.plugins == nil }.map(\.network))
        let networks = try files.networks()
        let idle = networks.filter { !used.contains($0.name) }
        for network in idle { try remove(network, files) }
        guard idle.count == networks.count, let settings: NetworkSettings = try files.read("settings.json") else {
            return idle.map(\.name)
        }
        try HostForwarding.restore(settings, version6: HostForwarding.hasVersion6)
        try forgetRules()
        try files.remove("settings.json")
        return idle.map(\.name)
    }

    private func remove(_ network: BridgeNetwork, _ files: NetworkFiles) throws(Failure) {
        try NetlinkSocket.asked("remove the bridge", on: network.device) { () throws(KernelError) in
            try NetlinkSocket().deleteLink(named: network.device)
        }
        let filter = try PacketFilter()
        try FilterContents.read(filter).remove(from: filter) { $0 == network.owner }
        try files.remove("leases-\(network.name).last")
        try files.removeFormerLeases(network.name)
        try files.remove("networks/\(network.name).json")
    }
}
