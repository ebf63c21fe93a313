import CommandOutput
import Diagnostics
import HostProbe
import ImageStorage
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
