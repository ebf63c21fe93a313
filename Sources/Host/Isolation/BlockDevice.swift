import Diagnostics
import LinuxKernel

/// Which disk a limit is for: io.max knows whole disks by `major:minor`.
enum BlockDevice {
    /// The disk `device` names, or the disk behind the file system of `path` when it is nil.
    static func number(_ device: String?, behind path: String) throws(Failure) -> String {
        let found: (major: UInt32, minor: UInt32)
        do throws(KernelError) {
            let status = try OwnedDescriptor.open(RawPath(device ?? path), [.path]).status()
            if device != nil {
                guard status.kind == .block else {
                    throw KernelError(call: "the path is not a block device: stat", on: device, errno: Errno.invalid)
                }
                found = (status.deviceMajor, status.deviceMinor)
            } else {
                found = DeviceNumber.split(status.device)
            }
        } catch {
            throw error.failure(
                "cgroup.no-device", doing: "find the disk to limit", on: device ?? path,
                remedy: "name a block device such as /dev/sda", retry: .never)
        }
        guard found.major != 0 else {
            throw Failure(
                "cgroup.no-device", doing: "find the disk to limit", on: path,
                cause: "its file system is not on one block device", remedy: "name the disk, as in /dev/sda:10mb",
                field: "io")
        }
        return wholeDisk("\(found.major):\(found.minor)")
    }

    /// A partition's limits are its disk's: /sys/dev/block/8:1 points into the directory of 8:0.
    private static func wholeDisk(_ number: String) -> String {
        guard HostFacts.exists("/sys/dev/block/\(number)/partition"),
            let target = HostFacts.linkTarget("/sys/dev/block/\(number)")
        else { return number }
        let parent = "/sys/dev/block/" + target + "/../dev"
        do throws(KernelError) { return try TextFile.read(parent, limit: 64).filter { !$0.isNewline } } catch {
            return number
        }
    }
}
