import Containers
public import Diagnostics
import HostProbe
public import LaunchPlanning
import LinuxKernel
import SeccompFormat

/// Which devices exist for the container: by absence (its /dev holds only these) and by an eBPF program on its cgroup
/// that refuses every other one, however its node came to be.
public struct DeviceIsolator: Isolator {
    public let name = "devices"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        _ = try context.demand(.deviceFilter, for: "a device filter", flag: "device")
        try DevicePolicy.check(context.request.isolation)
        return PlanContribution(isolator: name)
    }

    public func establish(_ context: LaunchContext) throws(Failure) {
        guard context.host.ability(.deviceFilter).state == .enforced,
            let group = ControlGroup(context.request.id, host: context.host)
        else { return }
        let program = DeviceProgram.bytes(rules: Self.rules(context.request.isolation))
        let directory = try group.open()
        do throws(KernelError) {
            try DeviceFilter.attach(program, to: directory)
        } catch {
            throw error.failure(
                "isolation.device-filter", doing: "attach the device filter", on: group.path,
                remedy: "run with CAP_BPF or CAP_SYS_ADMIN on a kernel with CONFIG_CGROUP_BPF")
        }
    }

    private static let standard: [(name: String, major: UInt32, minor: UInt32)] = [
        ("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0),
    ]

    static func rules(_ isolation: IsolationRequest) -> [DeviceRule] {
        DeviceRule.standard
            + isolation.devices.map {
                DeviceRule(
                    kind: $0.kind == "b" ? .block : .character, major: $0.major, minor: $0.minor,
                    // Nodes are made here, once; nothing in there ever makes one.
                    access: DeviceAccess($0.access.filter { $0 != "m" }))
            }
    }

    /// The entries of /dev.
    static func nodes(_ isolation: IsolationRequest) -> [DeviceNode] {
        var nodes = standard.map { DeviceNode.character(name: $0.name, major: $0.major, minor: $0.minor, mode: 0o666) }
        nodes += [
            .link(name: "fd", target: "/proc/self/fd"), .link(name: "stdin", target: "/proc/self/fd/0"),
            .link(name: "stdout", target: "/proc/self/fd/1"), .link(name: "stderr", target: "/proc/self/fd/2"),
            .link(name: "ptmx", target: "pts/ptmx"), .directory(name: "pts", mode: 0o755),
            .directory(name: "shm", mode: 0o1777), .directory(name: "mqueue", mode: 0o1777),
        ]
        for device in isolation.devices {
            let name = String(device.path.dropFirst("/dev/".count))
            let mode = device.mode ?? 0o666
            nodes.append(
                device.kind == "b"
                    ? .block(name: name, major: device.major, minor: device.minor, mode: mode)
                    : .character(name: name, major: device.major, minor: device.minor, mode: mode))
        }
        return nodes
    }
}
