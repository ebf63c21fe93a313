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
        if compiled.bytes.isEmpty { return contribution }
        let program = FilterProgram(bytes: compiled.bytes, name: "linux.seccomp")
        if compiled.needsListener {
            guard let path = section.listenerPath else {
                throw SeccompSection.refusal("listenerPath", "calls are handed to a listener, and it has no path")
            }
            guard context.isSocket(path) else {
                throw SeccompSection.refusal("listenerPath", "there is no socket at \(path) to hand a listener to")
            }
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
}
