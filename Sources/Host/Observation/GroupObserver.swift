import Auditing
import HostProbe
import LinuxKernel

/// A cgroup's files, here and above, of version 2; of version 1 where that has the controller.
enum GroupObserver {
    static let files = [
        "pids.max", "memory.max", "memory.high", "memory.swap.max", "memory.oom.group", "cpu.max", "cpu.weight",
        "cpuset.cpus", "io.max", "io.weight", "cgroup.freeze",
    ]
    private static let depthMax = 32

    /// What version 1 has of the same, by controller.
    private static let legacyFiles = [
        ("pids", ["pids.max"]), ("memory", ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]),
        ("cpu", ["cpu.cfs_quota_us", "cpu.shares"]),
    ]

    /// `path`: in the version 2 tree. `process`: for what version 1 has.
    static func observe(_ path: String?, process: Int32, host: ControlGroupLayout) -> Observed<ControlGroupFacts> {
        do throws(KernelError) {
            let legacy = try legacy(process)
            var merged: [String: String] = [:]
            // The nearest of each controller: what its own cgroup has.
            for place in legacy { merged.merge(place.values) { nearer, _ in nearer } }
            guard let mount = host.mountPoint, let path else {
                if legacy.isEmpty { return .hidden("no cgroup tree is mounted that it is in") }
                return .seen(ControlGroupFacts(path: legacy[0].path, values: merged, legacy: legacy))
            }
            guard HostFacts.exists(mount + path) else { return .hidden("\(mount + path) is not there") }
            var values = try values(mount + path)
            values.merge(merged) { unified, _ in unified }
            var above: [[String: String]] = []
            var place = path
            while place.count > 1, let slash = place.lastPosition(of: "/"), above.count < depthMax {
                place = String(place[..<slash])
                above.append(try Self.values(mount + place))
            }
            return .seen(
                ControlGroupFacts(
                    path: mount + (path == "/" ? "" : path), values: values, above: above,
                    legacy: legacy.isEmpty ? nil : legacy))
        } catch {
            return .hidden("its cgroup cannot be read: \(error)")
        }
    }

    private static func values(
        _ directory: String, _ names: [String] = files
    ) throws(KernelError) -> [String: String] {
        var values: [String: String] = [:]
        for file in names {
            if let text = try read("\(directory)/\(file)") { values[file] = text }
        }
        return values
    }

    private static func read(_ path: String) throws(KernelError) -> String? {
        do throws(KernelError) {
            let text = try TextFile.read(path, limit: 65_536)
            return text.cut(at: "\n").joined(separator: "; ")
        } catch {
            // Another controller's, or none that this cgroup has.
            if [Errno.noEntry, Errno.notSupported, Errno.noDevice].contains(error.errno) { return nil }
            throw error
        }
    }

    /// Its cgroup and those above it of each controller that version 1 has, nearest first.
    private static func legacy(_ process: Int32) throws(KernelError) -> [LegacyGroupFacts] {
        let groups = try TextFile.read("/proc/\(process)/cgroup", limit: 65_536)
        var found: [LegacyGroupFacts] = []
        for (controller, names) in legacyFiles {
            guard var path = ProcessText.legacyGroup(controller, groups) else { continue }
            for _ in 0..<depthMax where path.count > 1 {
                let place = "/sys/fs/cgroup/\(controller)\(path)"
                let seen = try values(place, names).mapValues(limit)
                if !seen.isEmpty { found.append(LegacyGroupFacts(path: place, values: seen)) }
                path = path.lastPosition(of: "/").map { String(path[..<$0]) } ?? ""
            }
        }
        return found
    }

    /// `max` where version 1 says the same with a number near the largest.
    private static func limit(_ text: String) -> String {
        UInt64(text).map { $0 >= 1 << 62 ? "max" : text } ?? text
    }

    static func legacyDevices(_ process: Int32) -> String? {
        do throws(KernelError) {
            let groups = try TextFile.read("/proc/\(process)/cgroup", limit: 65_536)
            guard let path = ProcessText.legacyGroup("devices", groups), path != "/" else { return nil }
            let place = "/sys/fs/cgroup/devices\(path)"
            return HostFacts.exists(place) ? place : nil
        } catch {
            return nil
        }
    }
}
