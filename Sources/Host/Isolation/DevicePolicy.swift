import Containers
import Diagnostics

/// Which devices a container may be given, and where. Pure: the numbers are known by now.
enum DevicePolicy {
    private static let devicesMax = 256
    /// Character devices through which whoever opens them has the host, whatever else stands in his way.
    private static let opening: [(major: UInt32, minor: UInt32, what: String)] = [
        (1, 1, "the memory of the machine"), (1, 2, "the memory of the kernel"), (1, 4, "the ports of the machine"),
        (1, 11, "the log of the kernel"), (1, 12, "the memory of a crashed kernel"),
        (10, 126, "page faults of the kernel"), (10, 144, "the firmware's memory"),
        (10, 203, "device nodes of its own"), (10, 223, "the host's input"),
        (10, 231, "images of the machine's memory"), (10, 234, "the host's file systems"),
        (10, 235, "the host's mounts"), (10, 236, "the host's disks"), (10, 237, "the host's loop devices"),
    ]
    private static let standard: Set<String> = [
        "null", "zero", "full", "random", "urandom", "tty", "console", "fd", "stdin", "stdout", "stderr", "ptmx", "pts",
        "shm", "mqueue",
    ]

    static func check(_ isolation: IsolationRequest) throws(Failure) {
        guard isolation.devices.count <= devicesMax else {
            throw Failure(
                "device.too-many", doing: "give the container devices", cause: "there are \(isolation.devices.count)",
                field: "device", limit: "devices \(devicesMax)")
        }
        var paths: Set<String> = []
        for device in isolation.devices {
            if let problem = problem(of: device) { throw refused(device, problem) }
            guard paths.insert(device.path).inserted else { throw refused(device, "two devices have that path") }
            try checkOpening(device, isolation.allowedDevices ?? [])
        }
        for path in paths {
            let parents = path.cut(at: "/").dropLast()
            for count in 1..<max(1, parents.count + 1) {
                let parent = "/" + parents.prefix(count).joined(separator: "/")
                if paths.contains(parent) { throw refused(path, "\(parent) is a device and no directory") }
            }
        }
    }

    private static func problem(of device: DeviceRequest) -> String? {
        let components = device.path.cut(at: "/", omittingEmptySubsequences: false)
        guard device.path.begins(with: "/dev/"), device.path.utf8.count <= 255, !device.path.utf8.contains(0),
            !components.dropFirst().contains(where: { ["", ".", ".."].contains($0) })
        else { return "in the container it must be /dev/ and a plain path" }
        if standard.contains(String(components[2])) { return "/dev/\(components[2]) is the container's own" }
        if !["b", "c"].contains(device.kind) { return "it is neither a block nor a character device" }
        if let mode = device.mode, mode > 0o777 { return "its mode is not permission bits" }
        let isAccess = !device.access.isEmpty && device.access.allSatisfy("rwm".contains)
        return isAccess ? nil : "what may be done with it is said with r and w"
    }

    /// Disks are the host's files without their owners; the others listed are the host.
    private static func checkOpening(_ device: DeviceRequest, _ allowed: [String]) throws(Failure) {
        let what =
            device.kind == "b"
            ? "a disk, with every file on it"
            : opening.first { $0.major == device.major && $0.minor == device.minor }?.what
        guard let what else { return }
        let numbers = "\(device.kind) \(device.major):\(device.minor)"
        if allowed.contains(device.path) || allowed.contains(numbers) { return }
        throw refused(device, "it is \(what)", remedy: "if that is meant, add --allow-device \(device.path)")
    }

    private static func refused(_ device: DeviceRequest, _ cause: String, remedy: String? = nil) -> Failure {
        refused(device.path, cause, remedy: remedy)
    }

    private static func refused(_ path: String, _ cause: String, remedy: String? = nil) -> Failure {
        Failure(
            "device.refused", doing: "give the container the device", on: path, cause: cause, remedy: remedy,
            field: "device")
    }
}
