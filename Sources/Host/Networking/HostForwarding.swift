import Diagnostics
import LinuxKernel

/// The kernel settings a bridge needs, ip-sysctl.rst; those of this network namespace only.
enum HostForwarding {
    private static let root = "/proc/sys/net/"

    static var hasVersion6: Bool {
        HostFacts.exists(root + "ipv6/conf/all/forwarding") && read("ipv6/conf/all/disable_ipv6") == "0"
    }

    static func routes4() -> Bool { read("ipv4/ip_forward") == "1" }
    static func routes6() -> Bool { read("ipv6/conf/all/forwarding") == "1" }

    /// Lets the host route. `FilterRules` sees to it that a host that was no router routes for containers only.
    static func turnOn(version6: Bool) throws(Failure) {
        if !routes4() { try write("ipv4/ip_forward", "1") }
        guard version6, !routes6() else { return }
        // A router ignores the advertisements a host lives by, unless an interface is told otherwise.
        for name in try interfaces() where read("ipv6/conf/\(name)/accept_ra") == "1" {
            try write("ipv6/conf/\(name)/accept_ra", "2")
        }
        try write("ipv6/conf/all/forwarding", "1")
    }

    /// With br_netfilter(5) a packet that a container sends to a published port of the host's is turned around inside
    /// the bridge, before the host sees it, and ends at the wall between ports. Nobody else's bridges: then it is off.
    static func keepBridgesToThemselves(_ isOn: Bool) throws(Failure) {
        for name in ["bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"] where read(name) != nil {
            try write(name, isOn ? "0" : "1")
        }
    }
    static func filtersBridges() -> Bool { read("bridge/bridge-nf-call-iptables") == "1" }

    /// As it was before our first bridge.
    static func restore(_ settings: NetworkSettings, version6: Bool) throws(Failure) {
        if settings.filteredBridges == true { try keepBridgesToThemselves(false) }
        if !settings.routed4, routes4() { try write("ipv4/ip_forward", "0") }
        if version6, !settings.routed6, routes6() { try write("ipv6/conf/all/forwarding", "0") }
    }

    /// Packets for published ports at 127.0.0.1 may leave through the bridge; everything a container could lead the
    /// host astray with is off.
    static func settle(bridge: String, version6: Bool) throws(Failure) {
        try write("ipv4/conf/\(bridge)/route_localnet", "1")
        try write("ipv4/conf/\(bridge)/send_redirects", "0")
        try write("ipv4/conf/\(bridge)/accept_redirects", "0")
        guard version6 else { return }
        for name in ["accept_ra", "accept_redirects", "autoconf", "accept_dad"] {
            try write("ipv6/conf/\(bridge)/\(name)", "0")
        }
    }

    /// The same for a container's interface; called inside its namespace.
    static func settle(inside name: String, version6: Bool) throws(KernelError) {
        for interface in ["all", name] {
            try set("ipv4/conf/\(interface)/accept_redirects", "0")
            try set("ipv4/conf/\(interface)/secure_redirects", "0")
        }
        guard version6 else { return }
        for setting in ["accept_ra", "accept_redirects", "autoconf", "accept_dad", "router_solicitations"] {
            try set("ipv6/conf/\(name)/\(setting)", "0")
        }
    }

    private static func interfaces() throws(Failure) -> [String] {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(root + "ipv6/conf"), [.directory]).entries().map(\.name.description)
        } catch {
            throw error.failure("network.kernel-setting", doing: "list the host's interfaces")
        }
    }

    /// Nil: the kernel has no such setting.
    private static func read(_ name: String) -> String? {
        do throws(KernelError) {
            return try TextFile.read(root + name, limit: 64).filter { !$0.isWhitespace }
        } catch {
            return nil
        }
    }

    private static func set(_ name: String, _ value: String) throws(KernelError) {
        try TextFile.write(value, to: root + name)
    }

    private static func write(_ name: String, _ value: String) throws(Failure) {
        do throws(KernelError) { try set(name, value) } catch {
            throw error.failure(
                "network.kernel-setting", doing: "set net.\(name.replacing("/", with: ".")) to \(value)",
                remedy: "see that /proc/sys can be written, or use network none")
        }
    }
}
