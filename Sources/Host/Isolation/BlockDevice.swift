import Diagnostics
import LinuxKernel

/// Which disk a limit is for: io.max knows whole disks by `major:minor`, and a limit on a loop device or a mapping
/// would hold only what goes through it, not what it makes the disk below do.
enum BlockDevice {
    /// The disk `device` names, or the disk behind the file system of `path` when it is nil.
    static func number(_ device: String?, behind path: String) throws(Failure) -> String {
        let stack = DeviceStack()
        do throws(KernelError) {
            guard let device else { return try stack.disk(behind: path) }
            let status = try OwnedDescriptor.open(RawPath(device), [.path]).status()
            guard status.kind == .block else {
                throw KernelError(call: "the path is not a block device: stat", on: device, errno: Errno.invalid)
            }
            // One that is named is meant, also when it is itself over others; a partition has no limits of its own.
            let number = "\(status.deviceMajor):\(status.deviceMinor)"
            if let disk = try stack.wholeDisk(ofPartition: number) { return disk }
            return number
        } catch {
            throw error.failure(
                "cgroup.no-device", doing: "find the disk to limit", on: device ?? path,
                remedy: "name a block device such as /dev/sda", retry: .never)
        }
    }
}

/// From a path down to the disk its bytes end up on: through overlays, btrfs, files behind loop devices, mappings and
/// arrays over one disk, and partitions. Where a device spreads over several disks it is the one to limit: only there
/// the total can be held.
struct DeviceStack {
    private static let depthMax = 16
    private static let numberBytesMax = 64

    var sys = "/sys"
    /// Mounts of this process, proc_pid_mountinfo(5).
    var mounts: () throws(KernelError) -> String = { () throws(KernelError) in
        try TextFile.read("/proc/self/mountinfo", limit: 16 << 20)
    }
    /// The device number of the file system a path is on, and the path without links.
    var place: (String) throws(KernelError) -> (device: String, path: String) = { path throws(KernelError) in
        let file = try OwnedDescriptor.open(RawPath(path), [.path])
        let device = DeviceNumber.split(try file.status().device)
        return ("\(device.major):\(device.minor)", HostFacts.linkTarget(file.procPath) ?? path)
    }
    /// The number of a device node.
    var node: (String) throws(KernelError) -> String = { path throws(KernelError) in
        let status = try OwnedDescriptor.open(RawPath(path), [.path]).status()
        guard status.kind == .block else {
            throw KernelError(call: "not a block device: stat", on: path, errno: Errno.invalid)
        }
        return "\(status.deviceMajor):\(status.deviceMinor)"
    }

    func disk(behind path: String) throws(KernelError) -> String { try disk(behind: path, depth: 0) }

    func disk(below number: String) throws(KernelError) -> String { try disk(below: number, depth: 0) }

    /// Nil when `number` is no partition.
    func wholeDisk(ofPartition number: String) throws(KernelError) -> String? {
        let directory = "\(sys)/dev/block/\(number)"
        guard HostFacts.exists(directory + "/partition"), let target = HostFacts.linkTarget(directory) else {
            return nil
        }
        // /sys/dev/block/8:1 points into the directory of 8:0.
        return try read("\(sys)/dev/block/\(target)/../dev")
    }

    private func disk(behind path: String, depth: Int) throws(KernelError) -> String {
        try check(depth, path)
        let (device, real) = try place(path)
        guard device.begins(with: "0:") else { return try disk(below: device, depth: depth + 1) }
        // No device of its own: an overlay, btrfs, or no disk at all.
        let mount = MountLine.last(holding: real, in: try mounts())
        switch mount?.type {
        case "overlay":
            guard let upper = mount?.option("upperdir") else { break }
            return try disk(behind: upper, depth: depth + 1)
        case .some where mount?.source.begins(with: "/dev/") == true:
            return try disk(below: try node(mount?.source ?? ""), depth: depth + 1)
        default: break
        }
        throw KernelError(
            call: "its file system (\(mount?.type ?? "of no known type")) is on no block device: stat", on: path,
            errno: Errno.noDevice)
    }

    private func disk(below number: String, depth: Int) throws(KernelError) -> String {
        try check(depth, number)
        let directory = "\(sys)/dev/block/\(number)"
        if let whole = try wholeDisk(ofPartition: number) { return try disk(below: whole, depth: depth + 1) }
        let backing = directory + "/loop/backing_file"
        if HostFacts.exists(backing) {
            return try disk(behind: try read(backing, limit: 4_096), depth: depth + 1)
        }
        let below = directory + "/slaves"
        guard HostFacts.exists(below) else { return number }
        let names = try OwnedDescriptor.open(RawPath(below), [.directory]).entries().map(\.name.description)
        guard names.count == 1 else { return number }
        return try disk(below: try read("\(below)/\(names[0])/dev"), depth: depth + 1)
    }

    private func read(_ path: String, limit: Int = DeviceStack.numberBytesMax) throws(KernelError) -> String {
        String(try TextFile.read(path, limit: limit).prefix { !$0.isNewline })
    }

    private func check(_ depth: Int, _ subject: String) throws(KernelError) {
        guard depth > Self.depthMax else { return }
        throw KernelError(
            call: "more than \(Self.depthMax) devices upon each other: find", on: subject, errno: Errno.tooManyLinks)
    }
}

/// A line of mountinfo.
struct MountLine: Equatable {
    var point: String
    var type: String
    var source: String
    var options: [String]

    /// `36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
    init?(_ line: Substring) {
        let fields = line.cut(at: " ", omittingEmptySubsequences: false).map(String.init)
        guard let dash = fields.firstIndex(of: "-"), dash > 4, fields.count > dash + 3 else { return nil }
        point = Self.plain(fields[4])
        type = fields[dash + 1]
        source = Self.plain(fields[dash + 2])
        options = fields[dash + 3].cut(at: ",").map { Self.plain(String($0)) }
    }

    func option(_ name: String) -> String? {
        options.first { $0.begins(with: name + "=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
    }

    /// What is mounted at the longest point that `path` is at or below; of several, what was mounted last.
    static func last(holding path: String, in text: String) -> MountLine? {
        var best: MountLine?
        for line in text.cut(at: "\n").compactMap({ MountLine($0) }) {
            let isAbove = line.point == "/" || path == line.point || path.begins(with: line.point + "/")
            if isAbove, line.point.utf8.count >= best?.point.utf8.count ?? 0 { best = line }
        }
        return best
    }

    /// Spaces, tabs, newlines and backslashes are three octal digits behind a backslash.
    private static func plain(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
