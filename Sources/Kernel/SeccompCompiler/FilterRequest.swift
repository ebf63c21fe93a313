public import Diagnostics
public import SeccompFormat

/// Which filter is wanted, in the few words that decide it.
public struct FilterRequest: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
        case standard, strict, unconfined
        /// The filters of our own processes.
        case initProcess, unpacker
        /// A Docker or OCI profile, its JSON text.
        case profile(name: String, json: [UInt8])
    }

    public var source: Source
    public var capabilities: CapabilitySet
    public var kernel: KernelRelease
    /// Calls handed to a listener of ours, whatever the source says of them.
    public var emulated: Set<EmulatedCall>

    public init(
        _ source: Source, capabilities: CapabilitySet = [], kernel: KernelRelease, emulated: Set<EmulatedCall> = []
    ) {
        self.source = source
        self.capabilities = capabilities
        self.kernel = kernel
        self.emulated = emulated
    }

    /// Reads, resolves and compiles.
    ///
    /// - Throws: `Failure` `seccomp.profile-invalid`, `seccomp.profile-too-large`, `seccomp.filter-too-long`.
    public func compiled() throws(Failure) -> CompiledFilter { try FilterCompiler.compile(try resolved()) }

    /// The flat rules of the filter.
    public func resolved() throws(Failure) -> ResolvedFilter {
        let filter = try unhanded()
        return emulated.isEmpty ? filter : filter.handing(emulated)
    }

    private func unhanded() throws(Failure) -> ResolvedFilter {
        switch source {
        case .standard: resolve(.default)
        case .strict: resolve(.strict)
        case .unconfined: resolve(.unconfined)
        case .initProcess: InitFilter.filter
        case .unpacker: UnpackerFilter.filter
        case .profile(let name, let json): resolve(try SeccompProfile.decode(json: json, name: name))
        }
    }

    private func resolve(_ profile: SeccompProfile) -> ResolvedFilter {
        profile.resolve(for: capabilities, kernel: kernel)
    }
}
