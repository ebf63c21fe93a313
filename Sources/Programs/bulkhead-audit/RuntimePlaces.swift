import ArgumentParser
import CommandOutput
import Diagnostics
import HostProbe
import ImageStorage
import LinuxKernel
import NativeContainerizer

/// Where the runtime that is audited keeps its things; as the runtime's own commands take it.
struct RuntimePlaces: ParsableArguments {
    @Option(help: "Directory of images and containers' files (BULKHEAD_STORE, else /var/lib/bulkhead).")
    var store: String?
    @Option(help: "Directory of running containers' state (BULKHEAD_STATE, else /run/bulkhead).")
    var state: String?

    private var storePath: String { place(store, "BULKHEAD_STORE", ImageStore.defaultPath) }

    private func place(_ given: String?, _ variable: String, _ fallback: String) -> String {
        let path = given ?? ProcessEnvironment.value(variable) ?? fallback
        let absolute = HostPath.absolute(path.isEmpty ? fallback : path, in: CurrentProcess.directory())
        return absolute.count > 1 && absolute.hasSuffix("/") ? String(absolute.dropLast()) : absolute
    }

    func containerizer() throws(Failure) -> NativeContainerizer {
        try requireRoot()
        return NativeContainerizer(
            places: Places(volatile: place(state, "BULKHEAD_STATE", "/run/bulkhead"), store: storePath),
            launcherPath: try InstalledProgram.launcher.found(), host: HostProbe.abilities())
    }

    func imageStore() throws(Failure) -> ImageStore {
        try requireRoot()
        return try ImageStore(root: storePath, unpacker: Unpacker(program: InstalledProgram.unpacker.place))
    }

    private func requireRoot() throws(Failure) {
        let user = HostFacts.effectiveUser()
        guard user != 0 else { return }
        throw Failure(
            "host.not-root", doing: "make a container for the audit", cause: "this is user \(user), not root",
            remedy: "run it with sudo")
    }
}
