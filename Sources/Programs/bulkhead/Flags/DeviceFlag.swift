import CommandOutput
import Containerizing
import Containers
import Diagnostics

/// `--device /dev/NAME[:/dev/NAME][:rwm]`.
enum DeviceFlag {
    static func parse(_ text: String) throws(Failure) -> (path: String, inside: String, access: String) {
        let parts = text.cut(at: ":", omittingEmptySubsequences: false).map(String.init)
        let access = parts.count > 1 && !parts[parts.count - 1].begins(with: "/") ? parts[parts.count - 1] : "rwm"
        let paths = parts.filter { $0.begins(with: "/") }
        let isWellFormed =
            (1...2).contains(paths.count) && parts[0].begins(with: "/dev/") && parts[0].count > 5
            && paths.count + (access == "rwm" && parts.last != "rwm" ? 0 : 1) == parts.count
            && !access.isEmpty && access.allSatisfy("rwm".contains) && !parts[0].contains("..")
        guard isWellFormed else {
            throw .flag(
                "device", text, cause: "it is not a device",
                remedy: "write /dev/NAME, /dev/NAME:rw, /dev/NAME:/dev/OTHER:rw or vendor.com/class=name")
        }
        return (paths[0], paths[paths.count - 1], access)
    }

    /// The device behind the flag, its numbers read from the host.
    static func resolve(_ text: String) throws(Failure) -> DeviceRequest {
        let (path, inside, access) = try parse(text)
        return try HostDevice.request(path, as: inside, access: access)
    }
}
