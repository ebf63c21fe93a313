public import Containers
public import Diagnostics
import LinuxKernel

/// What a volume shows of the host.
public enum VolumeSource {
    /// What is at the source of a volume, following links as the kernel will.
    /// - Throws: `volume.source-missing`, `volume.source-unreadable`.
    public static func isFile(_ path: String, confinedTo root: String? = nil) throws(Failure) -> Bool {
        do throws(KernelError) {
            return try ConfinedPath.open(path, beneath: root).status().kind != .directory
        } catch {
            throw failure(error, path)
        }
    }

    /// The source without links, for an engine that takes names only. What is changed there afterwards the engine
    /// follows; the other containerizers are given what was found here.
    /// - Throws: as `isFile`.
    public static func resolved(_ volume: VolumeRequest) throws(Failure) -> String {
        guard let root = volume.confinedTo else { return volume.source }
        do throws(KernelError) {
            let place = try ConfinedPath.open(volume.source, beneath: root)
            guard let found = HostFacts.linkTarget(place.procPath) else {
                throw KernelError(call: "find", on: volume.source, errno: Errno.noEntry)
            }
            return found
        } catch {
            throw failure(error, volume.source)
        }
    }

    private static func failure(_ error: KernelError, _ path: String) -> Failure {
        let isMissing = error.errno == Errno.noEntry
        return Failure(
            isMissing ? "volume.source-missing" : "volume.source-unreadable", doing: "mount the volume", on: path,
            cause: isMissing ? "there is no such file or directory on the host" : error.description,
            remedy: isMissing
                ? "make it first: mkdir -p \(path)"
                : error.errno == Errno.crossDevice
                    ? "a link on its way leads out of what tasks may have; name a place there without links"
                    : "run as a user who can reach it",
            field: "volume")
    }
}
