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

    /// `path`: in the version 2 tree. `process`: for what version 1 has.
    static func observe(_ path: String?, process: Int32, host: ControlGroupLayout) -> Observed<ControlGroupFacts> {
        guard let mount = host.mountPoint, let path else {
            return .hidden("no version 2 cgroup tree is mounted")
        }
        guard HostFacts.exists(mount + path) else { return .hidden("\(mount + path) is not there") }
        do throws(KernelError) {
            var values = try values(mount + path)
            values.merge(try legacy(process)) { unified, _ in unified }
            var above: [[String: String]] = []
            var place = path
            while place.count > 1, let slash = place.lastIndex(of: "/"), above.count < depthMax {
                place = String(place[..<slash])
                above.append(try Self.values(mount + place))
            }
            return .seen(ControlGroupFacts(path: mount + (path == "/" ? "" : path), values: values, above: above))
        } catch {
            return .hidden("its cgroup cannot be read: \(error)")
        }
    }

    private static func values(_ directory: String) throws(KernelError) -> [String: String] {
        var values: [String: String] = [:]
        for file in files {
            if let text = try read("\(directory)/\(file)") { values[file] = text }
        }
        return values
    }

    private static func read(_ path: String) throws(KernelError) -> String? {
        do throws(KernelError) {
            let text = try TextFile.read(path, limit: 65_536)
            return text.split(separator: "\n").joined(separator: "; ")
        } catch {
            // Another controller's, or none that this cgroup has.
            if [Errno.noEntry, Errno.notSupported, Errno.noDevice].contains(error.errno) { return nil }
            throw error
        }
    }

    /// `max` where version 1 says the same with a number near the largest.
    private static func legacy(_ process: Int32) throws(KernelError) -> [String: String] {
        let groups = try TextFile.read("/proc/\(process)/cgroup", limit: 65_536)
        var values: [String: String] = [:]
        if let path = ProcessText.legacyGroup("pids", groups), path != "/" {
            values["pids.max"] = try read("/sys/fs/cgroup/pids\(path)/pids.max")
        }
        if let path = ProcessText.legacyGroup("memory", groups), path != "/",
            let text = try read("/sys/fs/cgroup/memory\(path)/memory.limit_in_bytes"), let bytes = UInt64(text)
        {
            values["memory.limit_in_bytes"] = bytes >= 1 << 62 ? "max" : text
        }
        return values
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
