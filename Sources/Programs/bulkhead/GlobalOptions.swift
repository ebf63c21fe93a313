import ArgumentParser
import CommandOutput
import Diagnostics
import HostProbe
import ImageStorage
import LinuxKernel
import NativeContainerizer

/// What every command takes.
struct GlobalOptions: ParsableArguments {
    @Option(help: "How results and refusals are shown: table or json.")
    var output = OutputFormat.table

    @Option(help: "Directory of images and containers' files (BULKHEAD_STORE, else /var/lib/bulkhead).")
    var store: String?

    @Option(help: "Directory of running containers' state (BULKHEAD_STATE, else /run/bulkhead).")
    var state: String?

    /// An empty variable is as good as none; an option that names nothing was meant to name something.
    func validate() throws {
        for (name, value) in [("store", store), ("state", state)] where value?.isEmpty == true {
            throw ValidationError("--\(name) names no directory")
        }
    }

    var storePath: String { place(store, "BULKHEAD_STORE", ImageStore.defaultPath) }

    var places: Places { Places(volatile: place(state, "BULKHEAD_STATE", "/run/bulkhead"), store: storePath) }

    /// Relative directories are the caller's; what we keep in records must not depend on where we were started.
    private func place(_ given: String?, _ variable: String, _ fallback: String) -> String {
        let path = given ?? ProcessEnvironment.value(variable) ?? fallback
        let absolute = HostPath.absolute(path.isEmpty ? fallback : path, in: CurrentProcess.directory())
        return absolute.count > 1 && absolute.ends(with: "/") ? String(absolute.dropLast()) : absolute
    }

    /// The runtime; `sweeping`, after what crashes of earlier commands left has been cleaned up. Only who is
    /// `launching` needs the launcher: containers must be stopped and removed without it too.
    func containerizer(sweeping: Bool = false, launching: Bool = false) throws(Failure) -> NativeContainerizer {
        try requireRoot()
        let launcher = InstalledProgram.launcher
        let containerizer = NativeContainerizer(
            places: places, launcherPath: launching ? try launcher.found() : launcher.place,
            host: HostProbe.abilities(store: storePath))
        if sweeping { try Housekeeping(containerizer: containerizer, global: self).sweep() }
        return containerizer
    }

    /// Only who is `importing` needs the unpacker.
    func imageStore(
        importing: Bool = false, policy: PolicySource = PolicySource()
    ) throws(Failure) -> ImageStore {
        try requireRoot()
        let unpacker = InstalledProgram.unpacker
        return try ImageStore(
            root: storePath, unpacker: Unpacker(program: importing ? try unpacker.found() : unpacker.place),
            policy: policy)
    }

    private func requireRoot() throws(Failure) {
        let user = HostFacts.effectiveUser()
        guard user != 0 else { return }
        throw Failure(
            "host.not-root", doing: "manage containers and images", cause: "this is user \(user), not root",
            remedy: "run it with sudo")
    }

    /// Shows `value` as JSON, or `table()` to people.
    func show(_ value: some Encodable, table: () -> String) throws(Failure) {
        try Console.write(output == .json ? try JSONDocument.text(value) : table())
    }
}
