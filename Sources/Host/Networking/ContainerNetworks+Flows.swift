import Containers
import Diagnostics
import LinuxKernel
import Netlink
import NetworkFormat

/// Flows the kernel goes on passing by what was decided for their first packet. Whoever gets an address or a port of
/// the host gets none of the flows of whoever had it before.
///
/// A walk of the kernel's table takes milliseconds. So there is none for an address nobody has had since the last one,
/// and one for all when an address is given out again: `NetworkFiles.formerLeases`.
extension ContainerNetworks {
    /// When the container's elements are in force and its link is not up yet: what its addresses and ports were part of
    /// before is decided anew.
    func forgetFlows(
        before attachment: NetworkAttachment, on network: BridgeNetwork, _ files: NetworkFiles
    ) throws(Failure) {
        let former = try files.formerLeases(network.name)
        let own = attachment.addresses.lazy.compactMap { network.offset(of: $0) }.first
        let isFormer = own.map { former.contains($0) } ?? true
        // Of those that run nothing is forgotten, whatever the list says.
        let taken = isFormer ? Set(try files.leases(network.name).keys).subtracting(own.map { [$0] } ?? []) : []
        func wasHad(_ address: IPAddress) -> Bool {
            network.offset(of: address).map { former.contains($0) && !taken.contains($0) } ?? false
        }
        try Self.forgetting(attachment) { (table: FlowTable) throws(KernelError) in
            guard isFormer || !attachment.ports.isEmpty else { return }
            let host: Set<IPAddress> = attachment.ports.isEmpty ? [] : try NetlinkSocket().addresses()
            try table.forget("flows of network \(network.name)") { flow in
                isFormer && (wasHad(flow.source) || wasHad(flow.target)) || attachment.publishes(flow, host: host)
            }
        }
        if isFormer { try files.clearFormerLeases(network.name) }
    }

    /// When its elements are gone: what came by way of its ports goes to whoever has them next. What reaches its
    /// addresses otherwise is forgotten when they are given out again.
    func forgetFlows(after attachment: NetworkAttachment) throws(Failure) {
        if attachment.ports.isEmpty { return }
        try Self.forgetting(attachment, missing: true) { (table: FlowTable) throws(KernelError) in
            try table.forget("flows to container \(attachment.container)", .redirected) { flow in
                attachment.addresses.contains(flow.target)
            }
        }
    }

    /// `missing`: whether a kernel without nf_conntrack_netlink is good enough, because no address was given under it.
    private static func forgetting(
        _ attachment: NetworkAttachment, missing: Bool = false, _ body: (FlowTable) throws(KernelError) -> Void
    ) throws(Failure) {
        do throws(KernelError) {
            guard let table = try FlowTable.opened() else { return }
            try body(table)
        } catch {
            let isMissing = error.errno == Errno.notSupported
            if isMissing && missing { return }
            throw error.failure(
                "network.kernel-refused", doing: "forget earlier flows of the addresses of container",
                on: attachment.container.text,
                remedy: isMissing
                    ? "load the module nf_conntrack_netlink, or use a kernel with CONFIG_NF_CT_NETLINK" : nil,
                retry: error.errno == Errno.busy ? .later : .never)
        }
    }
}

extension NetworkAttachment {
    /// Whether the flow went to a port of the host that is this container's now. A connection that is made belongs to
    /// the host's program that has it: of streams these are attempts only. `host`: the host's addresses.
    fileprivate func publishes(_ flow: TrackedFlow, host: Set<IPAddress>) -> Bool {
        ports.contains { port in
            guard port.hostPort == flow.destinationPort, port.transport.number == flow.transport,
                port.transport == .udp || !flow.isAssured
            else { return false }
            let family = flow.destination.family
            guard addresses.contains(where: { $0.family == family }) else { return false }
            let isHosts = flow.destination.isLoopback || host.contains(flow.destination)
            guard let address = port.hostAddress else { return isHosts }
            return address == flow.destination || address.isUnspecified && address.family == family && isHosts
        }
    }
}

extension PortPublication.Transport {
    /// As in protocols(5).
    fileprivate var number: UInt8 {
        switch self {
        case .tcp: 6
        case .udp: 17
        }
    }
}
