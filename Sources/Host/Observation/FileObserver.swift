import Auditing
import Containers
import LinuxKernel

/// What a container meets at the dangerous paths of /proc and /sys, and what its processes hold open.
struct FileObserver {
    static let descriptorsMax = 65_536

    let process: Int32
    let mounts: [MountFacts]
    /// Paths of this host that are to be masked besides the usual ones.
    var more: [String] = []

    /// f_type of statfs(2) of the kernel's own file systems: proc, sysfs, cgroup, cgroup2, selinuxfs, securityfs,
    /// debugfs, tracefs, configfs, pstore, efivarfs, bpf.
    private static let kernelTypes: Set<Int> = [
        0x9fa0, 0x6265_6572, 0x27_e0eb, 0x6367_7270, 0xf97c_ff8c, 0x7363_6673, 0x6462_6720, 0x7472_6163, 0x6265_6570,
        0x6165_676c, 0xde5e_81e4, 0xcafe_4a11,
    ]

    func paths() -> Observed<[PathFacts]> {
        do throws(KernelError) {
            let root = try OwnedDescriptor.open(RawPath("/proc/\(process)/root"), [.path, .directory])
            var found: [PathFacts] = []
            for path in DefaultPaths.masked + more { found.append(try look(path, .masked, root)) }
            for path in DefaultPaths.readOnly { found.append(try look(path, .readOnly, root)) }
            return .seen(found)
        } catch {
            return .hidden("/proc/\(process)/root cannot be looked through: \(error)")
        }
    }

    private func look(
        _ path: String, _ wanted: PathFacts.Wanted, _ root: OwnedDescriptor
    ) throws(KernelError) -> PathFacts {
        let place: OwnedDescriptor
        do throws(KernelError) { place = try root.open(RawPath(path), [.path], rules: .confined) } catch {
            guard [Errno.noEntry, Errno.notDirectory].contains(error.errno) else { throw error }
            return PathFacts(path, wanted: wanted, state: .absent, seen: "absent")
        }
        let status = try place.status()
        if status.kind == .character {
            let isNull = (status.deviceMajor, status.deviceMinor) == (1, 3)
            let seen = "character device \(status.deviceMajor):\(status.deviceMinor)"
            return PathFacts(path, wanted: wanted, state: isNull ? .masked : .open, seen: seen)
        }
        guard Self.kernelTypes.contains(try place.filesystemType()) else {
            return PathFacts(path, wanted: wanted, state: .masked, seen: "not the kernel's")
        }
        let number = try MountNumber.of(place)
        let mount = mounts.first { $0.id == number }
        if wanted == .readOnly, mount?.isReadOnly == true {
            return PathFacts(path, wanted: wanted, state: .readOnly, seen: "read-only")
        }
        let type = mount?.type ?? "of the kernel"
        return PathFacts(
            path, wanted: wanted, state: .open,
            seen: wanted == .masked ? "the kernel's own (\(type))" : "writable (\(type))")
    }

    /// Everything `processes` hold open, and where they stand.
    func descriptors(_ processes: [TaskFacts]) -> Observed<[DescriptorFacts]> {
        let inside = Set(mounts.map(\.id))
        var found: [DescriptorFacts] = []
        for process in processes {
            do throws(KernelError) {
                let names = try OwnedDescriptor.open(RawPath("/proc/\(process.id)/fd"), [.directory]).entries()
                for name in names.compactMap({ Int32($0.name.description) }).sorted() {
                    if let fact = try descriptor(process.id, "fd/\(name)", "\(name)", inside) { found.append(fact) }
                    guard found.count <= Self.descriptorsMax else {
                        return .hidden("there are more than \(Self.descriptorsMax) descriptors")
                    }
                }
                for name in ["cwd", "root"] {
                    if let fact = try descriptor(process.id, name, name, inside) { found.append(fact) }
                }
            } catch {
                if error.errno == Errno.noEntry || error.errno == Errno.noProcess { continue }
                return .hidden("the descriptors of process \(process.id) cannot be read: \(error)")
            }
        }
        return .seen(found)
    }

    /// Nil when it was closed meanwhile.
    private func descriptor(
        _ process: Int32, _ link: String, _ name: String, _ inside: Set<UInt64>
    ) throws(KernelError) -> DescriptorFacts? {
        let path = "/proc/\(process)/\(link)"
        guard let target = HostFacts.linkTarget(path) else { return nil }
        guard target.hasPrefix("/"), !Self.isAnonymous(target) else {
            return DescriptorFacts(process: process, name: name, target: target, kind: "other")
        }
        let place: OwnedDescriptor
        do throws(KernelError) { place = try OwnedDescriptor.open(RawPath(path), [.path]) } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error
        }
        let mount = try MountNumber.of(place)
        return DescriptorFacts(
            process: process, name: name, target: target, kind: Self.kind(try place.status()), mount: mount,
            isInside: mount.map(inside.contains))
    }

    /// Files that the kernel keeps on mounts of its own, where no path leads.
    private static func isAnonymous(_ target: String) -> Bool {
        ["/memfd:", "/SYSV", "/[aio]", "/dev/zero (deleted)", "/anon_hugepage"].contains(where: target.hasPrefix)
    }

    private static func kind(_ status: FileStatus) -> String {
        switch status.kind {
        case .directory: "directory"
        case .regular: "file"
        case .character, .block: "device \(status.deviceMajor):\(status.deviceMinor)"
        case .socket: "socket"
        case .fifo: "pipe"
        case .link, .other: "other"
        }
    }
}
