public import Auditing
import LinuxKernel

/// Looks through the layers of an image, lowest first, for what its rules ask about. Nothing is opened but directories.
public struct ImageObserver {
    /// More entries than these are not looked at; the rules then answer unknown.
    public static let entriesMax = 2_000_000
    static let depthMax = 512

    private var files: [String: [ImageFacts.File]] = [:]
    /// Directories that something in `files` is below, or once was.
    private var ancestors: Set<String> = []
    private var left = entriesMax

    private init() {}

    /// `layers` are of the store: directories, or EROFS images, which are mounted read-only where no path leads.
    public static func observe(layers: [String]) -> Observed<[ImageFacts.File]> {
        var observer = ImageObserver()
        for layer in layers {
            do throws(KernelError) {
                try observer.walk(try LayerRoot.open(layer), "", depth: 0)
            } catch {
                return .hidden("the layer \(layer) cannot be read: \(error)")
            }
            if observer.left <= 0 { return .hidden("it has more than \(entriesMax) entries") }
        }
        return .seen(observer.files.sorted { $0.key < $1.key }.flatMap(\.value))
    }

    private mutating func walk(_ directory: OwnedDescriptor, _ path: String, depth: Int) throws(KernelError) {
        guard depth < Self.depthMax else { return left = 0 }
        for entry in try directory.entries() {
            left -= 1
            if left <= 0 { return }
            let name = "\(path)/\(entry.name)"
            let status = try directory.status(of: entry.name)
            if status.kind == .character, (status.deviceMajor, status.deviceMinor) == (0, 0) {
                forget(name, itself: true)
                continue
            }
            if status.kind != .directory { forget(name, itself: true) }
            let found = try look(directory, entry.name, name, status)
            files[name] = found.isEmpty ? nil : found
            if !found.isEmpty { remember(path) }
            if status.kind == .directory {
                let below = try directory.open(entry.name, [.directory, .noFollow])
                if Self.isOpaque(below) { forget(name, itself: false) }
                try walk(below, name, depth: depth + 1)
            }
        }
    }

    private mutating func remember(_ directory: String) {
        var path = directory
        while !path.isEmpty, ancestors.insert(path).inserted {
            path = path.lastPosition(of: "/").map { String(path[..<$0]) } ?? ""
        }
    }

    /// A whiteout or another file hides what lower layers have there and below.
    private mutating func forget(_ path: String, itself: Bool) {
        if itself { files[path] = nil }
        guard ancestors.contains(path) else { return }
        let prefix = path + "/"
        for known in files.keys where known.begins(with: prefix) { files[known] = nil }
    }

    private static func isOpaque(_ directory: OwnedDescriptor) -> Bool {
        do throws(KernelError) {
            return try directory.attribute("trusted.overlay.opaque") == [UInt8(ascii: "y")]
        } catch {
            return false
        }
    }

    private func look(
        _ directory: OwnedDescriptor, _ entry: RawPath, _ path: String, _ status: FileStatus
    ) throws(KernelError) -> [ImageFacts.File] {
        let mode = String(status.mode, radix: 8)
        let last = String(path.cut(at: "/").last ?? "")
        switch status.kind {
        case .character, .block:
            let kind = status.kind == .block ? "b" : "c"
            return [ImageFacts.File(path, .device, "\(kind) \(status.deviceMajor):\(status.deviceMinor)")]
        case .directory:
            let isOpen = status.mode & 0o002 != 0 && status.mode & 0o1000 == 0
            return isOpen ? [ImageFacts.File(path, .worldWritable, "mode \(mode)")] : []
        case .regular:
            var found: [ImageFacts.File] = []
            if status.mode & 0o4000 != 0 { found.append(ImageFacts.File(path, .setuid, "mode \(mode)")) }
            if status.mode & 0o2000 != 0, status.mode & 0o010 != 0 {
                found.append(ImageFacts.File(path, .setgid, "mode \(mode)"))
            }
            if status.mode & 0o002 != 0 { found.append(ImageFacts.File(path, .worldWritable, "mode \(mode)")) }
            if status.mode & 0o111 != 0, try Self.hasCapabilities(directory, entry) {
                found.append(ImageFacts.File(path, .capability, "security.capability"))
            }
            if status.size > 0, let why = SecretNames.reason(path, last) {
                found.append(ImageFacts.File(path, .secret, why))
            }
            if ["sshd", "dropbear", "telnetd", "in.telnetd"].contains(last), status.mode & 0o111 != 0 {
                found.append(ImageFacts.File(path, .remoteShell, "mode \(mode)"))
            }
            return found
        default: return []
        }
    }

    private static func hasCapabilities(_ directory: OwnedDescriptor, _ entry: RawPath) throws(KernelError) -> Bool {
        let file = try directory.open(entry, [.readOnly, .noFollow, .nonBlocking])
        return try file.attributeNames().contains("security.capability")
    }
}

/// Files that hold secrets, by how they are called and where they are.
enum SecretNames {
    private static let names: Set = [
        "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", ".pgpass", ".git-credentials", ".npmrc", ".pypirc",
        ".dockercfg", "credentials.json", "service-account.json", "kubeconfig", ".vault-token", ".htpasswd", ".env",
    ]
    private static let endings = [".key", ".p12", ".pfx", ".keystore", ".jks", ".kdbx", ".ovpn", ".ppk"]
    private static let places = ["/.aws/credentials", "/.docker/config.json", "/.kube/config", "/.config/gcloud/"]
    /// Keys of test suites and of distributions that are public by purpose.
    private static let harmless = ["/usr/share/", "/usr/lib/", "/etc/ssl/certs/", "/usr/local/lib/", "/etc/apk/keys/"]

    static func reason(_ path: String, _ name: String) -> String? {
        if places.contains(where: path.contains) { return "credentials" }
        if harmless.contains(where: { path.begins(with: $0) }) { return nil }
        if names.contains(name) { return "named as a secret" }
        if name.begins(with: "ssh_host_"), name.ends(with: "_key") { return "a host key" }
        return endings.contains(where: { name.ends(with: $0) }) ? "named as a key" : nil
    }

    /// The name of a variable `NAME=value` that looks like one.
    static func variable(_ text: String) -> String? { EnvironmentObserver.secret(text[...]) }
}

extension ImageObserver {
    /// Names of the variables of an image's configuration that look like secrets.
    public static func secretVariables(_ environment: [String]) -> [String] {
        environment.compactMap(SecretNames.variable)
    }
}
