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

/// A container's share of a disk. io.weight is only a number until something on the disk goes by it: the iocost
/// controller, which is off until somebody turns it on for a disk, or the bfq scheduler.
enum DiskWeight {
    /// `weight` is 1 to 10,000; `mount` the root of the cgroup tree.
    static func setting(_ weight: UInt64, disk: String, mount: String) throws(Failure) -> GroupSetting {
        let scheduler = "/sys/dev/block/\(disk)/queue/scheduler"
        let costs = mount + "/io.cost.qos"
        do throws(KernelError) {
            if HostFacts.exists(scheduler), try TextFile.read(scheduler, limit: 1_024).contains("[bfq]") {
                return GroupSetting("io.bfq.weight", "\(scaled(weight))")
            }
            if HostFacts.exists(costs), isCosted(disk, try TextFile.read(costs)) {
                return GroupSetting("io.weight", "default \(weight)")
            }
        } catch {
            throw error.failure("cgroup.no-weight", doing: "see what shares out the disk", on: disk)
        }
        throw Failure(
            "cgroup.no-weight", doing: "weigh the container's use of the disk", on: disk,
            cause: "neither iocost nor the bfq scheduler is active on it, so a weight would have no effect",
            remedy: "echo '\(disk) enable=1' > \(costs), or limit bytes with --io-read-bps and --io-write-bps, "
                + "or accept it unenforced with --allow-unenforced io", field: "io-weight")
    }

    /// Lines look like `254:0 enable=1 ctrl=auto rpct=0.00 …`.
    static func isCosted(_ disk: String, _ text: String) -> Bool {
        text.split(separator: "\n").map { $0.split(separator: " ") }
            .contains { $0.first.map(String.init) == disk && $0.contains("enable=1") }
    }

    /// bfq's weights end at 1,000; 100 is the default of both.
    static func scaled(_ weight: UInt64) -> UInt64 {
        weight <= 100 ? max(1, weight) : 100 + (min(weight, 10_000) - 100) / 11
    }
}
