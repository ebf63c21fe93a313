import Diagnostics
import LinuxKernel

/// What this host is, for people and for placement.
public struct HostDescription: Equatable, Sendable, Codable {
    public enum Kind: String, Sendable, Codable {
        case bareMetal = "bare-metal"
        case virtualMachine = "vm"
        case container
    }
    public var kind: Kind
    /// `kvm`, `vmware`, `microsoft`, … or nil.
    public var hypervisor: String?
    public var kernel: String
    public var processors: Int
    public var memoryBytes: UInt64

    public static func probe() -> HostDescription {
        let processors = probed { try TextFile.read("/proc/cpuinfo", limit: 4 << 20) } ?? ""
        let virtual = processors.cut(at: "\n").contains {
            $0.begins(with: "flags") && $0.cut(at: " ").contains("hypervisor")
        }
        return HostDescription(
            kind: insideContainer() ? .container : virtual ? .virtualMachine : .bareMetal,
            hypervisor: virtual ? hypervisor() : nil, kernel: HostFacts.kernelRelease(),
            processors: HostFacts.processorCount(), memoryBytes: memory())
    }

    /// The DMI strings are the firmware's own; a microVM without DMI stays unnamed rather than guessed.
    private static func hypervisor() -> String {
        let fields = ["sys_vendor", "product_name"].compactMap { field in
            probed { try TextFile.read("/sys/class/dmi/id/" + field, limit: 256) }
        }
        let text = fields.joined(separator: " ").lowercased()
        let known = [
            ("qemu", "qemu"), ("kvm", "kvm"), ("vmware", "vmware"), ("virtualbox", "virtualbox"),
            ("microsoft", "hyper-v"), ("xen", "xen"), ("amazon", "nitro"), ("google", "google"),
            ("firecracker", "firecracker"),
        ]
        return known.first { text.contains($0.0) }?.1 ?? "unnamed"
    }

    /// Process 1's own pid namespace is not the initial one: the initial namespaces have fixed inode numbers.
    private static func insideContainer() -> Bool {
        HostFacts.linkTarget("/proc/self/ns/pid") != "pid:[4026531836]"
            || HostFacts.linkTarget("/proc/self/ns/user") != "user:[4026531837]"
    }

    private static func memory() -> UInt64 {
        let text = probed { try TextFile.read("/proc/meminfo", limit: 1 << 16) } ?? ""
        let line = text.cut(at: "\n").first { $0.begins(with: "MemTotal:") } ?? ""
        return (UInt64(line.filter(\.isNumber)) ?? 0) << 10
    }
}
