public import Containers
public import Diagnostics
public import HostProbe
public import Isolation
public import LaunchPlanning
import SeccompCompiler
import SeccompFormat

/// Compiles the profiles containers ask for.
public struct ProfileFilters: FilterCompiling {
    public init() {}

    public func filter(
        _ seccomp: IsolationRequest.Seccomp, capabilities: UInt64, kernel: KernelVersion
    ) throws(Failure) -> FilterProgram {
        let profile: SeccompProfile
        switch seccomp {
        case .standard: profile = .default
        case .strict: profile = .strict
        case .unconfined: return .none
        case .profile(let name, let json): profile = try SeccompProfile.decode(json: Array(json.utf8), name: name)
        }
        let resolved = profile.resolve(
            for: CapabilitySet(rawValue: capabilities),
            kernel: KernelRelease(major: UInt32(kernel.major), minor: UInt32(kernel.minor)))
        return FilterProgram(bytes: try compiled(resolved), name: profile.name)
    }

    public func initFilter() throws(Failure) -> FilterProgram {
        FilterProgram(bytes: try compiled(InitFilter.filter), name: "init")
    }

    private func compiled(_ filter: ResolvedFilter) throws(Failure) -> [UInt8] {
        try FilterCompiler.compile(filter).bytes
    }
}
