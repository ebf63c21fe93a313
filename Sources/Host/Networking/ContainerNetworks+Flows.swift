import Containers
import Diagnostics
import LinuxKernel
import Netlink
import NetworkFormat

/// Flows the kernel goes on passing by what was decided for their first packet. Whoever gets an address or a port of
/// the host gets none of the flows of whoever had it before.
extension ContainerNetworks {
    /// When the container's elements are in force and its link is not up yet: what its addresses and ports were part of
    /// before is decided anew.
    func forgetFlows(before attachment: NetworkAttachment) throws(Failure) {
        try Self.forgetting(attachment) { (table: FlowTable) throws(KernelError) in
            for address in attachment.addresses { try table.forget(reaching: address) }
            try Self.forget(attachment, in: table)
        }
    }

    /// When its elements are gone, and before anybody else may lease its addresses. Flows of its ports are among them.
    func forgetFlows(after attachment: NetworkAttachment) throws(Failure) {
        try Self.forgetting(attachment, missing: true) { (table: FlowTable) throws(KernelError) in
            for address in attachment.addresses { try table.forget(reaching: address) }
        }
    }

    /// A connection that is made belongs to the host's program that has it: of streams only attempts are forgotten.
    private static func forget(_ attachment: NetworkAttachment, in table: FlowTable) throws(KernelError) {
        guard !attachment.ports.isEmpty else { return }
        let own = try NetlinkSocket().addresses()
        for transport in PortPublication.Transport.allCases {
            let ports = Dictionary(grouping: attachment.ports.filter { $0.transport == transport }, by: \.hostPort)
            guard !ports.isEmpty else { continue }
            for family in Set(attachment.addresses.map(\.family)) {
                try table.forget(transport: transport.number, of: family) { flow in
                    guard transport == .udp || !flow.isAssured, let published = ports[flow.destinationPort] else {
                        return false
                    }
                    let isOwn = flow.destination.isLoopback || own.contains(flow.destination)
                    return published.contains { port in
                        guard let host = port.hostAddress else { return isOwn }
                        return host == flow.destination || host.isUnspecified && host.family == family && isOwn
                    }
                }
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

extension PortPublication.Transport {
    /// As in protocols(5).
    fileprivate var number: UInt8 {
        switch self {
        case .tcp: 6
        case .udp: 17
        }
    }
}
