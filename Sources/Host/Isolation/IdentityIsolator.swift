import Containers
public import Diagnostics
public import LaunchPlanning

/// Host name, namespaced sysctls and an empty session keyring, keyrings(7).
public struct IdentityIsolator: Isolator {
    public let name = "identity"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        let isolation = context.request.isolation
        var contribution = PlanContribution(isolator: name)
        contribution.add(.setHostname(try Self.checked(isolation.hostname, flag: "hostname")), at: .identity)
        if let domain = isolation.domainname {
            contribution.add(.setDomainname(try Self.checked(domain, flag: "domainname")), at: .identity)
        }
        contribution.add(.newKeyring, at: .identity)
        for (name, value) in isolation.sysctls.sorted(by: { $0.key < $1.key }) {
            contribution.add(.sysctl(name: try Sysctl.path(name, value: value, isolation), value: value), at: .identity)
        }
        return contribution
    }

    /// hostname(7): letters, digits, `-` and `.`, at most 64 bytes.
    private static func checked(_ text: String, flag: String) throws(Failure) -> String {
        let valid =
            !text.isEmpty && text.utf8.count <= 64
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0)
                    || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f
            }
        guard valid else {
            throw Failure(
                "isolation.bad-hostname", doing: "set the \(flag)", on: text,
                cause: "a \(flag) has 1 to 64 letters, digits, '-', '_' and '.'", remedy: "give another --\(flag)",
                field: flag)
        }
        return text
    }
}

/// Which sysctls belong to a container's namespaces. Anything else would change the host (CVE-2022-0811).
enum Sysctl {
    private static let ipc: Set<String> = [
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    ]

    private static let strangerProblem = "it does not belong to a namespace of the container"

    private static func networkProblem(_ network: IsolationRequest.Network) -> String? {
        switch network {
        case .none, .bridge, .plugins: nil
        case .host: "the container uses the host's network"
        case .container: "it belongs to the container whose network is shared"
        }
    }

    /// The file below /proc/sys for `name`, or a refusal.
    static func path(_ name: String, value: String, _ isolation: IsolationRequest) throws(Failure) -> String {
        let wellFormed = name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x5f
                || $0 == 0x2e || $0 == 0x2d
        }
        let components = name.cut(at: ".", omittingEmptySubsequences: false)
        let problem: String? =
            !wellFormed || components.contains("")
            ? "it is not a sysctl name"
            : value.has("\n") || value.has("\0") || value.utf8.count > 256
                ? "its value is not one short line"
                : name.begins(with: "fs.mqueue.") || ipc.contains(name)
                    ? (isolation.sharesWithContainer ? "it belongs to the container whose memory is shared" : nil)
                    : name.begins(with: "net.") ? networkProblem(isolation.network) : strangerProblem
        if let problem {
            throw Failure(
                "isolation.refused-sysctl", doing: "set the sysctl", on: name, cause: problem,
                remedy:
                    "only net.*, fs.mqueue.* and the kernel.msg*, kernel.sem and kernel.shm* sysctls are a container's",
                field: "sysctl")
        }
        return components.joined(separator: "/")
    }
}
