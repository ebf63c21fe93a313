public import Diagnostics
public import LaunchPlanning
import RuntimeSpec

/// hostname, domainname, linux.sysctl, the session keyring and the loopback interface.
public struct BundleIdentity: BundleContributor {
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "identity")
        for (field, name) in [
            ("hostname", context.configuration.hostname), ("domainname", context.configuration.domainname),
        ] {
            guard let name, !name.isEmpty else { continue }
            guard context.has("uts") else {
                throw SpecObject.refusal(field, "without a uts namespace it would be the host's")
            }
            contribution.add(field == "hostname" ? .setHostname(name) : .setDomainname(name), at: .identity)
        }
        for (name, value) in context.linux.sysctl {
            let path = Self.path(of: name)
            try check(path, value, name, context)
            contribution.add(.sysctl(name: path, value: value), at: .identity)
        }
        if !context.options.keepsKeyring { contribution.add(.newKeyring, at: .identity) }
        if context.isNew("network") { contribution.add(.loopbackUp, at: .network) }
        return contribution
    }

    /// `net.ipv4.ip_forward` and `net/ipv4/ip_forward`; with slashes a dot is part of a name, sysctl(8).
    static func path(of name: String) -> String {
        guard let separator = name.first(where: { $0 == "." || $0 == "/" }), separator == "." else { return name }
        return String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
    }

    private static let ipc: Set<String> = [
        "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax",
        "kernel/shmmni", "kernel/shm_rmid_forced",
    ]

    /// Only what belongs to a namespace of the container: the rest would be set for the whole host.
    private func check(
        _ path: String, _ value: String, _ name: String, _ context: BundleContext
    ) throws(Failure) {
        let owner: String? =
            if path.begins(with: "net/") {
                "network"
            } else if Self.ipc.contains(path) || path.begins(with: "fs/mqueue/") {
                "ipc"
            } else if path == "kernel/domainname" || path == "kernel/hostname" {
                "uts"
            } else if path.begins(with: "user/") {
                "user"
            } else { nil }
        guard let owner else {
            throw SpecObject.refusal("linux.sysctl.\(name)", "it belongs to the whole host")
        }
        guard context.has(owner) else {
            throw SpecObject.refusal(
                "linux.sysctl.\(name)", "without a namespace of type \(owner) it would be the host's")
        }
        guard path != "kernel/domainname" || [nil, value].contains(context.configuration.domainname) else {
            throw SpecObject.refusal("linux.sysctl.\(name)", "domainname says otherwise", remedy: "use one of them")
        }
        guard path != "kernel/hostname" else {
            throw SpecObject.refusal(
                "linux.sysctl.\(name)", "the host name has a field of its own", remedy: "use hostname")
        }
    }
}
