import CommandOutput
import Containers
import Diagnostics
import LinuxKernel

/// `--device /dev/NAME[:/dev/NAME][:rwm]`.
enum DeviceFlag {
    static func parse(_ text: String) throws(Failure) -> (path: String, access: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let access = parts.count > 1 && !parts[parts.count - 1].hasPrefix("/") ? parts[parts.count - 1] : "rwm"
        let paths = parts.filter { $0.hasPrefix("/") }
        let isWellFormed =
            (1...2).contains(paths.count) && parts[0].hasPrefix("/dev/") && parts[0].count > 5
            && paths.count + (access == "rwm" && parts.last != "rwm" ? 0 : 1) == parts.count
            && !access.isEmpty && access.allSatisfy("rwm".contains) && !parts[0].contains("..")
        guard isWellFormed else {
            throw .flag("device", text, cause: "it is not a device", remedy: "write /dev/NAME or /dev/NAME:rw")
        }
        guard paths.count == 1 || paths[0] == paths[1] else {
            throw .flag(
                "device", text, cause: "a device keeps its name in the container", remedy: "leave the second path out")
        }
        return (paths[0], access)
    }

    /// The device behind the flag, its numbers read from the host.
    static func resolve(_ text: String) throws(Failure) -> DeviceRequest {
        let (path, access) = try parse(text)
        let status: FileStatus
        do throws(KernelError) { status = try OwnedDescriptor.open(RawPath(path), [.path]).status() } catch {
            throw .flag("device", path, cause: error.description, remedy: "name a device this host has")
        }
        guard status.kind == .character || status.kind == .block else {
            throw .flag("device", path, cause: "it is not a device node")
        }
        return DeviceRequest(
            path: path, kind: status.kind == .block ? "b" : "c", major: status.deviceMajor, minor: status.deviceMinor,
            access: access)
    }
}
