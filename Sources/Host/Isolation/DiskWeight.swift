import Diagnostics
import LinuxKernel

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
        text.cut(at: "\n").map { $0.cut(at: " ") }
            .contains { $0.first.map(String.init) == disk && $0.contains("enable=1") }
    }

    /// bfq's weights end at 1,000; 100 is the default of both.
    static func scaled(_ weight: UInt64) -> UInt64 {
        weight <= 100 ? max(1, weight) : 100 + (min(weight, 10_000) - 100) / 11
    }
}
