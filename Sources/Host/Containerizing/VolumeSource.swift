public import Diagnostics
import LinuxKernel

/// What a volume shows of the host.
public enum VolumeSource {
    /// What is at the source of a volume, following links as the kernel will.
    /// - Throws: `volume.source-missing`, `volume.source-unreadable`.
    public static func isFile(_ path: String) throws(Failure) -> Bool {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path), [.path]).status().kind != .directory
        } catch {
            let isMissing = error.errno == Errno.noEntry
            throw Failure(
                isMissing ? "volume.source-missing" : "volume.source-unreadable", doing: "mount the volume", on: path,
                cause: isMissing ? "there is no such file or directory on the host" : error.description,
                remedy: isMissing ? "make it first: mkdir -p \(path)" : "run as a user who can reach it",
                field: "volume")
        }
    }
}
