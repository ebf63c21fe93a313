import Diagnostics
import LinuxKernel

/// Whether the file system containers' files are on holds them to disk limits.
enum DiskProbe {
    static func ability(of store: String) -> Ability {
        switch state(of: store) {
        case .enforced: .enforced
        case .counted:
            Ability(
                .unavailable, why: "the file system of \(store) counts what projects use and does not limit it",
                remedy: "mount it with the option prjquota, or give --disk-backing loop")
        case .none:
            Ability(
                .unavailable, why: "the file system of \(store) has no project quotas",
                remedy: "use XFS mounted with prjquota, or ext4 after tune2fs -O project,quota, or give "
                    + "--disk-backing loop")
        }
    }

    /// Of the nearest directory that exists: the store is made with the first image.
    private static func state(of path: String) -> ProjectQuotaState {
        var components = path.cut(at: "/")
        while true {
            let candidate = "/" + components.joined(separator: "/")
            do throws(KernelError) {
                return try OwnedDescriptor.open(RawPath(candidate), [.directory]).projectQuotaState()
            } catch {
                if error.errno != Errno.noEntry || components.isEmpty { return .none }
            }
            components.removeLast()
        }
    }
}
