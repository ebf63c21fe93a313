public import Diagnostics
import Synchronization

/// The launcher in a sealed memory file: what every container's first process is exec'ed from. Nothing can write to it,
/// from inside or outside (CVE-2019-5736), and no path leads to it.
public struct LauncherImage: Sendable {
    /// The images of this process, by the path each was read from. Sealed, so one serves every launch.
    private static let kept = Mutex<[String: OwnedDescriptor]>([:])

    public let descriptor: OwnedDescriptor

    /// The static program at `path`, as it was when it was first asked for.
    public init(path: String) throws(Failure) {
        descriptor = try Self.kept.withLock { kept throws(Failure) in
            if let image = kept[path] { return image }
            let image = try Self.load(path)
            kept[path] = image
            return image
        }
    }

    /// One that has been asked for before.
    public static var any: LauncherImage? {
        kept.withLock { $0.values.first }.map { LauncherImage(descriptor: $0) }
    }

    private init(descriptor: OwnedDescriptor) { self.descriptor = descriptor }

    private static func load(_ path: String) throws(Failure) -> OwnedDescriptor {
        do throws(KernelError) {
            let image = try OwnedDescriptor.memoryFile("bulkhead-launch", executable: true)
            try image.append(contentsOf: try OwnedDescriptor.open(RawPath(path)), limit: 4 << 20)
            // Who executes what it may not read is closed, from the first instruction on, to every tracer in a user
            // namespace below ours: the launcher that joins a container is a stranger to all in it, ptrace(2).
            try image.changeMode(0o111)
            try image.seal()
            return image
        } catch {
            throw error.failure(
                "host.no-launcher", doing: "load the launcher", on: path,
                remedy: "install bulkhead-launch beside bulkhead, or name it in BULKHEAD_LAUNCHER")
        }
    }
}
