import Diagnostics
import LinuxKernel

/// Where the root of a container that shares our mount namespace is attached: a directory of its own that nobody else
/// enters, apart from the container's, which is removed with all that is in it. What the bundle has at its root stays
/// as it is for everybody else.
extension BundleStore {
    private static let layersMax = 4_096

    func anchor(_ id: String) -> String { "\(root)/.roots/\(id)" }

    func makeAnchor(_ id: String) throws(Failure) {
        do throws(KernelError) { try Directories.makeAll(anchor(id), mode: 0o700) } catch {
            throw Self.failed(error, "make the place of the container's root")
        }
    }

    /// Takes away the root and all that is mounted in it. The directory itself goes only when nothing is there.
    func removeAnchor(_ id: String) throws(Failure) {
        do throws(KernelError) {
            // Something may have been mounted over it.
            for _ in 0..<Self.layersMax { try Mounts.detach(anchor(id)) }
        } catch {
            // EINVAL: it is no mount any more.
            guard [Errno.invalid, Errno.noEntry].contains(error.errno) else {
                throw Self.failed(error, "take the container's root away")
            }
        }
        do throws(KernelError) { try Directories.removeEmpty(anchor(id)) } catch {
            throw Self.failed(error, "remove the place of the container's root")
        }
    }
}
