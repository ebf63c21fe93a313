import Containers
public import Diagnostics
public import LaunchPlanning

/// Host directories and files shown to the container, and file systems in memory. Never setuid, never devices.
public struct VolumeIsolator: Isolator {
    public let name = "volumes"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        let targets = Self.targets(context.request)
        for mount in context.request.mountsInOrder {
            switch mount {
            case .volume(let volume, _):
                try Self.check(volume.target, flag: "volume")
                try Self.checkSource(volume.source)
                add(volume, to: &contribution)
            case .temporary(let filesystem):
                try Self.check(filesystem.target, flag: "tmpfs")
                let place = TargetPath(filesystem.target)
                add(
                    filesystem, holdsOthers: targets.contains(where: place.isAbove),
                    label: SecurityLabelIsolator.options(context), to: &contribution)
            }
        }
        return contribution
    }

    /// Everything that is mounted in the container from here on, by us and by the isolators after us.
    private static func targets(_ request: ContainerRequest) -> [TargetPath] {
        let secrets = (request.secrets ?? []).compactMap(\.target)
        let files = HostFilesIsolator.files(request.isolation).map { "/etc/" + $0.name }
        return (request.mountsInOrder.map(\.target) + secrets + files).map { TargetPath($0) }
    }

    private func add(_ volume: VolumeRequest, to contribution: inout PlanContribution) {
        var attributes: MountAttributes = [.noSetuid, .noDevices]
        if volume.readOnly { attributes.insert(.readOnly) }
        if volume.noExecute { attributes.insert(.noExecute) }
        let tree = DescriptorName("volume:\(volume.target)")
        contribution.open(
            tree,
            .hostTree(
                path: volume.source, kind: volume.isFile ? .file : .directory, attributes: attributes, recursive: true,
                mapped: volume.mapped, beneath: volume.confinedTo))
        contribution.add(
            .attach(
                tree: tree, target: volume.target, kind: volume.isFile ? .file : .directory, resolve: .create),
            at: .volumes)
    }

    /// `holdsOthers`: something is mounted below it. It is empty, so the places for that have to be made in it first,
    /// and a read-only one is read-only only when all of them are taken.
    private func add(
        _ filesystem: TemporaryFilesystem, holdsOthers: Bool, label: [String],
        to contribution: inout PlanContribution
    ) {
        var attributes: MountAttributes = [.noSetuid, .noDevices]
        if filesystem.readOnly, !holdsOthers { attributes.insert(.readOnly) }
        if !filesystem.execute { attributes.insert(.noExecute) }
        let options =
            ["mode=\(String(filesystem.mode, radix: 8))"] + MemoryFilesystem.options(bytesMax: filesystem.limit) + label
        contribution.add(
            .mount(
                type: "tmpfs", target: filesystem.target, attributes: attributes, resolve: .create, options: options),
            at: .volumes)
        guard filesystem.readOnly, holdsOthers else { return }
        contribution.add(.setAttributes(filesystem.target, set: .readOnly, clear: [], recursive: false), at: .paths)
    }

    /// A volume may not stand in for, or above, what the runtime itself puts in place.
    static func check(_ target: String, flag: String) throws(Failure) {
        let components = target.cut(at: "/").filter { $0 != "." }
        let reserved: Set<Substring> = ["proc", "sys"]
        let problem: String? =
            !target.begins(with: "/")
            ? "the target is not an absolute path"
            : components.isEmpty
                ? "the target is the root itself"
                : components.contains("..")
                    ? "the target holds '..'"
                    : reserved.contains(components[0])
                        ? "/\(components[0]) belongs to the runtime"
                        : components == ["dev"] ? "/dev belongs to the runtime" : nil
        guard let problem else { return }
        throw Failure(
            "volume.bad-target", doing: "mount a volume at", on: target, cause: problem,
            remedy: "choose another place in the container", field: flag)
    }

    /// Host paths that would hand the host over; a directory below them is the operator's choice.
    private static func checkSource(_ source: String) throws(Failure) {
        guard source.begins(with: "/") else {
            throw Failure(
                "volume.bad-source", doing: "mount the volume", on: source, cause: "the source is not an absolute path",
                remedy: "give the host directory or file as an absolute path", field: "volume")
        }
        if let place = openingTheHost(source) {
            throw Failure(
                "volume.refused-source", doing: "mount the volume", on: source,
                cause: "the host's \(place) opens the host to the container",
                remedy: "give a directory made for this purpose", field: "volume")
        }
    }

    /// What part of the host a path hands over: `root`, `/proc`, `/sys` or `/dev`; nil for any other path. By the text
    /// alone, so whoever opens the path asks again about what was found.
    public static func openingTheHost(_ path: String) -> String? {
        let components = path.cut(at: "/").filter { $0 != "." }
        guard let first = components.first else { return "root" }
        return ["proc", "sys", "dev"].contains(first) ? "/\(first)" : nil
    }
}
