import Diagnostics
import LaunchPlanning
import LinuxKernel
import RuntimeSpec

/// Namespaces that a configuration names by path. Each is opened once and used as it was found, whatever its name leads
/// to later. One that is this process's own is none of the container's: as if it were not listed, the container has the
/// caller's (Docs/Decisions/0153).
struct GivenNamespaces: Sendable {
    /// Types that were listed and are our own.
    private(set) var own: [String] = []
    /// Held open as long as the names of a settled configuration are to mean them.
    private var files: [OwnedDescriptor] = []

    /// Takes out of `configuration` what is ours, and puts for each other path one of this process that cannot change.
    static func settle(_ configuration: inout RuntimeConfiguration) throws(Failure) -> GivenNamespaces {
        var result = GivenNamespaces()
        var kept: [LinuxSpec.Namespace] = []
        for var namespace in configuration.linux.namespaces {
            if let path = namespace.path {
                do throws(KernelError) {
                    let file = try open(path)
                    if try isOurs(file, BundleNamespaces.kind(namespace.type)) {
                        result.own.append(namespace.type)
                        continue
                    }
                    namespace.path = file.procPath
                    result.files.append(file)
                } catch {
                    var failure = error.failure(
                        "bundle.cannot-open", doing: "open the namespace of type \(namespace.type)", on: path)
                    failure.field = "linux.namespaces"
                    throw failure
                }
            }
            kept.append(namespace)
        }
        configuration.linux.namespaces = kept
        return result
    }

    /// Looked at before it is opened: whoever opens a pipe waits.
    private static func open(_ path: String) throws(KernelError) -> OwnedDescriptor {
        let place = try OwnedDescriptor.open(RawPath(path), [.path])
        guard try place.status().kind == .regular else {
            throw KernelError(call: "no namespace: open", errno: Errno.invalid)
        }
        return try OwnedDescriptor.open(RawPath(place.procPath), [.nonBlocking, .noControllingTerminal])
    }

    /// Two files of one namespace have the same inode, namespaces(7).
    private static func isOurs(_ file: OwnedDescriptor, _ kind: NamespaceSet) throws(KernelError) -> Bool {
        guard let name = ownName(kind) else { return false }
        let ours: FileStatus
        do throws(KernelError) { ours = try OwnedDescriptor.open(RawPath("/proc/self/ns/\(name)")).status() } catch {
            // This kernel has none of the kind, or children get one that is not made yet.
            if error.errno == Errno.noEntry { return false }
            throw error
        }
        return try file.status().isSameFile(as: ours)
    }

    /// What a process gets that is started without any.
    private static func ownName(_ kind: NamespaceSet) -> String? {
        switch kind {
        case .pid: "pid_for_children"
        case .time: "time_for_children"
        default: NamespaceSet.named.first { $0.set == kind }?.name
        }
    }
}
