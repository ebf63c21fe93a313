public import Containers
public import Diagnostics
public import HostProbe
public import LaunchPlanning

/// What an isolator decides by. All of it is values, so the same context gives the same contribution.
public struct LaunchContext: Sendable {
    public var request: ContainerRequest
    public var host: HostAbilities
    /// The root file system the snapshotter prepared.
    public var root: RootTree
    public var filters: any FilterCompiling
    /// Whether somebody reads the output as it comes, besides the log.
    public var hasReader: Bool
    /// The directory that has the container's record as long as there is the container.
    public var holder: String

    public init(
        request: ContainerRequest, host: HostAbilities, root: RootTree, filters: any FilterCompiling, hasReader: Bool,
        holder: String = ""
    ) {
        self.holder = holder
        self.request = request
        self.host = host
        self.root = root
        self.filters = filters
        self.hasReader = hasReader
    }

    /// Refuses unless the host enforces `feature`, or the user accepted to go without. Returns whether it is enforced.
    func demand(_ feature: Feature, for what: String, flag: String) throws(Failure) -> Bool {
        let ability = host.ability(feature)
        if ability.state == .enforced { return true }
        if request.isolation.allowedUnenforced.contains(feature.rawValue) { return false }
        throw Failure(
            "host.cannot-enforce", doing: "enforce \(what) on this host", cause: ability.why,
            remedy: (ability.remedy.map { $0 + ", or " } ?? "")
                + "accept it unenforced with --allow-unenforced \(feature.rawValue)",
            field: flag)
    }
}

/// One kernel feature of a container, in one file.
///
/// `prepare` is pure. `establish` runs before the process exists, `attach` after it exists and before it is released;
/// both are undone by `cleanUp`, which may be called twice, in any state, and for containers it never saw.
public protocol Isolator: Sendable {
    var name: String { get }
    func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution
    func establish(_ context: LaunchContext) throws(Failure)
    func attach(_ context: LaunchContext, process: Int32) throws(Failure)
    func cleanUp(_ id: ContainerID, host: HostAbilities) throws(Failure)
}

extension Isolator {
    public func establish(_ context: LaunchContext) throws(Failure) {}
    public func attach(_ context: LaunchContext, process: Int32) throws(Failure) {}
    public func cleanUp(_ id: ContainerID, host: HostAbilities) throws(Failure) {}
}

public enum Isolators {
    /// Order is meaning: prepared top to bottom, cleaned up bottom to top.
    public static let all: [any Isolator] = [
        UserNamespaceIsolator(), NamespaceIsolator(), ControlGroupIsolator(), DeviceIsolator(),
        DiskIsolator(), RootFilesystemIsolator(),
        KernelFilesystemIsolator(), VolumeIsolator(), SecretIsolator(), HostFilesIsolator(), PathIsolator(),
        IdentityIsolator(),
        NetworkIsolator(), ResourceLimitIsolator(), ProcessIsolator(), SecurityLabelIsolator(), AppArmorIsolator(),
        CredentialIsolator(), PrivilegeIsolator(), LandlockIsolator(), SeccompIsolator(),
    ]
}
