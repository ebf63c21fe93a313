import Auditing
import LinuxKernel

/// What a container's processes hold: open descriptors, directories they stand in, and files mapped into their memory,
/// which stay there when the descriptor is closed.
///
/// Each thread is asked, unless the kernel says that it shares these with one that was (`DescriptorTables`).
struct DescriptorObserver {
    static let descriptorsMax = 65_536

    /// Numbers of the mounts of the container's mount namespace.
    let mounts: Set<UInt64>
    /// The container's processes.
    let members: Set<Int32>
    /// Inodes of namespaces of the host and of other containers.
    let strangers: Set<UInt64>

    func descriptors(_ processes: [TaskFacts]) -> Observed<[DescriptorFacts]> {
        var found: Set<DescriptorFacts> = []
        for process in processes {
            do throws(KernelError) {
                try collect(process, &found)
            } catch {
                if error.errno == Errno.noEntry || error.errno == Errno.noProcess { continue }
                return .hidden("the descriptors of process \(process.id) cannot be read: \(error)")
            }
            guard found.count <= Self.descriptorsMax else {
                return .hidden("there are more than \(Self.descriptorsMax) descriptors")
            }
        }
        return .seen(found.sorted { Self.order($0) < Self.order($1) })
    }

    private static func order(_ fact: DescriptorFacts) -> (Int32, Int32, String, String) {
        (fact.process, fact.thread ?? 0, fact.name, fact.target)
    }

    private func collect(_ process: TaskFacts, _ found: inout Set<DescriptorFacts>) throws(KernelError) {
        let threads = process.threads.map(\.id)
        for thread in DescriptorTables.distinct(.descriptors, threads) {
            let place = Place(process.id, thread)
            for name in try DescriptorTables.names(place.path + "/fd").compactMap({ Int32($0) }) {
                if let fact = try descriptor(place, "fd/\(name)", "\(name)") { found.insert(fact) }
                if found.count > Self.descriptorsMax { return }
            }
        }
        for thread in DescriptorTables.distinct(.places, threads) {
            for name in ["cwd", "root"] {
                if let fact = try descriptor(Place(process.id, thread), name, name) { found.insert(fact) }
            }
        }
        // All threads of a process have one memory. Our own init's is a sealed file and nobody else's.
        if process.isInit { return }
        try collectMapped(process.id, &found)
    }

    private struct Place {
        var process: Int32
        var thread: Int32?
        var path: String

        init(_ process: Int32, _ thread: Int32) {
            self.process = process
            self.thread = thread == process ? nil : thread
            path = "/proc/\(process)" + (thread == process ? "" : "/task/\(thread)")
        }
    }

    /// Nil when it was closed meanwhile.
    private func descriptor(_ place: Place, _ link: String, _ name: String) throws(KernelError) -> DescriptorFacts? {
        let path = "\(place.path)/\(link)"
        guard let target = HostFacts.linkTarget(path) else { return nil }
        var fact = DescriptorFacts(
            process: place.process, name: name, target: target, kind: "other", thread: place.thread)
        if target == "anon_inode:[pidfd]" || target.begins(with: "pidfd:") {
            let text = try TextFile.read("\(place.path)/fdinfo/\(name)", limit: 65_536)
            fact.kind = "process"
            // -1: it has ended. 0: it is none that can be seen from here.
            let other = ProcessText.fields(text)["Pid"].flatMap { Int32($0) }
            fact.isInside = other.map { $0 == -1 || members.contains($0) } ?? false
            return fact
        }
        if let inode = Self.namespace(target) {
            (fact.kind, fact.isInside) = ("namespace", !strangers.contains(inode))
            return fact
        }
        guard target.begins(with: "/"), !Self.isAnonymous(target) else { return fact }
        return try located(fact, path)
    }

    /// Files that are mapped and not on one of the container's mounts.
    private func collectMapped(_ process: Int32, _ found: inout Set<DescriptorFacts>) throws(KernelError) {
        for range in try DescriptorTables.names("/proc/\(process)/map_files") {
            let path = "/proc/\(process)/map_files/\(range)"
            guard let target = HostFacts.linkTarget(path), target.begins(with: "/"), !Self.isAnonymous(target) else {
                continue
            }
            let fact = DescriptorFacts(process: process, name: "map_files/\(range)", target: target, kind: "other")
            guard let located = try located(fact, path), located.isInside == false else { continue }
            // A program has four or five ranges of one file.
            if found.contains(where: { $0.process == process && $0.target == target && $0.mount == located.mount }) {
                continue
            }
            found.insert(located)
            if found.count > Self.descriptorsMax { return }
        }
    }

    /// With what it is and the mount it is on; nil when it is gone.
    private func located(_ known: DescriptorFacts, _ path: String) throws(KernelError) -> DescriptorFacts? {
        let file: OwnedDescriptor
        do throws(KernelError) { file = try OwnedDescriptor.open(RawPath(path), [.path]) } catch {
            if error.errno == Errno.noEntry || error.errno == Errno.noProcess { return nil }
            throw error
        }
        var fact = known
        fact.mount = try MountNumber.of(file)
        fact.kind = Self.kind(try file.status())
        fact.isInside = fact.mount.map(mounts.contains)
        return fact
    }

    /// The number in `mnt:[4026531841]`.
    private static func namespace(_ target: String) -> UInt64? {
        guard let cut = target.position(of: ":"), ProcessTable.kinds.contains(String(target[..<cut])) else {
            return nil
        }
        return ProcessText.inode(target)
    }

    /// Files that the kernel keeps on mounts of its own, where no path leads.
    private static func isAnonymous(_ target: String) -> Bool {
        ["/memfd:", "/SYSV", "/[aio]", "/dev/zero (deleted)", "/anon_hugepage"].contains { target.begins(with: $0) }
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
