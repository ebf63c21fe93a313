import ArgumentParser
import CommandOutput
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer

/// Where containers and images of ours are.
struct PlaceOptions: ParsableArguments {
    @Option(help: "Directory of images and containers' files (BULKHEAD_STORE, else /var/lib/bulkhead).")
    var store: String?
    @Option(help: "Directory of running containers' state (BULKHEAD_STATE, else /run/bulkhead).")
    var state: String?

    var storePath: String { place(store, "BULKHEAD_STORE", "/var/lib/bulkhead") }
    var statePath: String { place(state, "BULKHEAD_STATE", "/run/bulkhead") }

    private func place(_ given: String?, _ variable: String, _ fallback: String) -> String {
        let path = given ?? ProcessEnvironment.value(variable) ?? ""
        let absolute = HostPath.absolute(path.isEmpty ? fallback : path, in: CurrentProcess.directory())
        return absolute.count > 1 && absolute.ends(with: "/") ? String(absolute.dropLast()) : absolute
    }

    /// `own`: where an agent's containers are; nil: the command line's.
    func runtime(_ host: HostAbilities, at own: Places? = nil) -> NativeContainerizer {
        NativeContainerizer(
            places: own ?? Places(volatile: statePath, store: storePath),
            launcherPath: InstalledProgram.launcher.place, host: host)
    }

    static func requireRoot() throws(Failure) {
        let user = HostFacts.effectiveUser()
        guard user != 0 else { return }
        throw Failure(
            "host.not-root", doing: "observe other users' processes", cause: "this is user \(user), not root",
            remedy: "run it with sudo")
    }
}
