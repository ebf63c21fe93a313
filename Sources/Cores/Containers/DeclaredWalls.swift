/// What an order for a container and the container's own record say alike, value by value: for whoever compares them.
/// What is decided between the two (identities, capabilities by account, addresses) is left out.
public enum DeclaredWalls {
    public static func of(_ launch: ContainerLaunch) -> [String: String] {
        var walls = of(launch.isolation, launch.limits)
        if case .image(let name) = launch.root, launch.program != .hold { walls["image"] = name }
        return walls
    }

    public static func of(_ request: ContainerRequest) -> [String: String] {
        var walls = of(request.isolation, request.limits)
        // Those without an image have a word in parentheses there.
        if request.holdsOnly != true, !request.image.reference.begins(with: "(") {
            walls["image"] = request.image.reference
        }
        return walls
    }

    private static func of(_ isolation: IsolationRequest, _ limits: ContainerLimits) -> [String: String] {
        var walls = [
            "network": isolation.network.reportName, "seccomp": isolation.seccomp.reportName,
            "no_new_privs": "\(isolation.noNewPrivileges)", "read_only_root": "\(isolation.readOnlyRoot)",
            "proc": isolation.procView.rawValue, "masked_paths": isolation.maskedPaths.joined(separator: " "),
            "read_only_paths": isolation.readOnlyPaths.joined(separator: " "),
            "devices": isolation.devices.map { "\($0.kind) \($0.major):\($0.minor) \($0.access)" }
                .joined(separator: ", "),
            "sysctls": isolation.sysctls.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
                .joined(separator: ", "),
            "oom_score": "\(isolation.oomScore)", "init": "\(isolation.hasInit)",
        ]
        walls["apparmor"] = isolation.appArmor.map { "\($0)" }
        walls["security_label"] = isolation.securityLabel
        walls["memory"] = limits.memory.map { "\($0)" }
        walls["swap"] = limits.swap.map { "\($0)" }
        walls["cpus"] = limits.cpus.map { "\($0)" }
        walls["cpuset"] = limits.cpuset
        walls["pids"] = limits.pids.map { "\($0)" }
        walls["disk"] = limits.disk.map { "\($0)" }
        return walls
    }
}
