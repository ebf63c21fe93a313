import Containers
public import Diagnostics
import HostProbe
public import LaunchPlanning

/// Where the root is read-only, Landlock denies what the mounts deny, landlock(7): writing anywhere but in the volumes
/// and file systems in memory that are writable. A mount that lost its read-only flag would still not be written.
///
/// A root that can be written has no such rule: Landlock's lists say what is allowed, with everything below it, so one
/// volume cannot be taken out of a writable tree (Docs/Decisions/0113).
public struct LandlockIsolator: Isolator {
    public let name = "landlock"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        let request = context.request
        guard request.isolation.readOnlyRoot, request.isolation.noNewPrivileges,
            context.host.ability(.landlock).state == .enforced
        else { return contribution }
        contribution.add(.confineWrites(to: Self.writable(request)), at: .noNewPrivileges)
        return contribution
    }

    static func writable(_ request: ContainerRequest) -> [String] {
        let own = ["/proc", "/dev/shm", "/dev/mqueue", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"]
        return own + request.volumes.filter { !$0.readOnly }.map(\.target)
            + request.temporaryFilesystems.filter { !$0.readOnly }.map(\.target)
    }
}
