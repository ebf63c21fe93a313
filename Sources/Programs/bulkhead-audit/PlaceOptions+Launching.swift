import CommandOutput
import Diagnostics
import HostProbe
import ImageStorage
import LinuxKernel
import NativeContainerizer

/// For commands that start containers of their own.
extension PlaceOptions {
    func containerizer() throws(Failure) -> NativeContainerizer {
        try Self.requireRoot()
        return NativeContainerizer(
            places: Places(volatile: statePath, store: storePath), launcherPath: try InstalledProgram.launcher.found(),
            host: HostProbe.abilities())
    }

    func imageStore() throws(Failure) -> ImageStore {
        try Self.requireRoot()
        return try ImageStore(root: storePath, unpacker: Unpacker(program: InstalledProgram.unpacker.place))
    }
}

extension NativeContainerizer {
    /// Held while an image is leased for a container that has no record yet: to whoever sweeps its lease looks
    /// abandoned.
    func launchLock() throws(Failure) -> OwnedDescriptor {
        try records.prepare()
        let path = places.volatile + "/launching"
        do throws(KernelError) {
            let file = try OwnedDescriptor.open(RawPath(path), [.readWrite, .create, .noFollow], mode: 0o600)
            _ = try file.lock(exclusive: false, wait: true)
            return file
        } catch {
            throw error.failure("state.unwritable", doing: "lock", on: path)
        }
    }
}
