import ClusterModel
import Containers
import Diagnostics

/// What of the host a container sees: its sandbox, and the volumes it asks for and may have.
extension TaskLaunch {
    /// The volumes, and the directories that must be there for them.
    func volumes(of draft: Draft) throws(Failure) -> (volumes: [VolumeRequest], directories: [String]) {
        let most = configuration.bounds.volumesMax
        guard (draft.container?.volumes.count ?? 0) + draft.hostVolumes.count <= most else {
            throw refusal(
                "launch.volume", "it asks for more than \(most) volumes: volumesMax", remedy: "ask for fewer",
                field: "container.volumes")
        }
        var directories: [String] = []
        // Inside its parent's it stays under its parent's limit, also when it has ended.
        let isInLimited = draft.isOrdered && draft.parent?.launch.limits.disk != nil
        var volumes = [
            VolumeRequest(
                source: draft.sandbox.path, target: policy.sandboxTarget, countsAsOwn: isInLimited ? nil : true,
                confinedTo: confinement(of: draft))
        ]
        for (index, mount) in (draft.container?.volumes ?? []).enumerated() {
            if case .secret = mount.source { continue }
            let field = "container.volumes[\(index)]"
            let source = try source(of: mount, number: index, draft, field: field)
            if source.isInSandbox { directories.append(source.path) }
            volumes.append(
                VolumeRequest(
                    source: source.path, target: try target(mount.containerPath, field: field),
                    readOnly: mount.mode == .readOnly, confinedTo: source.root))
        }
        for (asked, field) in draft.hostVolumes {
            var volume = asked
            volume.confinedTo = try allowed(volume.source, isWritten: !volume.readOnly, field: field)
            volume.target = try target(volume.target, field: field)
            volumes.append(volume)
        }
        for resource in draft.resources where resource.isPersistentVolume {
            volumes.append(try persistentVolume(resource))
        }
        let targets =
            volumes.map(\.target) + (try secretTargets(of: draft)) + draft.temporaryFilesystems.map(\.target)
        var seen: Set<TargetPath> = []
        for path in targets where !seen.insert(TargetPath(path)).inserted {
            throw refusal(
                "launch.volume", "two volumes are at '\(path)'", remedy: "give each its own path",
                field: "container.volumes")
        }
        return (volumes, directories)
    }

    /// Where a volume is on the host follows from what the resource says of itself, and whoever asks writes that: only
    /// one the agent has, as the operator or an operation made it, may be believed.
    private func persistentVolume(_ resource: Resource) throws(Failure) -> VolumeRequest {
        var asked = resource
        asked.allocatedTo = nil
        let isOwn = totals.contains { total in
            var own = total
            own.allocatedTo = nil
            return own.isSameKind(as: asked)
        }
        guard isOwn else {
            throw refusal(
                "launch.volume", "this agent has no volume \(resource)",
                remedy: "use a volume of a current offer", field: "resources")
        }
        guard let path = SandboxLayout.volume(resource, below: configuration.workDirectory),
            let volume = resource.disk?.volume
        else {
            throw refusal(
                "launch.volume", "the volume \(resource) has no directory", remedy: "use a PATH or MOUNT disk",
                field: "resources")
        }
        return VolumeRequest(
            source: path, target: try target(volume.containerPath, field: "resources"),
            readOnly: volume.mode == .readOnly, confinedTo: SandboxLayout.confinement(ofVolume: path, resource))
    }

    /// A log of the container's.
    func output(_ name: String, of draft: Draft) -> OutputFile {
        OutputFile(
            path: "\(draft.sandbox.path)/\(name)", bytesMax: policy.logBytesMax, confinedTo: confinement(of: draft))
    }

    private func source(
        of mount: VolumeMount, number: Int, _ draft: Draft, field: String
    ) throws(Failure) -> (path: String, root: String?, isInSandbox: Bool) {
        let own = confinement(of: draft)
        switch mount.source {
        case nil: return (draft.sandbox.path + "/.volumes/\(number)", own, true)
        case .hostPath(let path, let propagation):
            if propagation == .bothWays {
                throw refusal(
                    "launch.volume", "mounts inside a container never show on the host",
                    remedy: "leave mount_propagation out", field: field)
            }
            if propagation == .fromHost {
                throw refusal(
                    "launch.volume", "mounts that the host makes later do not show in a container",
                    remedy: "leave mount_propagation out, or name the mount itself", field: field)
            }
            guard path.begins(with: "/") else {
                return (draft.sandbox.path + "/" + (try plain(path, field: field)), own, true)
            }
            return (path, try allowed(path, isWritten: mount.mode == .readWrite, field: field), false)
        case .sandbox(.own, let path):
            return (draft.sandbox.path + "/" + (try plain(path, field: field)), own, true)
        case .sandbox(.parent, let path):
            guard let parent = draft.parent else {
                throw refusal(
                    "launch.volume", "it has no parent whose sandbox it could use",
                    remedy: "use SELF, or run it in a group", field: field)
            }
            return (parent.sandbox.path + "/" + (try plain(path, field: field)), own, true)
        case .image: throw unserved("images as volumes", field)
        case .driver: throw unserved("volumes of other engines' drivers", field)
        case .secret: throw unserved("secrets here", field)
        case .storage: throw unserved("storage plug-ins", field)
        }
    }

    private func unserved(_ what: String, _ field: String) -> Failure {
        refusal("launch.volume", "this agent has no \(what)", remedy: "use HOST_PATH or SANDBOX_PATH", field: field)
    }

    /// A path below another one, without a way out of it.
    private func plain(_ path: String, field: String) throws(Failure) -> String {
        let parts = path.cut(at: "/").filter { $0 != "." }
        guard !parts.isEmpty, !parts.contains(".."), !path.utf8.contains(0) else {
            throw refusal(
                "launch.volume", "'\(path)' does not stay where it belongs", remedy: "use a path without '..'",
                field: field)
        }
        return parts.joined(separator: "/")
    }

    /// Where it appears: relative paths are in the sandbox.
    func target(_ path: String, field: String) throws(Failure) -> String {
        let inside = try plain(path, field: field)
        return path.begins(with: "/") ? "/" + inside : policy.sandboxTarget + "/" + inside
    }

    /// What links in this sandbox may not lead out of. One that lies in another's is within that one's reach.
    func confinement(of draft: Draft) -> String {
        SandboxLayout.outermost(of: draft.sandbox.path, below: configuration.workDirectory)
    }

    /// The directory the operator lets tasks have, in which the path is; nil for the whole host.
    private func allowed(_ path: String, isWritten: Bool, field: String) throws(Failure) -> String? {
        let normal = "/" + (try plain(path, field: field))
        let rule = policy.hostPaths.first {
            normal.isSame(as: $0.path) || normal.begins(with: $0.path + "/") || $0.path == "/"
        }
        guard let rule, rule.isWritable || !isWritten else {
            throw refusal(
                "launch.host-path",
                rule == nil
                    ? "this agent does not show tasks the host's '\(normal)'"
                    : "tasks of this agent may only read the host's '\(normal)'",
                remedy: "start the agent with --host-path \(normal)\(isWritten ? ":rw" : "")", field: field)
        }
        return rule.path == "/" ? nil : rule.path
    }
}
