public import Diagnostics
public import LaunchPlanning
import RuntimeSpec

/// linux.devices, the devices and links every container has, and the console. In a user namespace nodes cannot be made:
/// the host's are bound where every container has them, and those of the configuration are made outside, since what the
/// host calls by that path may be another device.
public struct BundleDevices: BundleContributor {
    public init() {}

    static let standard: [(name: String, major: UInt32, minor: UInt32)] = [
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ]
    private static let links: [(name: String, target: String)] = [
        ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
    ]

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "devices")
        guard context.buildsRoot, !bindsDevices(context) else { return contribution }
        var devices = Self.standard.map {
            LinuxSpec.Device(
                path: "/dev/\($0.name)", type: "c", major: $0.major, minor: $0.minor, mode: 0o666, uid: 0, gid: 0)
        }
        for device in context.linux.devices {
            devices.removeAll { $0.path == device.path }
            devices.append(device)
        }
        for device in devices { add(device, context, to: &contribution) }
        for (name, target) in Self.links {
            contribution.add(.makeLink("/dev/\(name)", destination: target), at: .paths)
        }
        return contribution
    }

    /// Whoever shows the host's /dev gets it as it is.
    private func bindsDevices(_ context: BundleContext) -> Bool {
        context.configuration.mounts.contains {
            guard SealedMounts.isDevices($0.destination) else { return false }
            let options = MountOptions($0.options, type: $0.type)
            return options.isBind && !options.isRemount
        }
    }

    private func add(_ device: LinuxSpec.Device, _ context: BundleContext, to contribution: inout PlanContribution) {
        let kind: NodeRequest.Kind = device.type == "b" ? .block : device.type == "p" ? .fifo : .character
        let node = NodeRequest(
            path: device.path, kind: kind, mode: (device.mode ?? 0o666) & 0o7777, major: device.major,
            minor: device.minor, uid: device.uid ?? 0, gid: device.gid ?? 0)
        guard context.hasUserNamespace, kind != .fifo else {
            contribution.add(.makeNode(node), at: .paths)
            return
        }
        let name = DescriptorName("device:\(device.path)")
        if context.linux.devices.contains(device) {
            contribution.open(name, .bundleNode(node))
        } else {
            contribution.open(
                name, .bundleTree(BundleTree(path: device.path, recursive: false, set: [.noSetuid, .noExecute])))
        }
        contribution.add(.attach(tree: name, target: device.path, kind: .file, resolve: .create), at: .paths)
    }
}
