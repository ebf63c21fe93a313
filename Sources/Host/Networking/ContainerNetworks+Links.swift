public import Containers
public import Diagnostics
public import LinuxKernel
import Netlink
import NetworkFormat
import Nftables

/// Connecting and disconnecting.
extension ContainerNetworks {
    /// Gives the process's network namespace its interface, with addresses, routes, filters and limits in force before
    /// it is up. The lease must have been `reserve`d.
    public func connect(_ id: ContainerID, process: ProcessHandle) throws(Failure) {
        let files = try opened()
        guard let attachment = try files.attachment(id), let network = try files.network(attachment.network) else {
            throw Failure(
                "network.no-lease", doing: "connect container", on: id.text, cause: "its lease is gone",
                remedy: "start it again", retry: .later)
        }
        let (socket, namespace) = try NetlinkSocket.asked("enter the container's network", on: id.text) {
            () throws(KernelError) in (try NetlinkSocket(), try NetworkNamespace(of: process))
        }
        let bridge = try bridge(network, socket, files)
        try admit(attachment, files)
        try forgetFlows(before: attachment, on: network, files)
        let version6 = network.subnet6 != nil
        try NetlinkSocket.asked("connect container", on: id.text) { () throws(KernelError) in
            let port = try plug(attachment, into: bridge, namespace, socket)
            try namespace.inside { () throws(KernelError) in
                try HostForwarding.settle(inside: Self.interface, version6: version6)
            }
            let inner = try NetlinkSocket(in: namespace)
            try configure(attachment, network, inner)
            try socket.setUp(port)
            try Self.awaitOpening([(socket, attachment.link), (inner, Self.interface)])
        }
    }

    /// A link opens only when a worker of the kernel has seen that both ends are set up, and until then the kernel
    /// drops what is sent without a word: a container's first question, say, and who asked waits for seconds. One that
    /// is late is no failure.
    private static func awaitOpening(_ ends: [(socket: NetlinkSocket, name: String)]) throws(KernelError) {
        do throws(KernelError) {
            try Deadline(seconds: openingSecondsMax).wait("the link to open") { () throws(KernelError) in
                for end in ends { guard try end.socket.link(named: end.name)?.isOpen == true else { return false } }
                return true
            }
        } catch {
            if error.errno != Errno.timedOut { throw error }
        }
    }
    private static let openingSecondsMax = 5.0

    /// Our end of the link, walled off.
    private func plug(
        _ attachment: NetworkAttachment, into bridge: Int32, _ namespace: NetworkNamespace, _ socket: NetlinkSocket
    ) throws(KernelError) -> Int32 {
        let peer = VirtualPeer(name: Self.interface, address: attachment.hardware, namespace: namespace)
        try socket.makeVirtualPair(attachment.link, bridge: bridge, peer: peer)
        guard let port = try socket.link(named: attachment.link)?.index else {
            throw KernelError(call: "RTM_GETLINK", on: attachment.link, errno: Errno.noDevice)
        }
        try socket.wallOff(port: port)
        try socket.addForwarding(attachment.hardware, port: port)
        for address in attachment.neighbours {
            try socket.addNeighbour(address, at: attachment.hardware, link: bridge)
        }
        if let rate = attachment.bandwidth.incoming {
            try socket.shape(
                link: port, bytesPerSecond: rate, burst: UInt32(clamping: FilterElement.burst(rate)))
        }
        return port
    }

    /// Inside. Only the bridge is next door, so that siblings are reached through the host's rules or not at all.
    private func configure(
        _ attachment: NetworkAttachment, _ network: BridgeNetwork, _ socket: NetlinkSocket
    ) throws(KernelError) {
        guard let index = try socket.link(named: Self.interface)?.index else {
            throw KernelError(call: "RTM_GETLINK", on: Self.interface, errno: Errno.noDevice)
        }
        for address in attachment.addresses {
            try socket.addAddress(address, length: address.bytes.count * 8, to: index)
        }
        try socket.setUp(index)
        for gateway in network.gateways {
            let any: IPAddress = gateway.family == .v4 ? .v4(0) : .v6(0, 0)
            guard let host = IPPrefix(gateway, length: gateway.bytes.count * 8), let all = IPPrefix(any, length: 0)
            else { continue }
            try socket.addRoute(to: host, link: index)
            try socket.addRoute(to: all, through: gateway, link: index)
        }
    }

    /// The network's bridge, made when it is not there.
    private func bridge(
        _ network: BridgeNetwork, _ socket: NetlinkSocket, _ files: NetworkFiles
    ) throws(Failure) -> Int32 {
        let device = network.device
        let found = try NetlinkSocket.asked("look for the bridge", on: device) { () throws(KernelError) in
            try socket.link(named: device)
        }
        if let found {
            guard found.kind == "bridge" else {
                throw Failure(
                    "network.device-taken", doing: "use the bridge", on: device,
                    cause: "an interface of that name is there and is none",
                    remedy: "rename it, or use another network")
            }
            if found.isUp { return found.index }
        }
        if found == nil { try noteRouting(socket, files) }
        // Rules first: the host does not route for a moment without them.
        try rebuild(files)
        let index = try NetlinkSocket.asked("make the bridge", on: device) { () throws(KernelError) in
            if found == nil { try socket.makeBridge(device, address: network.hardware) }
            guard let index = try socket.link(named: device)?.index else {
                throw KernelError(call: "RTM_GETLINK", on: device, errno: Errno.noDevice)
            }
            return index
        }
        let version6 = network.subnet6 != nil
        try HostForwarding.settle(bridge: device, version6: version6)
        try NetlinkSocket.asked("set up the bridge", on: device) { () throws(KernelError) in
            let prefixes = [network.subnet4, network.subnet6].compactMap { $0 }
            for (prefix, gateway) in zip(prefixes, network.gateways) {
                try socket.addAddress(gateway, length: prefix.length, to: index)
            }
        }
        try HostForwarding.turnOn(version6: version6)
        // Last: a bridge that is up is one that is complete.
        try NetlinkSocket.asked("bring up the bridge", on: device) { () throws(KernelError) in
            try socket.setUp(index)
        }
        return index
    }

