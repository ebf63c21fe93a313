import AgentCore
import ArgumentParser
import CommandOutput
import Containerizing
import Containers
import Diagnostics
import LinuxKernel
import OCIFormat
import Waiting

/// Which of the machine's devices tasks may have.
struct DeviceOptions: ParsableArguments {
    @Option(
        help: .init(
            """
            Devices of a CDI specification to offer as a resource, each to one task at a time, such as \
            gpus=nvidia.com/gpu, or some of them: gpus=nvidia.com/gpu=0. Repeatable.
            """,
            valueName: "resource=vendor/class[=name]"))
    var cdiResource: [String] = []
    @Option(
        help: .init(
            "A device that tasks may ask for by name, not for themselves alone. Repeatable.",
            valueName: "/dev/name[:rw]|vendor/class[=name]"))
    var allowDevice: [String] = []
    @Option(help: .init("A directory of CDI specifications (usual: /etc/cdi and /var/run/cdi).", valueName: "path"))
    var cdiDir: [String] = []
    @Flag(help: "Leave out programs that a CDI specification wants run on the host.")
    var cdiSkipHooks = false

    /// Names that mean something else.
    private static let taken = ["cpus", "mem", "disk", "ports"]

    var isAsked: Bool { !cdiResource.isEmpty || !allowDevice.isEmpty }

    var keeper: HostDevices {
        HostDevices(
            registry: DeviceRegistry(directories: cdiDir.isEmpty ? DeviceRegistry.standardDirectories : cdiDir),
            skipsHooks: cdiSkipHooks)
    }

    /// What there is of each resource, as the specifications are now. Blocks.
    func resources() throws(Failure) -> [LaunchPolicy.DeviceResource] {
        var resources: [LaunchPolicy.DeviceResource] = []
        for text in cdiResource {
            let parts = text.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts[0]
            guard parts.count == 2, !name.isEmpty, !parts[1].isEmpty,
                name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) })
            else {
                throw .flag(
                    "cdi-resource", text, cause: "it is not RESOURCE=VENDOR/CLASS",
                    remedy: "write for example gpus=nvidia.com/gpu")
            }
            guard !Self.taken.contains(name) else {
                throw .flag(
                    "cdi-resource", text, cause: "\(name) is a resource that is measured", remedy: "name it otherwise")
            }
            let found = try keeper.registry.inventory(of: parts[1]).map(\.description)
            let other = resources.first { !Set($0.devices).isDisjoint(with: found) }
            if let other, other.resource != name {
                throw .flag(
                    "cdi-resource", text, cause: "those devices are given out as \(other.resource)",
                    remedy: "give each out once")
            }
            if let index = resources.firstIndex(where: { $0.resource == name }) {
                resources[index].devices += found.filter { !resources[index].devices.contains($0) }
            } else {
                resources.append(LaunchPolicy.DeviceResource(name, devices: found))
            }
        }
        return resources
    }

    func allowed() throws(Failure) -> [LaunchPolicy.Device] {
        var devices: [LaunchPolicy.Device] = []
        for text in allowDevice {
            var (name, access) = (text, "rw")
            if text.begins(with: "/"), let cut = text.lastPosition(of: ":") {
                name = String(text[..<cut])
                access = text[text.utf8.index(after: cut)...].filter { $0 != "m" }
            }
            let isFit =
                name.begins(with: "/")
                ? name.begins(with: "/dev/") && name.count > 5 && !access.isEmpty && access.allSatisfy("rw".contains)
                : DeviceName(name) != nil || DeviceName(name + "=x") != nil
            guard isFit else {
                throw .flag(
                    "allow-device", text, cause: "it is no device",
                    remedy: "write /dev/NAME, /dev/NAME:r, vendor.com/class or vendor.com/class=name")
            }
            devices.append(LaunchPolicy.Device(name, access: access))
        }
        return devices
    }
}

/// The devices of this host, by their specifications and their nodes.
struct HostDevices: DeviceKeeper {
    var registry: DeviceRegistry
    var skipsHooks: Bool

    func grant(_ orders: [DeviceOrder]) async throws(Failure) -> DeviceGrant {
        try await ThreadPool.shared.run { () throws(Failure) in try look(orders) }
    }

    private func look(_ orders: [DeviceOrder]) throws(Failure) -> DeviceGrant {
        var names: [DeviceName] = []
        for order in orders where !order.isNode {
            guard let name = DeviceName(order.name) else {
                throw Failure(
                    "device.not-found", doing: "find the device", on: order.name, cause: "that is no device's name",
                    remedy: "write vendor.com/class=name", field: "container.docker.parameters")
            }
            names.append(name)
        }
        var grant = try registry.grant(names, skippingHooks: skipsHooks)
        for order in orders where order.isNode {
            grant.devices.append(
                try HostDevice.request(order.name, as: order.path ?? order.name, access: order.access ?? "rw"))
        }
        return grant
    }
}
