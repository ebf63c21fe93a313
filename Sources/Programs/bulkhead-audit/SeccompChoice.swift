import Containers
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer
import SeccompCompiler
import SeccompFormat

/// A profile somebody named, resolved and compiled as a launch on this host would.
struct SeccompChoice {
    var name: String
    var filter: ResolvedFilter
    var instructions: [FilterInstruction]
    /// The reviewed table behind it, where it is one of ours.
    var groups: [CallGroup]
    var program: [UInt8]

    /// `text` is default, strict, unconfined, a path, or a container's name. Without a container, capabilities are
    /// those of root inside.
    init(_ text: String, _ places: PlaceOptions, adding: CapabilitySet = []) throws(Failure) {
        let source: FilterRequest.Source
        var capabilities = CapabilitySet(rawValue: CapabilitySet.rootDefault.rawValue | adding.rawValue)
        var emulated: Set<EmulatedCall> = []
        switch text {
        case "default", "standard": source = .standard
        case "strict": source = .strict
        case "unconfined": source = .unconfined
        case _ where text.has("/"): source = .profile(name: text, json: try Self.file(text))
        default:
            let isolation = try places.containerizer().find(text).request.isolation
            capabilities = CapabilitySet(rawValue: isolation.capabilities)
            source = Self.source(isolation.seccomp)
            emulated = Set(isolation.emulated ?? [])
        }
        try self.init(text, source, capabilities, emulated: emulated)
    }

    init(
        _ name: String, _ source: FilterRequest.Source, _ capabilities: CapabilitySet,
        emulated: Set<EmulatedCall> = []
    ) throws(Failure) {
        self.name = name
        guard let kernel = KernelRelease(release: HostFacts.kernelRelease()) else {
            throw Failure("host.unreadable", doing: "read the kernel's release", on: HostFacts.kernelRelease())
        }
        let request = FilterRequest(source, capabilities: capabilities, kernel: kernel, emulated: emulated)
        filter = try request.resolved()
        program = try request.compiled().bytes
        instructions = FilterInstruction.decode(program) ?? []
        groups =
            switch source {
            case .standard: DefaultTable.groups
            case .strict: DefaultTable.strictGroups
            default: []
            }
    }

    private static func source(_ seccomp: IsolationRequest.Seccomp) -> FilterRequest.Source {
        switch seccomp {
        case .standard: .standard
        case .strict: .strict
        case .unconfined: .unconfined
        case .profile(let name, let json): .profile(name: name, json: Array(json.utf8))
        }
    }

    static func file(_ path: String) throws(Failure) -> [UInt8] {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path)).readAll(limit: SeccompProfile.documentBytesMax)
        } catch {
            throw error.failure("seccomp.unreadable", doing: "read the seccomp profile", on: path)
        }
    }

    /// What the compiled program answers to one number, whatever the arguments.
    func survey(_ number: UInt32, on architecture: FilterArchitecture) throws(Failure) -> String {
        if instructions.isEmpty { return FilterAction.allow.description }
        return try FilterSurvey(of: instructions, architecture: architecture.auditArchitecture, number: number).text
    }

    /// The same in a few words: with conditions, the answers there are.
    func summary(_ number: UInt32, on architecture: FilterArchitecture) throws(Failure) -> String {
        if instructions.isEmpty { return FilterAction.allow.description }
        let survey = try FilterSurvey(
            of: instructions, architecture: architecture.auditArchitecture, number: number)
        if let action = survey.onlyAction { return action.description }
        return "by its arguments: " + Set(survey.ways.map(\.action.description)).sorted().joined(separator: " or ")
    }

    /// Why, in the words of the reviewed table.
    func reason(_ call: String) -> String? {
        for group in groups {
            if let decision = group.decisions.first(where: { $0.call == call }) { return decision.reason }
            if group.allowed.contains(call) { return group.why }
        }
        return nil
    }

    /// The ABIs a processor of this host runs.
    static let architectures = FilterArchitecture.allCases.filter { $0.runs(on: .native) }
}
