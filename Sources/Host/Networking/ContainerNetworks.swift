public import Containers
public import Diagnostics
import LinuxKernel
import Netlink
import NetworkFormat
import Nftables

/// Networks of containers on this host: leases, bridges, links, filters. All of it belongs to the network namespace
/// the caller is in.
///
/// A container's addresses are `reserve`d before its process exists, so that its files can name them; `connect`ed when
/// it does; and `release`d, which may be called at any time and twice.
public struct ContainerNetworks: Sendable {
    public static let usualRoot = "/run/bulkhead/network"
    public static let interface = "eth0"
    let root: String

    public init(root: String = ContainerNetworks.usualRoot) { self.root = root }

    func opened() throws(Failure) -> NetworkFiles {
        guard let files = try NetworkFiles.open(root, making: true) else {
            throw Failure("state.unwritable", doing: "make the state of this host's networks", on: root)
        }
        return files
    }

    // MARK: Reserve

    /// Leases addresses and ports. `holder` is the directory that has the container's record while it exists.
    ///
    /// - Throws: `network.bad-name`, `network.no-address`, `network.address-taken`, `network.port-taken`,
    ///   `network.no-such-caller`, `network.no-loopback6`, `network.no-version6`.
    public func reserve(
        _ request: BridgeRequest, for id: ContainerID, holder: String
    ) throws(Failure) -> AddressLease {
        let files = try opened()
        guard try files.attachment(id) == nil else {
            throw Failure(
                "container.exists", doing: "lease an address for container", on: id.text,
                cause: "a container of that id has one already")
        }
        let network = try network(request.network, files)
        let offset = try offset(for: request, network, files)
        let attachment = NetworkAttachment(
            container: id, holder: holder, network: network.name, device: network.device,
            link: NetworkAttachment.link(of: id), addresses: network.addresses(at: offset), ports: request.ports,
            reach: request.reach, callers: try callers(request.reach, files), bandwidth: request.bandwidth)
        try checkPorts(attachment, files)
        // The attachment first: whatever follows is found by it.
        try files.write(attachment)
        try files.takeLease(offset, of: network.name, for: id)
        for port in attachment.ports { try files.takePort(port, for: id) }
        return AddressLease(addresses: attachment.addresses, gateways: network.gateways)
    }

    /// The network of that name, made with the first free block of addresses when there is none.
    private func network(_ name: String, _ files: NetworkFiles) throws(Failure) -> BridgeNetwork {
        guard NetworkPool.isName(name) else {
            throw Failure(
                "network.bad-name", doing: "use the network", on: name,
                cause: "a network's name has 1 to \(NetworkPool.nameBytesMax) small letters, digits and '-'",
                remedy: "choose another name", field: "network")
        }
        if let network = try files.network(name) { return network }
        let settings = try settings(files)
        let routes = try NetlinkSocket.asked("read the host's routes") { () throws(KernelError) in
            try NetlinkSocket().routes().map(\.destination)
        }
        guard let index = NetworkPool.free(networks: try files.networks(), routes: routes),
            let block = NetworkPool.block(index)
        else {
            throw Failure(
                "network.no-block", doing: "make the network", on: name,
                cause: "all \(NetworkPool.blockCount) blocks of 10.208.0.0/12 are in use",
                remedy: "remove networks nobody uses with: bulkhead network prune",
                limit: "\(NetworkPool.blockCount) networks", retry: .later)
        }
        let network = BridgeNetwork(
            name: name, device: NetworkPool.device(name), subnet4: block,
            subnet6: HostForwarding.hasVersion6 ? NetworkPool.block6(index, global: settings.global) : nil)
        try files.write(network)
        return network
    }

    func settings(_ files: NetworkFiles) throws(Failure) -> NetworkSettings {
        if let settings: NetworkSettings = try files.read("settings.json") { return settings }
        let settings = NetworkSettings(
            global: KernelRandom.number() & 0xff_ffff_ffff, routed4: HostForwarding.routes4(),
            routed6: HostForwarding.routes6())
        try files.write(settings, to: "settings.json")
        return settings
    }

