public import Diagnostics
import LinuxKernel

/// A program that belongs to this one.
public struct InstalledProgram: Sendable {
    public static let launcher = InstalledProgram(
        name: "bulkhead-launch", variable: "BULKHEAD_LAUNCHER", missing: "host.no-launcher")
    public static let unpacker = InstalledProgram(
        name: "bulkhead-unpack", variable: "BULKHEAD_UNPACK", missing: "image.unpacker-missing")

    /// What speaks for the cluster: apart, so that starting a container loads no server.
    public static let cluster = InstalledProgram(
        name: "bulkhead-cluster", variable: "BULKHEAD_CLUSTER", missing: "host.no-cluster-program")

    /// What audits.
    public static let audit = InstalledProgram(
        name: "bulkhead-audit", variable: "BULKHEAD_AUDIT", missing: "host.no-audit-program")

    /// What tries to get out of a container, see Sources/Probe.
    public static let probe = InstalledProgram(
        name: "bulkhead-probe", variable: "BULKHEAD_PROBE", missing: "host.no-probe-program")

    public let name: String
    public let variable: String
    public let missing: Failure.Code

    /// Named by the environment, beside us, or where `make install` puts it.
    private var candidates: [String] {
        if let path = ProcessEnvironment.value(variable), !path.isEmpty { return [path] }
        let own = HostFacts.linkTarget("/proc/self/exe") ?? "/"
        let directory = own.cut(at: "/").dropLast().map { "/" + $0 }.joined()
        return ["\(directory)/\(name)", "\(directory)/../libexec/bulkhead/\(name)"]
    }

    /// Where it is, or is expected.
    public var place: String { candidates.first(where: HostFacts.exists) ?? candidates[0] }

    public func found() throws(Failure) -> String {
        let candidates = candidates
        if let found = candidates.first(where: HostFacts.exists) { return found }
        throw Failure(
            missing, doing: "find the program", on: name, cause: "it is not at \(candidates.joined(separator: " or "))",
            remedy: "run 'make build' or 'make install', or name it in \(variable)")
    }
}
