import Auditing
import Containers
import LinuxKernel

/// What a container meets at the dangerous paths of /proc and /sys.
struct FileObserver {
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
}
