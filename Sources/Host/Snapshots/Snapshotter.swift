public import Diagnostics
public import LaunchPlanning

/// Gives every container a root file system of its own over shared layers. Returns mounts as values, mounts nothing.
///
/// `prepare` for a name that exists gives the same tree again; `remove` of a name that does not is fine.
public protocol Snapshotter: Sendable {
    /// `layers` are directories, lowest first; `identities` says which host ids are the container's. With an
    /// `allowance` what is written there stays within it, or this is refused.
    func prepare(
        _ name: String, layers: [String], identities: IDMapping, allowance: DiskAllowance?
    ) throws(Failure) -> RootTree
    func remove(_ name: String) throws(Failure)
}
