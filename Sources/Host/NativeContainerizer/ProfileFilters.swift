public import Containers
public import Diagnostics
public import HostProbe
public import Isolation
public import LaunchPlanning
import SeccompCompiler
import SeccompFormat

/// Compiles the profiles containers ask for, and keeps the programs for the next launch.
public struct ProfileFilters: FilterCompiling {
    private let cache: FilterCache

    /// `directory` is private to root; it is made when it is missing.
    public init(directory: String) { cache = FilterCache(directory: directory) }

    public func filter(
        _ seccomp: IsolationRequest.Seccomp, capabilities: UInt64, kernel: KernelVersion
    ) throws(Failure) -> TaskFilter {
        let source: FilterRequest.Source
        let name: String
        switch seccomp {
        case .standard: (source, name) = (.standard, "default")
        case .strict: (source, name) = (.strict, "strict")
        case .unconfined: (source, name) = (.unconfined, "unconfined")
        case .profile(let path, let json): (source, name) = (.profile(name: path, json: Array(json.utf8)), path)
        }
        let request = FilterRequest(
            source, capabilities: CapabilitySet(rawValue: capabilities), kernel: Self.release(kernel))
        if case .profile = seccomp, try request.resolved().needsListener {
            throw Failure(
                "seccomp.needs-listener", doing: "use the seccomp profile", on: name,
                cause: "it hands calls to a listener (SCMP_ACT_NOTIFY), and there is none",
                remedy: "choose another action for those calls", field: "security-opt")
        }
        let compiled = try cache.filter(request)
        return TaskFilter(
            program: FilterProgram(bytes: compiled.bytes, name: name), flags: compiled.flags.rawValue)
    }

    public func initFilter() throws(Failure) -> FilterProgram {
        let request = FilterRequest(.initProcess, kernel: KernelRelease(major: 0, minor: 0))
        return FilterProgram(bytes: try cache.filter(request).bytes, name: "init")
    }

    private static func release(_ kernel: KernelVersion) -> KernelRelease {
        KernelRelease(major: UInt32(clamping: kernel.major), minor: UInt32(clamping: kernel.minor))
    }
}
