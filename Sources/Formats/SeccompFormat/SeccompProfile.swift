public import Diagnostics

/// A seccomp profile before it meets a host: rules that may depend on the container's capabilities, the kernel and the
/// processor. Made by `decode(json:)` from Docker's or OCI's JSON, or one of our own.
public struct SeccompProfile: Equatable, Sendable {
    /// Where it came from, for people.
    public var name: String
    public var defaultAction: FilterAction
    public var architectures: ArchitectureChoice
    public var flags: FilterFlags
    public var rules: [ProfileRule]
    public var notes: [String]

    public init(
        name: String, defaultAction: FilterAction, architectures: ArchitectureChoice = .nativeOnly,
        flags: FilterFlags = [], rules: [ProfileRule], notes: [String] = []
    ) {
        self.name = name
        self.defaultAction = defaultAction
        self.architectures = architectures
        self.flags = flags
        self.rules = rules
        self.notes = notes
    }

    /// No filter at all.
    public static let unconfined = SeccompProfile(name: "unconfined", defaultAction: .allow, rules: [])
}

/// Which ABIs a profile opens beside the native one.
public enum ArchitectureChoice: Equatable, Sendable {
    case nativeOnly
    /// The OCI form: these, where the processor runs them.
    case listed([FilterArchitecture])
    /// Docker's `archMap`: for each native ABI the others to open.
    case map([FilterArchitecture: [FilterArchitecture]])
}

/// A rule of a profile: some calls, conditions on their arguments, and when the rule is there at all.
public struct ProfileRule: Equatable, Sendable {
    public var calls: [String]
    public var conditions: [ArgumentCondition]
    public var action: FilterAction
    /// The rule is there only where all of these hold.
    public var includes: HostFilter
    /// The rule is not there where any of these holds.
    public var excludes: HostFilter

    public init(
        _ calls: [String], when conditions: [ArgumentCondition] = [], _ action: FilterAction,
        includes: HostFilter = HostFilter(), excludes: HostFilter = HostFilter()
    ) {
        self.calls = calls
        self.conditions = conditions
        self.action = action
        self.includes = includes
        self.excludes = excludes
    }
}

/// Facts about container and host on which a rule may depend; an empty one asks for nothing.
public struct HostFilter: Equatable, Sendable {
    public var capabilities: CapabilitySet
    /// Docker's names: `amd64`, `arm64`.
    public var architectures: Set<String>
    public var kernelMin: KernelRelease?
    public init(
        capabilities: CapabilitySet = [], architectures: Set<String> = [], kernelMin: KernelRelease? = nil
    ) {
        self.capabilities = capabilities
        self.architectures = architectures
        self.kernelMin = kernelMin
    }
}

/// The first two numbers of a kernel release such as `6.18.3-cloud-amd64`.
public struct KernelRelease: Comparable, Hashable, Sendable, CustomStringConvertible {
    public var major: UInt32
    public var minor: UInt32
    public init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }

    /// Reads the numbers a release, as uname(2) gives it, starts with; nil when it does not start with two.
    public init?(release: String) {
        let numbers = release.cut(at: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard numbers.count >= 2, let major = UInt32(numbers[0]) else { return nil }
        guard let minor = UInt32(numbers[1].prefix { $0.isASCII && $0.isNumber }) else { return nil }
        self.init(major: major, minor: minor)
    }

    public var description: String { "\(major).\(minor)" }

    public static func < (left: KernelRelease, right: KernelRelease) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
}

extension SeccompProfile {
    /// Decides everything that depends on the container and the host, by the rules Docker has for it: a rule is there
    /// when nothing in `excludes` holds and everything in `includes` does.
    public func resolve(
        for capabilities: CapabilitySet, kernel: KernelRelease, native: FilterArchitecture = .native
    ) -> ResolvedFilter {
        var notes = notes
        var rules: [FilterRule] = []
        for rule in self.rules where rule.applies(to: capabilities, kernel: kernel, native: native) {
            let alternatives = rule.alternatives
            if alternatives.count > 1 {
                notes.append(
                    "\(rule.calls.joined(separator: " ")): the conditions name one argument more than once and are "
                        + "read as alternatives, as runc and crun do")
            }
            // runc leaves such a rule out, so a later rule about the same call decides.
            if rule.conditions.isEmpty, rule.action == defaultAction { continue }
            for call in rule.calls {
                rules += alternatives.map { FilterRule(call, when: $0, rule.action) }
            }
        }
        let opened = openedArchitectures(native: native)
        for missing in opened where !missing.runs(on: native) {
            notes.append("\(missing.rawValue) is listed but no processor of this kind runs it")
        }
        return ResolvedFilter(
            name: name, defaultAction: defaultAction,
            architectures: [native]
                + FilterArchitecture.allCases.filter {
                    $0 != native && opened.contains($0) && $0.runs(on: native)
                },
            flags: flags, rules: rules, notes: notes)
    }

    private func openedArchitectures(native: FilterArchitecture) -> [FilterArchitecture] {
        switch architectures {
        case .nativeOnly: []
        case .listed(let listed): listed
        case .map(let map): map[native] ?? []
        }
    }
}

extension ProfileRule {
    func applies(to capabilities: CapabilitySet, kernel: KernelRelease, native: FilterArchitecture) -> Bool {
        if excludes.architectures.contains(native.dockerName) { return false }
        if !excludes.capabilities.isDisjoint(with: capabilities) { return false }
        if let limit = excludes.kernelMin, kernel >= limit { return false }
        if !includes.architectures.isEmpty, !includes.architectures.contains(native.dockerName) { return false }
        if !includes.capabilities.isSubset(of: capabilities) { return false }
        if let limit = includes.kernelMin, kernel < limit { return false }
        return true
    }

    /// The conditions as sets of which one must hold in full. Normally there is one set. When one argument is named
    /// twice every condition is a set of its own: libseccomp takes one comparison per argument only, runc and crun
    /// split the rule for it, and existing profiles rely on that.
    var alternatives: [[ArgumentCondition]] {
        let indices = Set(conditions.map(\.index))
        return indices.count == conditions.count ? [conditions] : conditions.map { [$0] }
    }
}
