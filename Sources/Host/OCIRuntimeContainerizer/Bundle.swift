import Containers
import Diagnostics
import Isolation
import LaunchPlanning
import LinuxKernel
import OCIFormat

/// A container as the OCI runtime specification has it: a directory with config.json, and beside it the places where
/// root file system and volumes are mounted, in a mount namespace that only the runtime's program is in.
struct Bundle: Sendable {
    let context: LaunchContext
    let launcherPath: String
    let path: String
    private var request: ContainerRequest { context.request }

    init(_ context: LaunchContext, launcherPath: String, path: String) {
        self.context = context
        self.launcherPath = launcherPath
        self.path = path
    }

    /// Makes everything that is on disk. The container's own root passes through the directory, so others may too.
    func write() throws(Failure) {
        do throws(KernelError) {
            for part in ["", "/rootfs", "/volumes", "/etc"] { try Directories.makeAll(path + part, mode: 0o711) }
            for (index, volume) in request.volumes.enumerated() {
                if volume.isFile {
                    _ = try OwnedDescriptor.open(
                        RawPath(source(index)), [.writeOnly, .create, .noFollow], mode: 0o644)
                } else {
                    try Directories.makeAll(source(index), mode: 0o755)
                }
            }
            for (name, text) in files {
                let file = try OwnedDescriptor.open(
                    RawPath("\(path)/etc/\(name)"), [.writeOnly, .create, .truncate, .noFollow], mode: 0o644)
                try file.changeOwner(
                    uid: request.isolation.identities.base, gid: request.isolation.identities.base)
                try file.write(text)
            }
            try OwnedDescriptor.open(
                RawPath(path + "/config.json"), [.writeOnly, .create, .truncate, .noFollow], mode: 0o600
            ).write(config.text)
        } catch {
            throw error.failure("state.unwritable", doing: "make the bundle of the container", on: path)
        }
    }

    private func source(_ index: Int) -> String { "\(path)/volumes/\(index)" }

    private var files: [(name: String, text: String)] {
        let covered = Set(request.volumes.map { TargetPath($0.target) })
        return HostFilesIsolator.files(request.isolation).filter { !covered.contains(TargetPath("/etc/" + $0.name)) }
    }

    // MARK: What the runtime's program is started by

