public import Diagnostics
public import LaunchPlanning
import RuntimeSpec

/// root and linux.rootfsPropagation.
public struct BundleRoot: BundleContributor {
    public init() {}

    /// The kind of propagation an option or rootfsPropagation names, and whether everything below gets it as well.
    static func propagation(_ word: String) -> (kind: MountPropagation, recursive: Bool)? {
        let recursive = word.begins(with: "r")
        return switch recursive ? String(word.dropFirst()) : word {
        case "private": (.private, recursive)
        case "slave": (.slave, recursive)
        case "shared": (.shared, recursive)
        case "unbindable": (.unbindable, recursive)
        default: nil
        }
    }

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "root")
        guard context.buildsRoot else { return contribution }
        guard let path = context.rootPath else {
            throw SpecObject.refusal("root", "it is missing", remedy: "name the root file system")
        }
        contribution.open("root", .bundleTree(BundleTree(path: path, recursive: true)))
        // What is another's namespace stays as it is for those who live in it.
        let isNew = context.isNew("mount")
        if isNew { contribution.add(.propagation(.private), at: .root) }
        // Hooks that run in the container before its root is entered look for it there. In a user namespace the way to
        // it may be closed, and "/" is reached from everywhere.
        let anchor = context.sharesMounts ? context.anchor : context.hasUserNamespace ? "/" : path
        contribution.add(.attachRoot(tree: "root", anchor: anchor), at: .root)
        if context.sharesMounts {
            try refuseUserNamespace(context)
            // Below a shared mount it would be shared, and so would be all that is mounted in it.
            contribution.add(.setPropagation("/", .private, recursive: true), at: .root)
        }
        if context.configuration.root?.isReadOnly == true {
            contribution.add(.rootAttributes(set: .readOnly, clear: [], recursive: false), at: .enterRoot)
        }
        let pivots = !context.options.changesRootWithoutPivot && isNew
        // In another's mount namespace they are that one's own.
        if !pivots, isNew {
            for path in try context.kernelMounts() { contribution.add(.detach(path), at: .enterRoot) }
        }
        // What is over "/" already cannot be moved there.
        let isThere = context.sharesMounts || (!pivots && anchor == "/")
        contribution.add(isThere ? .takeRoot(nil) : pivots ? .enterRoot : .changeRoot, at: .enterRoot)
        if let word = context.linux.rootfsPropagation, !word.isEmpty {
            guard let (kind, recursive) = Self.propagation(word) else {
                throw SpecObject.refusal("linux.rootfsPropagation", "there is no propagation \(Untrusted.shown(word))")
            }
            if kind != .private { contribution.add(.setPropagation("/", kind, recursive: recursive), at: .enterRoot) }
        }
        return contribution
    }

    /// Its root may mount nothing where the host's mounts are.
    private func refuseUserNamespace(_ context: BundleContext) throws(Failure) {
        guard context.hasUserNamespace else { return }
        throw SpecObject.refusal(
            "linux.namespaces", "a user namespace needs a mount namespace of its own",
            remedy: "add a namespace of type mount")
    }

    /// Only chroot(2) keeps it where it is, and whoever may do the same gets out; or what it is mounted over is still
    /// there, for whoever may unmount.
    static func notes(_ context: BundleContext) -> [String] {
        let stays = context.sharesMounts || context.options.changesRootWithoutPivot
        guard stays, let bounding = context.process?.capabilities?.bounding else { return [] }
        let ways = CapabilitySet(context.sharesMounts ? [.sysChroot, .sysAdmin, .sysPtrace] : [.sysAdmin])
        let held = bounding.intersection(ways).names.joined(separator: ", ")
        let reason = context.sharesMounts ? "without a mount namespace" : "without pivot_root(2)"
        return held.isEmpty ? [] : ["\(reason) \(held) reaches the host's files"]
    }
}
