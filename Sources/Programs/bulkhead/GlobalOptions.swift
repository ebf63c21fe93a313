import ArgumentParser
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

    var storePath: String { place(store, "BULKHEAD_STORE", ImageStore.defaultPath) }

    var places: Places { Places(volatile: place(state, "BULKHEAD_STATE", "/run/bulkhead"), store: storePath) }

    /// Relative directories are the caller's; what we keep in records must not depend on where we were started.
    private func place(_ given: String?, _ variable: String, _ fallback: String) -> String {
        let path = given ?? ProcessEnvironment.value(variable) ?? fallback
        let absolute = HostPath.absolute(path.isEmpty ? fallback : path, in: CurrentProcess.directory())
        return absolute.count > 1 && absolute.hasSuffix("/") ? String(absolute.dropLast()) : absolute
    }

    /// The runtime, after what crashes of earlier commands left has been cleaned up.
    func containerizer(sweeping: Bool = false) throws(Failure) -> NativeContainerizer {
        try requireRoot()
        let containerizer = NativeContainerizer(
            places: places, launcherPath: try InstalledProgram.launcher(), host: HostProbe.abilities())
        if sweeping { try Housekeeping(containerizer: containerizer, global: self).sweep() }
        return containerizer
    }

    func imageStore() throws(Failure) -> ImageStore {
        try requireRoot()
        return try ImageStore(root: storePath, unpacker: Unpacker(program: try InstalledProgram.unpacker()))
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

/// The programs that belong to this one.
enum InstalledProgram {
    static func launcher() throws(Failure) -> String {
        try find("bulkhead-launch", variable: "BULKHEAD_LAUNCHER", code: "host.no-launcher")
    }

    static func unpacker() throws(Failure) -> String {
        try find("bulkhead-unpack", variable: "BULKHEAD_UNPACK", code: "image.unpacker-missing")
    }

    /// Named by the environment, beside us, or where `make install` puts it.
    private static func find(_ name: String, variable: String, code: Failure.Code) throws(Failure) -> String {
        if let path = ProcessEnvironment.value(variable), !path.isEmpty { return path }
        let own = HostFacts.linkTarget("/proc/self/exe") ?? "/"
        let directory = own.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        let candidates = ["\(directory)/\(name)", "\(directory)/../libexec/bulkhead/\(name)"]
        if let found = candidates.first(where: HostFacts.exists) { return found }
        throw Failure(
            code, doing: "find the program", on: name, cause: "it is not at \(candidates.joined(separator: " or "))",
            remedy: "run 'make build' or 'make install', or name it in \(variable)")
    }
}