    /// On the host, in a mount namespace of its own: the root and the volumes are attached where config.json says, then
    /// the program is executed with our descriptors. `hidingGroups` is for a program that refuses to work where both
    /// versions of cgroups are mounted, although it is told to leave them alone: it sees none.
    func outerPlan(executing words: [String], hidingGroups: Bool) -> LaunchPlan {
        var plan = LaunchPlan(
            spawn: SpawnOptions(namespaces: .mount, userMap: [], groupMap: [], inControlGroup: false),
            descriptors: [
                "plan": .stream(3), "socket": .stream(4), "root": .rootTree(context.root),
                "streams": .outputFile(path: path + "/streams", isLimited: false),
            ], steps: [])
        func add(_ step: Step) { plan.steps.append(PlannedStep(stage: .execute, isolator: "oci-runtime", step: step)) }
        add(.propagation(.private))
        if hidingGroups {
            add(
                .mount(
                    type: "tmpfs", target: "/sys/fs/cgroup", attributes: [.noSetuid, .noDevices, .noExecute],
                    resolve: [], options: []))
        }
        add(.attach(tree: "root", target: path + "/rootfs", kind: .directory, resolve: []))
        for (index, volume) in request.volumes.enumerated() {
            var attributes: MountAttributes = [.noSetuid, .noDevices]
            if volume.readOnly { attributes.insert(.readOnly) }
            if volume.noExecute { attributes.insert(.noExecute) }
            let kind: TargetKind = volume.isFile ? .file : .directory
            let name = DescriptorName("volume:\(index)")
            plan.descriptors[name] = .hostTree(
                path: volume.source, kind: kind, attributes: attributes, recursive: true, mapped: volume.mapped,
                beneath: volume.confinedTo)
            add(.attach(tree: name, target: source(index), kind: kind, resolve: []))
        }
        // A runtime may give its streams to the container's root: not the host's null device. Nobody reads or writes
        // this file, because the launcher inside has the task's own streams.
        add(.standardStreams(input: "streams", output: "streams", error: "streams"))
        add(.closeDescriptors(keep: 2))
        add(.execute(arguments: words, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]))
        return plan
    }

    // MARK: config.json

    var config: JSONValue {
        [
            "ociVersion": "1.0.2", "process": process,
            "root": ["path": "rootfs", "readonly": .bool(request.isolation.readOnlyRoot)],
            "hostname": .string(request.isolation.hostname), "mounts": .array(mounts), "linux": linux,
        ]
    }

    /// The launcher, as root inside: what it then gives up is the task's.
    private var process: JSONValue {
        let names = CapabilitySet(rawValue: request.isolation.capabilities | Self.launcherNeeds).names
        let held = JSONValue.array(names.map { .string($0) })
        return [
            "terminal": .bool(false), "user": ["uid": .number(0), "gid": .number(0)],
            "args": [.string(OCIRuntime.launcherTarget)], "env": [], "cwd": .string(request.process.workingDirectory),
            "capabilities": ["bounding": held, "effective": held, "permitted": held],
            "noNewPrivileges": .bool(false), "oomScoreAdj": .number(request.isolation.oomScore),
        ]
    }

    /// CHOWN, KILL, SETGID, SETUID, SETPCAP, capabilities(7): to become the task's user and to signal it.
    private static let launcherNeeds: UInt64 = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8

    private var mounts: [JSONValue] {
        let quiet = ["nosuid", "noexec", "nodev"]
        let memory = "size=\(request.isolation.sharedMemoryBytes)"
        var mounts = [
            Self.mount("/proc", "proc", "proc", quiet),
            Self.mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=1024k"]),
            Self.mount(
                "/dev/pts", "devpts", "devpts",
                ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5", "max=256"]),
            Self.mount("/dev/shm", "tmpfs", "shm", quiet + ["mode=1777", memory]),
            Self.mount("/dev/mqueue", "mqueue", "mqueue", quiet),
            Self.mount(OCIRuntime.launcherTarget, "bind", launcherPath, ["bind", "ro", "nosuid", "nodev"]),
        ]
        mounts.append(
            request.isolation.network == .host
                ? Self.mount("/sys", "none", "/sys", ["rbind", "ro"] + quiet)
                : Self.mount("/sys", "sysfs", "sysfs", ["ro"] + quiet))
        for mount in request.mountsInOrder {
            switch mount {
            case .volume(let volume, let number): mounts.append(Self.mount(volume, source(number)))
            case .temporary(let filesystem): mounts.append(Self.mount(filesystem))
            }
        }
        for (name, _) in files { mounts.append(Self.mount("/etc/" + name, "bind", "\(path)/etc/\(name)", ["bind"])) }
        return mounts
    }

    private static func mount(_ volume: VolumeRequest, _ source: String) -> JSONValue {
        mount(
            volume.target, "bind", source,
            ["rbind", volume.readOnly ? "ro" : "rw", "nosuid", "nodev"] + (volume.noExecute ? ["noexec"] : []))
    }

    private static func mount(_ filesystem: TemporaryFilesystem) -> JSONValue {
        var options = ["nosuid", "nodev", "mode=\(String(filesystem.mode, radix: 8))"]
        if filesystem.readOnly { options.append("ro") }
        if !filesystem.execute { options.append("noexec") }
        options += MemoryFilesystem.limits(bytesMax: filesystem.limit).map { "\($0.key)=\($0.value)" }
        return mount(filesystem.target, "tmpfs", "tmpfs", options)
    }

    private static func mount(_ target: String, _ type: String, _ source: String, _ options: [String]) -> JSONValue {
        [
            "destination": .string(target), "type": .string(type), "source": .string(source),
            "options": .array(options.map { .string($0) }),
        ]
    }

    private var linux: JSONValue {
        let isolation = request.isolation
        var namespaces = ["pid", "ipc", "uts", "mount", "user"]
        if isolation.network.isOwn { namespaces.append("network") }
        let map: JSONValue = [
            [
                "containerID": .number(0), "hostID": .number(isolation.identities.base),
                "size": .number(isolation.identities.count),
            ]
        ]
        var sysctls: [(String, JSONValue)] = []
        for (name, value) in isolation.sysctls.sorted(by: { $0.key < $1.key }) {
            sysctls.append((name, .string(value)))
        }
        return [
            "namespaces": .array(namespaces.map { ["type": .string($0)] }), "uidMappings": map, "gidMappings": map,
            "maskedPaths": .array(isolation.maskedPaths.map { .string($0) }),
            "readonlyPaths": .array(isolation.readOnlyPaths.map { .string($0) }),
            "sysctl": .object(.init(uniqueKeysWithValues: sysctls)), "devices": .array(devices),
        ]
    }

    /// Beyond the default ones, which every runtime makes.
    private var devices: [JSONValue] {
        request.isolation.devices.map { device in
            [
                "path": .string(device.path), "type": .string(device.kind), "major": .number(device.major),
                "minor": .number(device.minor),
            ]
        }
    }
}
