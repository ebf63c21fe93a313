public import Diagnostics
public import LaunchPlanning
import LinuxKernel
import RuntimeSpec

/// process.apparmorProfile and process.selinuxLabel. A label nobody enforces is a wall that is not there: refused
/// (Docs/Decisions/0144).
public struct BundleLabels: BundleContributor {
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "labels")
        if let profile = context.process?.apparmorProfile, !profile.isEmpty, profile != "unconfined" {
            guard context.modules.contains(.appArmor) else {
                throw SpecObject.refusal(
                    "process.apparmorProfile",
                    "this kernel enforces no AppArmor profile, and so not \(Untrusted.shown(profile))",
                    remedy: "leave it out, or enable AppArmor")
            }
            contribution.add(.setLabel(file: "attr/apparmor/exec", value: "exec \(profile)"), at: .resources)
        }
        if let label = context.process?.selinuxLabel, !label.isEmpty {
            guard context.modules.contains(.selinux) else {
                throw SpecObject.refusal(
                    "process.selinuxLabel",
                    "this kernel enforces no SELinux policy, and so not \(Untrusted.shown(label))",
                    remedy: "leave it out, or enable SELinux")
            }
            contribution.add(.setLabel(file: "attr/exec", value: label), at: .resources)
        }
        // Without SELinux files have no label that anybody reads; with it the container's would have the wrong one.
        if let label = context.linux.mountLabel, !label.isEmpty, context.modules.contains(.selinux) {
            throw SpecObject.refusal(
                "linux.mountLabel", "mounts are not labelled by this runtime", remedy: "label the files beforehand")
        }
        return contribution
    }
}

/// Security modules this kernel enforces.
public struct SecurityModules: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let appArmor = SecurityModules(rawValue: 1)
    public static let selinux = SecurityModules(rawValue: 2)

    static func enforced() -> SecurityModules {
        var found: SecurityModules = []
        do throws(KernelError) {
            if try TextFile.read("/sys/module/apparmor/parameters/enabled").hasPrefix("Y") { found.insert(.appArmor) }
        } catch { found.remove(.appArmor) }
        if HostFacts.exists("/sys/fs/selinux/enforce") { found.insert(.selinux) }
        return found
    }
}