    private func offset(
        for request: BridgeRequest, _ network: BridgeNetwork, _ files: NetworkFiles
    ) throws(Failure) -> UInt32 {
        let taken = try files.leases(network.name)
        if !request.addresses.isEmpty { return try asked(request.addresses, network, taken: taken) }
        // In turn: an address that was just given back is nobody's for a while.
        let last: UInt32? = try files.read("leases-\(network.name).last")
        let start = last.map { max($0, BridgeNetwork.firstOffset) - BridgeNetwork.firstOffset + 1 } ?? 0
        let count = network.lastOffset - BridgeNetwork.firstOffset + 1
        for step in 0..<count {
            let offset = BridgeNetwork.firstOffset + (start + step) % count
            if taken[offset] == nil {
                try files.write(offset, to: "leases-\(network.name).last")
                return offset
            }
        }
        throw Failure(
            "network.no-address", doing: "lease an address on the network", on: network.name,
            cause: "all \(count) addresses of \(network.subnet4) are in use",
            remedy: "end containers on it, or use another network", limit: "\(count) addresses", retry: .later)
    }

    private func asked(
        _ addresses: [IPAddress], _ network: BridgeNetwork, taken: [UInt32: String]
    ) throws(Failure) -> UInt32 {
        let offsets = Set(addresses.map { network.offset(of: $0) })
        let shown = addresses.map(\.description).joined(separator: " and ")
        guard offsets.count == 1, let first = offsets.first, let offset = first else {
            let blocks = [network.subnet4.description, network.subnet6?.description].compactMap { $0 }
            throw Failure(
                "network.no-address", doing: "lease the address", on: shown,
                cause: offsets.count > 1
                    ? "two addresses of one container have the same last digits"
                    : "network \(network.name) has no such address for a container",
                remedy: "ask for one of \(blocks.joined(separator: " or ")), above the first two",
                field: "ip")
        }
        guard taken[offset] == nil else {
            throw Failure(
                "network.address-taken", doing: "lease the address", on: shown, cause: "another container has it",
                remedy: "ask for another one, or for none", field: "ip", retry: .later)
        }
        return offset
    }

    private func callers(_ reach: NetworkReach, _ files: NetworkFiles) throws(Failure) -> [IPAddress] {
        var result: [IPAddress] = []
        for id in reach.fromNamed {
            guard let other = try files.attachment(id), !other.addresses.isEmpty else {
                throw Failure(
                    "network.no-such-caller", doing: "let in container", on: id.text,
                    cause: "it has no address on a bridge of this host",
                    remedy: "start it first, with --network bridge", field: "allow-from")
            }
            result += other.addresses
        }
        return result
    }

    private func checkPorts(_ attachment: NetworkAttachment, _ files: NetworkFiles) throws(Failure) {
        for (index, port) in attachment.ports.enumerated() {
            let doing = "publish port"
            if let host = port.hostAddress, host.family == .v6, host.isLoopback {
                throw Failure(
                    "network.no-loopback6", doing: doing, on: port.description,
                    cause: "the kernel lets no packet from ::1 leave the loopback interface",
                    remedy: "publish it at 127.0.0.1", field: "publish")
            }
            if let host = port.hostAddress, !attachment.addresses.contains(where: { $0.family == host.family }) {
                throw Failure(
                    "network.no-version6", doing: doing, on: port.description,
                    cause: "the container has no address of that version: network \(attachment.network) has none",
                    remedy: "publish it at an address of version 4, or turn IPv6 on and use a new network",
                    field: "publish")
            }
            if attachment.ports[..<index].contains(where: port.collides) {
                throw Failure(
                    "network.port-taken", doing: doing, on: port.description, cause: "it is asked for twice",
                    field: "publish")
            }
            if let holder = try files.holder(of: port) {
                throw Failure(
                    "network.port-taken", doing: doing, on: port.description, cause: "container \(holder) has it",
                    remedy: "choose another port of the host, or remove that container", field: "publish",
                    retry: .later)
            }
            do throws(KernelError) {
                let places = port.hostAddress.map { [$0] } ?? [.v4(0), .v6(0, 0)]
                for place in places where attachment.addresses.contains(where: { $0.family == place.family }) {
                    try PortProbe.check(
                        address: place.description, port: port.hostPort, isStream: port.transport == .tcp)
                }
            } catch {
                throw error.failure(
                    "network.port-taken", doing: doing, on: port.description,
                    remedy: error.errno == Errno.addressInUse
                        ? "a program of the host listens there: choose another port" : "choose an address of this host",
                    retry: .later)
            }
        }
    }
}

extension NetlinkSocket {
    /// The same with the kernel's error as a refusal of ours.
    static func asked<Value>(
        _ doing: String, on subject: String? = nil, _ body: () throws(KernelError) -> Value
    ) throws(Failure) -> Value {
        do throws(KernelError) { return try body() } catch {
            throw error.failure(
                "network.kernel-refused", doing: doing, on: subject,
                remedy: error.errno == Errno.notSupported
                    ? "see that the kernel has bridge and veth, and is 5.18 or later" : nil)
        }
    }
}
