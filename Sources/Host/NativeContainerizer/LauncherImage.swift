public import Diagnostics
import LinuxKernel

/// The launcher in a sealed memory file: what every container's first process is exec'ed from. Nothing can write to it,
/// from inside or outside (CVE-2019-5736), and no path leads to it.
public struct LauncherImage: Sendable {
    let descriptor: OwnedDescriptor

    /// Reads the static program at `path`.
    public init(path: String) throws(Failure) {
        do throws(KernelError) {
            let bytes = try OwnedDescriptor.open(RawPath(path)).readAll(limit: 4 << 20)
            descriptor = try OwnedDescriptor.memoryFile("bulkhead-launch", executable: true)
            try descriptor.write(bytes)
            try descriptor.seal()
        } catch {
            throw error.failure(
                "host.no-launcher", doing: "load the launcher", on: path,
                remedy: "install bulkhead-launch beside bulkhead, or name it in BULKHEAD_LAUNCHER")
        }
    }
}
