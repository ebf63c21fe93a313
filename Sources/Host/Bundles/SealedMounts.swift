public import Diagnostics
public import LaunchPlanning
import RuntimeSpec

/// File systems made empty that are to be read-only become so when everything is in them: other mounts, and in `/dev`
/// nodes, links and the console.
public struct SealedMounts: BundleContributor {
    public init() {}

    static func isDevices(_ path: String) -> Bool { path == "/dev" || path == "/dev/" }

    /// Whether the mount at `index` is made writable first. One that a later mount covers is never seen again, and what
    /// covers it has attributes of its own.
    static func seals(_ index: Int, of mounts: [MountSpec]) -> Bool {
        let mount = mounts[index]
        guard mount.type == "tmpfs" || isDevices(mount.destination) else { return false }
        let options = MountOptions(mount.options, type: mount.type)
        let isReadOnly = options.set.union(options.recursiveSet).contains(.readOnly)
        guard isReadOnly, !options.isBind, !options.isRemount else { return false }
        let parts = place(mount.destination)
        return !mounts[(index + 1)...].contains {
            parts.starts(with: place($0.destination)) && !MountOptions($0.options, type: $0.type).isRemount
        }
    }

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "mounts")
        guard context.buildsRoot else { return contribution }
        let mounts = context.configuration.mounts
        for (index, mount) in mounts.enumerated() where Self.seals(index, of: mounts) {
            let target = mount.destination.begins(with: "/") ? mount.destination : "/" + mount.destination
            contribution.add(.setAttributes(target, set: .readOnly, clear: [], recursive: false), at: .terminal)
        }
        return contribution
    }

    private static func place(_ path: String) -> [Substring] { path.cut(at: "/").filter { $0 != "." } }
}
