import Diagnostics
import LinuxKernel
import Netlink
import RuntimeSpec

/// linux.netDevices: interfaces of the host's network become the container's, with their addresses. With the end of the
/// container those of hardware come back to the host, and others are gone, network_namespaces(7).
enum BundleNetwork {
    /// Nothing may depend on what the host has, so only that there is a network to move them to.
    static func check(_ linux: LinuxSpec) throws(Failure) {
        guard linux.networkDevices.isEmpty || linux.namespace("network") != nil else {
            throw SpecObject.refusal(
                "linux.netDevices", "without a network namespace the devices are the host's",
                remedy: "add one to linux.namespaces")
        }
    }

    /// `process` is in the network of the container, before anything of the container runs.
    static func move(_ devices: [LinuxSpec.NetworkDevice], to process: ProcessHandle) throws(Failure) {
        guard !devices.isEmpty else { return }
        for device in devices {
            do throws(KernelError) {
                let ours = try NetlinkSocket()
                let namespace = try NetworkNamespace(of: process)
                guard let link = try ours.link(named: device.host) else {
                    throw KernelError(call: "look for", on: device.host, errno: Errno.noDevice)
                }
                let addresses = try ours.lastingAddresses(of: link.index)
                let theirs = try NetlinkSocket(in: namespace)
                let before = try theirs.links().map(\.index)
                try ours.move(link.index, to: namespace, as: device.name)
                guard let moved = try theirs.links().first(where: { !before.contains($0.index) }) else {
                    throw KernelError(call: "look in the container for", on: device.name, errno: Errno.noDevice)
                }
                for address in addresses { try theirs.add(address, to: moved.index) }
                try theirs.setUp(moved.index)
            } catch {
                var failure = error.failure(
                    "bundle.network-device", doing: "move the network device", on: device.host,
                    remedy: "name a device that is in this network, and a name that is not in the container's")
                failure.field = "linux.netDevices"
                throw failure
            }
        }
    }
}
