public import Containers
public import Diagnostics
import LinuxKernel
public import OCIFormat

/// Devices by name: the Container Device Interface specifications of this host. Read anew for every launch that asks.
public struct DeviceRegistry: Sendable {
    public static let standardDirectories = ["/etc/cdi", "/var/run/cdi"]
    private static let filesMax = 256

    let directories: [String]

    /// `directories`: of two that describe the same device, the later counts.
    public init(directories: [String] = Self.standardDirectories) { self.directories = directories }

    /// What a container gets that is given a device.
    public typealias Grant = DeviceGrant

    /// `skippingHooks`: programs a specification wants run on the host are left out instead of refused.
    public func grant(_ names: [DeviceName], skippingHooks: Bool = false) throws(Failure) -> Grant {
        var grant = Grant()
        if names.isEmpty { return grant }
        let found = try specifications()
        var general: [String] = []
        for name in names {
            guard let (file, specification) = found.last(where: { $0.1.kind == name.kind && $0.1.has(name.name) }),
                let device = specification.devices.first(where: { $0.name == name.name })
            else {
                let known = found.flatMap { entry in entry.1.devices.map { "\(entry.1.kind)=\($0.name)" } }
                throw Failure(
                    "device.not-found", doing: "find the device", on: name.description,
                    cause: "no specification in \(directories.joined(separator: ", ")) has it",
                    remedy: known.isEmpty ? nil : "there are \(known.sorted().joined(separator: ", "))",
                    field: "device")
            }
            var edits = [device.edits]
            if !general.contains(file) { edits.insert(specification.edits, at: 0) }
            general.append(file)
            for edits in edits { try add(edits, of: name, in: file, skippingHooks, to: &grant) }
        }
        return grant
    }

    // MARK: Files

    func specifications() throws(Failure) -> [(String, DeviceSpecification)] {
        var result: [(String, DeviceSpecification)] = []
        for path in directories {
            var ofDirectory: [(String, DeviceSpecification)] = []
            for file in try files(in: path) {
                let specification = try DeviceSpecification(
                    parsing: try contents(of: file, in: path), document: "\(path)/\(file)")
                for device in specification.devices {
                    let other = ofDirectory.first { $0.1.kind == specification.kind && $0.1.has(device.name) }
                    if let other {
                        throw Failure(
                            "device.ambiguous", doing: "find devices", on: "\(specification.kind)=\(device.name)",
                            cause: "both \(other.0) and \(path)/\(file) describe it", remedy: "remove one of them",
                            field: "device")
                    }
                }
                ofDirectory.append(("\(path)/\(file)", specification))
            }
            result += ofDirectory
        }
        return result
    }

    private func files(in path: String) throws(Failure) -> [RawPath] {
        do throws(KernelError) {
            let directory = try OwnedDescriptor.open(RawPath(path), [.directory])
            try Self.checkOwner(try directory.status(), path)
            let names = try directory.entries().map(\.name).filter { $0.description.ends(with: ".json") }
            guard names.count <= Self.filesMax else {
                throw KernelError(call: "count the files: more than \(Self.filesMax)", on: path, errno: Errno.noSpace)
            }
            return names.sorted { $0.description < $1.description }
        } catch {
            if error.errno == Errno.noEntry { return [] }
            throw error.failure("device.unreadable", doing: "read the devices' specifications in", on: path)
        }
    }

    private func contents(of file: RawPath, in path: String) throws(Failure) -> [UInt8] {
        do throws(KernelError) {
            let directory = try OwnedDescriptor.open(RawPath(path), [.directory])
            let opened = try directory.open(
                file, [.noFollow, .nonBlocking, .noControllingTerminal], rules: [.beneath, .noLinks])
            let status = try opened.status()
            guard status.kind == .regular else {
                throw KernelError(call: "not a regular file: open", on: file.description, errno: Errno.invalid)
            }
            try Self.checkOwner(status, "\(path)/\(file)")
            return try opened.readAll(limit: DeviceSpecification.bytesMax)
        } catch {
            throw error.failure(
                "device.unreadable", doing: "read the devices' specification", on: "\(path)/\(file)",
                remedy: "it must be a file of root's that nobody else can write")
        }
    }

    /// Whoever can write there could hand himself any file of the host.
    private static func checkOwner(_ status: FileStatus, _ path: String) throws(KernelError) {
        guard status.uid == 0, status.mode & 0o022 == 0 else {
            throw KernelError(
                call: "others can write it (owner \(status.uid), mode 0\(String(status.mode, radix: 8))): open",
                on: path, errno: Errno.notPermitted)
        }
    }

    // MARK: Edits

