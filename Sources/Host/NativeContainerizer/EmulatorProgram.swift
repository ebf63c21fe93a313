import Diagnostics
import LinuxKernel

/// Where the program is that answers calls: named by the environment, beside us or the launcher, or where
/// `make install` puts it.
enum EmulatorProgram {
    private static let name = "bulkhead-emulate"
    private static let variable = "BULKHEAD_EMULATE"

    static func found(launcher: String) throws(Failure) -> String {
        let candidates = candidates(launcher: launcher)
        if let found = candidates.first(where: HostFacts.exists) { return found }
        throw Failure(
            "host.no-emulator", doing: "find the program that answers --emulate", on: name,
            cause: "it is not at \(candidates.joined(separator: " or "))",
            remedy: "run 'make build' or 'make install', or name it in \(variable)")
    }

    private static func candidates(launcher: String) -> [String] {
        if let path = ProcessEnvironment.value(variable), !path.isEmpty { return [path] }
        let own = directory(of: HostFacts.linkTarget("/proc/self/exe") ?? "/")
        return ["\(own)/\(name)", "\(own)/../libexec/bulkhead/\(name)", "\(directory(of: launcher))/\(name)"]
    }

    private static func directory(of path: String) -> String {
        let parents = path.cut(at: "/").dropLast().joined(separator: "/")
        return path.begins(with: "/") ? "/" + parents : parents.isEmpty ? "." : parents
    }
}
