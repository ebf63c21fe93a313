public import Containers
public import Diagnostics
public import HostProbe
public import Isolation
public import LaunchPlanning
import SeccompCompiler
public import SeccompFormat
import Synchronization

/// Compiles the profiles containers ask for, and keeps the programs for the next launch: our own in memory, all of them
/// as files.
public struct ProfileFilters: FilterCompiling {
    /// Programs of our own profiles by name and capabilities; users' profiles may be large and are not kept here.
    private final class Kept: Sendable {
        let filters = Mutex<[String: TaskFilter]>([:])
    }

    private static let keptMax = 32
    private let cache: FilterCache
    private let kept = Kept()

    /// `directory` is private to root; it is made when it is missing.
    public init(directory: String) { cache = FilterCache(directory: directory) }

    private func keeping(
        _ key: String, _ make: () throws(Failure) -> TaskFilter
    ) throws(Failure) -> TaskFilter {
        if let known = kept.filters.withLock({ $0[key] }) { return known }
        let new = try make()
        kept.filters.withLock { filters in
            if filters.count >= Self.keptMax { filters.removeAll() }
            filters[key] = new
        }
        return new
    }

    public func filter(
        _ seccomp: IsolationRequest.Seccomp, capabilities: UInt64, kernel: KernelVersion, emulated: Set<EmulatedCall>
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
            source, capabilities: CapabilitySet(rawValue: capabilities), kernel: Self.release(kernel),
            emulated: emulated)
        if case .profile = seccomp {
            try Self.checkListener(request, name)
            return try compiled(request, name)
        }
        let calls = emulated.map(\.rawValue).sorted()
        return try keeping("\(name) \(capabilities) \(kernel) \(calls)") { () throws(Failure) in
            try compiled(request, name)
        }
    }

    /// Who listens here answers the calls named with --emulate and no others.
    private static func checkListener(_ request: FilterRequest, _ name: String) throws(Failure) {
        var own = request
        own.emulated = []
        guard try own.resolved().needsListener else { return }
        throw Failure(
            "seccomp.needs-listener", doing: "use the seccomp profile", on: name,
            cause: "it hands calls to a listener (SCMP_ACT_NOTIFY), and there is none",
            remedy: "choose another action for those calls; what --emulate names is handed to a listener of ours",
            field: "security-opt")
    }

    private func compiled(_ request: FilterRequest, _ name: String) throws(Failure) -> TaskFilter {
        let compiled = try cache.filter(request)
        return TaskFilter(
            program: FilterProgram(bytes: compiled.bytes, name: name), flags: compiled.flags.rawValue)
    }

    public func initFilter() throws(Failure) -> FilterProgram {
        let kept = try keeping("init") { () throws(Failure) in
            let request = FilterRequest(.initProcess, kernel: KernelRelease(major: 0, minor: 0))
            return TaskFilter(program: FilterProgram(bytes: try cache.filter(request).bytes, name: "init"), flags: 0)
        }
        return kept.program
    }

    private static func release(_ kernel: KernelVersion) -> KernelRelease {
        KernelRelease(major: UInt32(clamping: kernel.major), minor: UInt32(clamping: kernel.minor))
    }
}