    /// While there is no bridge of ours, whether the host routes is its own affair: that is how it will be left.
    private func noteRouting(_ socket: NetlinkSocket, _ files: NetworkFiles) throws(Failure) {
        let devices = Set(try files.networks().map(\.device))
        let bridges = try NetlinkSocket.asked("look for bridges") { () throws(KernelError) in
            try socket.links().filter { $0.kind == "bridge" }
        }
        guard !bridges.contains(where: { devices.contains($0.name) }) else { return }
        var settings = try settings(files)
        settings.filteredBridges = bridges.isEmpty && HostForwarding.filtersBridges()
        if settings.filteredBridges == true { try HostForwarding.keepBridgesToThemselves(true) }
        settings.routed4 = HostForwarding.routes4()
        settings.routed6 = HostForwarding.routes6()
        try files.write(settings, to: "settings.json")
    }

    // MARK: Filter

    /// The elements of one container, in one transaction. When the tables are gone, somebody flushed the host's
    /// rules: then everything is put back.
    private func admit(_ attachment: NetworkAttachment, _ files: NetworkFiles) throws(Failure) {
        let filter = try PacketFilter()
        let commands = FilterElement.document(attachment.elements.flatMap(\.addition))
        do throws(Failure) {
            try filter.run(commands, to: "admit container \(attachment.container.text)")
        } catch {
            try rebuild(files)
        }
    }

    /// All rules, all networks, and all containers that have an attachment.
    func rebuild(_ files: NetworkFiles) throws(Failure) {
        let settings = try settings(files)
        let filter = try PacketFilter()
        try filter.run(
            FilterRules.skeleton(routes4: settings.routed4, routes6: settings.routed6),
            to: "write the rules of bridges")
        var elements = try files.networks().flatMap(\.elements)
        for attachment in try files.attachments() { elements += attachment.elements }
        if elements.isEmpty { return }
        try filter.run(FilterElement.document(elements.flatMap(\.addition)), to: "write the sets of bridges")
    }

    // MARK: Release

    /// Disconnects a container and gives back what it leased. Nothing to do is fine.
    public func release(_ id: ContainerID) throws(Failure) { try release(id) { _ in true } }

    /// The same where what it has may go, as `mayGo` says. Looked at and undone under one lock: somebody else may be
    /// releasing it, its addresses and ports would be another's by then, or its id a container's that is being made.
    func release(_ id: ContainerID, if mayGo: (NetworkAttachment) -> Bool) throws(Failure) {
        guard try NetworkFiles.mention(id, below: root) else { return }
        var files = try NetworkFiles.open(root, making: false)
        guard let attachment = try files?.attachment(id), mayGo(attachment) else { return }
        guard attachment.plugins == nil, let held = files else {
            // Plugins take their time and have locks of their own.
            files = nil
            return try releasePlugins(attachment)
        }
        try undo(attachment, held)
    }

    private func undo(_ attachment: NetworkAttachment, _ files: NetworkFiles) throws(Failure) {
        try NetlinkSocket.asked("remove the link of container", on: attachment.container.text) {
            () throws(KernelError) in
            let socket = try NetlinkSocket()
            try socket.deleteLink(named: attachment.link)
            guard let bridge = try socket.link(named: attachment.device)?.index else { return }
            for address in attachment.neighbours { try socket.removeNeighbour(address, link: bridge) }
        }
        let network = try files.network(attachment.network)
        if network != nil { try expel(attachment) }
        try forgetFlows(after: attachment)
        let offset = attachment.addresses.lazy.compactMap { network?.offset(of: $0) }.first
        try files.release(attachment, offset: offset)
    }

    private func expel(_ attachment: NetworkAttachment) throws(Failure) {
        let filter = try PacketFilter()
        do throws(Failure) {
            try filter.run(
                FilterElement.document(attachment.elements.flatMap(\.deletion)),
                to: "expel container \(attachment.container.text)")
        } catch {
            // Some were never added, or are gone: find those that are there by their owner.
            try FilterContents.read(filter).remove(from: filter) { $0 == attachment.container.text }
        }
    }

    /// What our end of its link has counted, seen from the container. Nothing for one without a link of ours.
    public func count(_ id: ContainerID, into usage: inout ContainerUsage) throws(Failure) {
        let link = NetworkAttachment.link(of: id)
        let seen = try NetlinkSocket.asked("count the traffic of container", on: id.text) { () throws(KernelError) in
            try NetlinkSocket().link(named: link)?.counters
        }
        guard let seen else { return }
        usage.networkReceivedBytes = seen.sentBytes
        usage.networkReceivedPackets = seen.sentPackets
        usage.networkReceivedDropped = seen.sentDropped
        usage.networkSentBytes = seen.receivedBytes
        usage.networkSentPackets = seen.receivedPackets
        usage.networkSentDropped = seen.receivedDropped
    }
}
