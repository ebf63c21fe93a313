public import Diagnostics
public import LaunchPlanning
import LinuxKernel
import RuntimeSpec
import SeccompCompiler
import SeccompFormat

/// linux.seccomp, installed last. With calls that are handed to a listener, its descriptor goes to listenerPath.
public struct BundleSeccomp: BundleContributor {
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "seccomp")
        guard let section = context.linux.seccomp, context.process != nil else { return contribution }
        let compiled = try context.filter(
            FilterRequest(
                .profile(name: "linux.seccomp", json: section.text),
                capabilities: context.process?.capabilities?.bounding ?? [],
                kernel: KernelRelease(release: HostFacts.kernelRelease()) ?? KernelRelease(major: 0, minor: 0)))
        let isAwaited = try isAwaited(section, compiled.needsListener, context)
        if compiled.bytes.isEmpty, !isAwaited { return contribution }
        let program = FilterProgram(
            bytes: compiled.bytes.isEmpty ? Self.allowing : compiled.bytes, name: "linux.seccomp")
        if isAwaited {
            // The launcher has one thread; the kernel takes this flag and a listener only together with another one.
            let flags = compiled.flags.subtracting(.allThreads)
            contribution.add(.listeningFilter(flags: flags.rawValue, program: program), at: .filter)
        } else {
            // Nobody waits where there is no listener, and the kernel refuses the flag then.
            let flags = compiled.flags.subtracting(.waitKillable)
            contribution.add(.installFilter(flags: flags.rawValue, program: program), at: .filter)
        }
        return contribution
    }

    /// Whether somebody is to get the filter's listener: whoever waits at listenerPath, also for rules that hand no
    /// call over, since whoever waits is told by nothing else that there is a container.
    private func isAwaited(
        _ section: SeccompSection, _ isNeeded: Bool, _ context: BundleContext
    ) throws(Failure) -> Bool {
        guard let path = section.listenerPath else {
            if !isNeeded { return false }
            throw SeccompSection.refusal("listenerPath", "calls are handed to a listener, and it has no path")
        }
        if context.isSocket(path) { return true }
        if !isNeeded { return false }
        throw SeccompSection.refusal("listenerPath", "there is no socket at \(path) to hand a listener to")
    }

    /// One instruction: return SECCOMP_RET_ALLOW, seccomp(2).
    private static let allowing: [UInt8] = [6, 0, 0, 0, 0, 0, 0xff, 0x7f]
}
