import Containers
public import Diagnostics
public import LaunchPlanning

/// The container's root, assembled from detached mounts and attached only inside its own mount namespace.
public struct RootFilesystemIsolator: Isolator {
    public let name = "root-filesystem"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        _ = try context.demand(.detachedMounts, for: "mounts of its own", flag: "mount namespace")
        _ = try context.demand(.idmappedLayers, for: "layers mapped to the container's users", flag: "userns")
        var contribution = PlanContribution(isolator: name)
        contribution.open("root", .rootTree(context.root))
        contribution.add(.propagation(.private), at: .root)
        // "/" of the new mount namespace: a place that every host has and that the launcher may always reach.
        contribution.add(.attachRoot(tree: "root", anchor: "/"), at: .root)
        contribution.add(
            .makeDirectory(context.request.process.workingDirectory, mode: 0o755, uid: 0, gid: 0), at: .volumes)
        if context.request.isolation.readOnlyRoot {
            contribution.add(.rootAttributes(set: .readOnly, clear: [], recursive: false), at: .paths)
        }
        contribution.add(.enterRoot, at: .enterRoot)
        return contribution
    }
}