    private func add(
        _ edits: DeviceEdits, of name: DeviceName, in file: String, _ skippingHooks: Bool, to grant: inout Grant
    ) throws(Failure) {
        func refused(_ cause: String, remedy: String? = nil) -> Failure {
            Failure(
                "device.refused", doing: "give the container the device", on: name.description,
                cause: "its specification \(file) \(cause)", remedy: remedy, field: "device")
        }
        if let hook = edits.hooks.first, !skippingHooks {
            throw refused(
                "wants the program \(Untrusted.shown(hook)) run on the host",
                remedy: "if the device works without, say --cdi-skip-hooks")
        }
        if let other = edits.unsupported.first { throw refused("wants \(other), which is not done here") }
        for node in edits.nodes {
            let device = try HostDevice.request(
                node.hostPath, as: node.path, access: node.permissions, mode: node.hasOwner ? nil : node.mode)
            let type = node.type == "u" ? "c" : node.type
            guard type ?? device.kind == device.kind, node.major ?? Int64(device.major) == Int64(device.major),
                node.minor ?? Int64(device.minor) == Int64(device.minor)
            else {
                throw refused("does not describe what \(Untrusted.shown(node.hostPath)) is now")
            }
            if let known = grant.devices.first(where: { $0.path == device.path }), known != device {
                throw refused("has \(Untrusted.shown(device.path)) twice")
            }
            if !grant.devices.contains(device) { grant.devices.append(device) }
        }
        for mount in edits.mounts {
            guard mount.type == "bind" || mount.type.isEmpty else {
                throw refused("wants a mount of type \(Untrusted.shown(mount.type))")
            }
            let volume = try Self.volume(mount)
            if !grant.volumes.contains(volume) { grant.volumes.append(volume) }
        }
        for entry in edits.environment {
            guard let name = entry.cut(at: "=", omittingEmptySubsequences: false).first, !name.isEmpty,
                name.count < entry.count, !entry.utf8.contains(0)
            else { throw refused("has a variable that is not NAME=value") }
            grant.environment.append(entry)
        }
        grant.groups += edits.groups.filter { !grant.groups.contains($0) }
    }

    private static let otherOptions: Set<String> = [
        "rw", "bind", "rbind", "nosuid", "nodev", "exec", "private", "rprivate", "slave", "rslave", "relatime",
    ]

    private static func volume(_ mount: DeviceEdits.Mount) throws(Failure) -> VolumeRequest {
        var volume = VolumeRequest(source: mount.hostPath, target: mount.containerPath)
        for option in mount.options {
            switch option {
            case "ro": volume.readOnly = true
            case "noexec": volume.noExecute = true
            case let other where otherOptions.contains(other): break
            default:
                throw Failure(
                    "device.refused", doing: "mount what the device needs", on: mount.hostPath,
                    cause: "the option \(Untrusted.shown(option)) is not known", field: "device")
            }
        }
        volume.isFile = try HostDevice.plainPath(mount.hostPath).kind != .directory
        return volume
    }
}

extension DeviceSpecification {
    func has(_ name: String) -> Bool { devices.contains { $0.name == name } }
}

/// Device nodes of this host, for containers that are given them.
public enum HostDevice {
    /// The device at `path`, which is to be `inside` in the container. No link may be on the way: where it leads could
    /// change after it was looked at.
    public static func request(
        _ path: String, as inside: String, access: String, mode: UInt32? = nil
    ) throws(Failure) -> DeviceRequest {
        let status = try plainPath(path)
        guard status.kind == .character || status.kind == .block else {
            throw refused(path, "it is not a device node")
        }
        return DeviceRequest(
            path: inside, kind: status.kind == .block ? "b" : "c", major: status.deviceMajor,
            minor: status.deviceMinor, access: access, mode: mode)
    }

    /// What is at an absolute host path without `..` and links.
    static func plainPath(_ path: String) throws(Failure) -> FileStatus {
        let components = path.cut(at: "/", omittingEmptySubsequences: false)
        guard path.begins(with: "/"), !components.dropFirst().contains(where: { ["", ".", ".."].contains($0) }) else {
            throw refused(path, "it is not a plain absolute path")
        }
        do throws(KernelError) {
            let root = try OwnedDescriptor.open("/", [.path, .directory])
            return try root.open(RawPath(String(path.dropFirst())), [.path, .noFollow], rules: [.noLinks]).status()
        } catch {
            guard error.errno == Errno.tooManyLinks else {
                throw refused(
                    path, error.description, remedy: "name a device that 'ls -l /dev' of this host shows")
            }
            throw refused(path, "a symbolic link is on the way", remedy: "name the real path, as readlink -f shows it")
        }
    }

    private static func refused(_ path: String, _ cause: String, remedy: String? = nil) -> Failure {
        Failure(
            "device.refused", doing: "give the container the host's", on: path, cause: cause, remedy: remedy,
            field: "device")
    }
}
