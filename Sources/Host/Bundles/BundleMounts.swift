public import Diagnostics
public import LaunchPlanning
import RuntimeSpec

/// `mounts`, in their order. What is bound is opened on the host and handed over; file systems are made inside.
public struct BundleMounts: BundleContributor {
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "mounts")
        guard context.buildsRoot else { return contribution }
        for (index, mount) in context.configuration.mounts.enumerated() {
            var mount = mount
            if !mount.destination.begins(with: "/") { mount.destination = "/" + mount.destination }
            // Where a mount would cover the root nobody would ever see it.
            guard mount.destination.cut(at: "/").contains(where: { $0 != "." && $0 != ".." }) else {
                throw SpecObject.refusal("\(mount.place).destination", "it is the root itself", remedy: "use root")
            }
            let options = MountOptions(mount.options, type: mount.type)
            if options.isRemount {
                try addChange(mount, options, to: &contribution)
            } else if options.isBind {
                try addBind(mount, options, index: index, context, to: &contribution)
            } else if mount.type == "cgroup" || mount.type == "cgroup2" {
                try addGroups(mount, options, index: index, context, to: &contribution)
            } else {
                try addFilesystem(mount, options, index: index, context, to: &contribution)
            }
        }
        if let directory = context.process?.workingDirectory, directory != "/" {
            contribution.add(.makeDirectory(directory, mode: 0o755, uid: 0, gid: 0), at: .volumes)
        }
        return contribution
    }

    private func rules(_ options: MountOptions) -> TargetRules {
        options.refusesLinks ? [.create, .noLinks] : .create
    }

    private func addBind(
        _ mount: MountSpec, _ options: MountOptions, index: Int, _ context: BundleContext,
        to contribution: inout PlanContribution
    ) throws(Failure) {
        guard let source = mount.source, !source.isEmpty else {
            throw SpecObject.refusal("\(mount.place).source", "a bind mount needs one")
        }
        // The words of another runtime. What is bound would show its files with owners that nobody asked for.
        if options.data.contains(where: { $0.begins(with: "idmap=") || $0.begins(with: "ridmap=") }) {
            throw SpecObject.refusal(
                "\(mount.place).options", "idmap takes no value", remedy: "name the ids in uidMappings and gidMappings")
        }
        let path = source.begins(with: "/") ? source : "\(context.bundle)/\(source)"
        guard let isDirectory = options.isLinkItself ? false : context.isDirectory(path) else {
            throw Failure(
                "bundle.no-source", doing: "mount \(Untrusted.shown(path)) at \(Untrusted.shown(mount.destination))",
                cause: "No such file or directory", remedy: "make it first", field: "\(mount.place).source")
        }
        var tree = BundleTree(
            path: path, recursive: options.bindsRecursively, set: options.set, clear: options.clear,
            recursiveSet: options.recursiveSet, recursiveClear: options.recursiveClear,
            isLinkItself: options.isLinkItself)
        let inherited = context.linux.rootfsPropagation.flatMap { BundleRoot.propagation($0) }
        (tree.propagation, tree.propagatesRecursively) = options.propagation ?? inherited ?? (.private, true)
        tree.idmap = try map(mount, options, context)
        let name = DescriptorName("mount:\(index)")
        contribution.open(name, .bundleTree(tree))
        var resolve = rules(options)
        if options.isLinkItself { resolve.insert(.linkItself) }
        contribution.add(
            .attach(tree: name, target: mount.destination, kind: isDirectory ? .directory : .file, resolve: resolve),
            at: .volumes)
        // What was shared before stays in its group; what was not gets one of its own.
        if let (kind, recursive) = options.propagation, kind == .shared {
            contribution.add(.setPropagation(mount.destination, .shared, recursive: recursive), at: .volumes)
        }
    }

    /// `remount`: gives the mount that is there the attributes that are named. In mount(2) those that are not named are
    /// taken away, which would open a `nosuid` that nobody thought of.
    private func addChange(
        _ mount: MountSpec, _ options: MountOptions, to contribution: inout PlanContribution
    ) throws(Failure) {
        guard options.isBind || options.data.isEmpty else {
            throw SpecObject.refusal(
                "\(mount.place).options", "a remount changes attributes only, and \(options.data[0]) is none",
                remedy: "give it to the mount that is there in the first place")
        }
        // As `SealedMounts`: what is made in /dev later could not be made.
        let stage: Stage = SealedMounts.isDevices(mount.destination) ? .terminal : .volumes
        contribution.add(
            .setAttributes(mount.destination, set: options.set, clear: options.clear, recursive: false), at: stage)
        if !options.recursiveSet.union(options.recursiveClear).isEmpty {
            contribution.add(
                .setAttributes(
                    mount.destination, set: options.recursiveSet, clear: options.recursiveClear, recursive: true),
                at: stage)
        }
        guard let (kind, recursive) = options.propagation else { return }
        contribution.add(.setPropagation(mount.destination, kind, recursive: recursive), at: stage)
    }

    private func map(
        _ mount: MountSpec, _ options: MountOptions, _ context: BundleContext
    ) throws(Failure) -> BundleTree.IDMap {
        if !mount.users.isEmpty {
            return .maps(
                users: mount.users.map { IDMapping(inside: $0.inside, outside: $0.outside, count: $0.count) },
                groups: mount.groups.map { IDMapping(inside: $0.inside, outside: $0.outside, count: $0.count) },
                recursive: options.idmap.recursive)
        }
        guard options.idmap.mapped else { return .none }
        guard context.hasUserNamespace else {
            throw SpecObject.refusal(
                "\(mount.place).options", "idmap without uidMappings needs a user namespace",
                remedy: "give the mount uidMappings and gidMappings")
        }
        return .container(recursive: options.idmap.recursive)
    }

    private func addFilesystem(
        _ mount: MountSpec, _ options: MountOptions, index: Int, _ context: BundleContext,
        to contribution: inout PlanContribution
    ) throws(Failure) {
        guard let type = mount.type, !type.isEmpty else {
            throw SpecObject.refusal("\(mount.place).type", "it is missing, and the mount is no bind mount")
        }
        guard mount.users.isEmpty, !options.idmap.mapped else {
            throw SpecObject.refusal(
                "\(mount.place).uidMappings", "only what is bound can be mapped", remedy: "use a bind mount")
        }
        var data = options.data
        if let source = mount.source, !source.isEmpty { data.insert("source=\(source)", at: 0) }
        data = try BundleLabels.labelled(data, type: type, context)
        // Where they are is what files of the kernel are trusted by: no link of an image may lead elsewhere.
        let isKernels = type == "proc" || type == "sysfs" || mount.destination == "/dev"
            || mount.destination.begins(with: "/dev/")
        var resolve: TargetRules = isKernels ? [.create, .noLinks] : rules(options)
        if options.copiesUp, type == "tmpfs" { resolve.insert(.copying) }
        if type == "tmpfs", !data.contains(where: { $0.begins(with: "mode=") }) { resolve.insert(.keepsMode) }
        var attributes = options.set.union(options.recursiveSet)
        if SealedMounts.seals(index, of: context.configuration.mounts) { attributes.remove(.readOnly) }
        contribution.add(
            .mount(
                type: type, target: mount.destination, attributes: attributes,
                resolve: resolve, options: data), at: .volumes)
        if let (kind, recursive) = options.propagation, kind != .private {
            contribution.add(.setPropagation(mount.destination, kind, recursive: recursive), at: .volumes)
        }
    }

    /// Documentation/admin-guide/cgroup-v2.rst, "Mounting".
    private static let groupOptions = [
        "nsdelegate", "favordynmods", "nofavordynmods", "memory_localevents", "memory_recursiveprot",
        "memory_hugetlb_accounting", "pids_localevents",
    ]

    /// The container's own groups, bound: a mount of cgroup2 can wait for milliseconds in the kernel.
    private func addGroups(
        _ mount: MountSpec, _ options: MountOptions, index: Int, _ context: BundleContext,
        to contribution: inout PlanContribution
    ) throws(Failure) {
        // The file system is mounted already, so its options could change nothing; those that no kernel has are wrong.
        for word in options.data where !Self.groupOptions.contains(word) {
            throw SpecObject.refusal(
                "\(mount.place).options", "\(Untrusted.shown(word)): Invalid argument",
                remedy: "see the mount options of cgroups(7)")
        }
        func bind(_ path: String, _ target: String, _ name: String) {
            let name = DescriptorName(name)
            contribution.open(
                name, .bundleTree(BundleTree(path: path, recursive: false, set: options.set, clear: options.clear)))
            contribution.add(.attach(tree: name, target: target, kind: .directory, resolve: .create), at: .volumes)
        }
        switch context.groups {
        case .none: break
        case .unified(let path): bind(path, mount.destination, "cgroup:\(index)")
        case .legacy(let directories, let links):
            contribution.add(
                .mount(
                    type: "tmpfs", target: mount.destination, attributes: options.set.subtracting(.readOnly),
                    resolve: .create,
                    options: try BundleLabels.labelled(["source=tmpfs", "mode=755"], type: "tmpfs", context)),
                at: .volumes)
            for (name, path) in directories { bind(path, "\(mount.destination)/\(name)", "cgroup:\(index):\(name)") }
            for (name, target) in links {
                contribution.add(.makeLink("\(mount.destination)/\(name)", destination: target), at: .volumes)
            }
            if options.set.contains(.readOnly) {
                contribution.add(
                    .setAttributes(mount.destination, set: .readOnly, clear: [], recursive: false), at: .volumes)
            }
        }
    }
}
