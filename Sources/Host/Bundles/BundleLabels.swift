public import Diagnostics
public import LaunchPlanning
public import LinuxKernel
import RuntimeSpec

/// process.apparmorProfile and process.selinuxLabel. A label nobody enforces is a wall that is not there: refused
/// (Docs/Decisions/0144). A host that only reports what its policy denies was set so by whoever owns it: there the
/// label is applied, and `notes` says that nothing holds it (Docs/Decisions/0127).
public struct BundleLabels: BundleContributor {
    public init() {}

    public func contribute(_ context: BundleContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: "labels")
        if let profile = context.process?.apparmorProfile, !profile.isEmpty, profile != "unconfined" {
            guard context.modules.hasAppArmor else {
                throw SpecObject.refusal(
                    "process.apparmorProfile",
                    "this kernel enforces no AppArmor profile, and so not \(Untrusted.shown(profile))",
                    remedy: "leave it out, or enable AppArmor")
            }
            contribution.add(.setLabel(file: "attr/apparmor/exec", value: "exec \(profile)"), at: .resources)
        }
        if let label = context.process?.selinuxLabel, !label.isEmpty {
            try demandPolicy(context.modules, label)
            let known = try context.modules.known(label, "process.selinuxLabel")
            if !context.options.keepsKeyring {
                // The keyring of before has the launcher's label: the task could not use it.
                contribution.add(.setLabel(file: "attr/keycreate", value: known), at: .resources)
                contribution.add(.newKeyring, at: .resources)
            }
            contribution.add(.setLabel(file: "attr/exec", value: known), at: .resources)
        }
        return contribution
    }

    private func demandPolicy(_ modules: SecurityModules, _ label: String) throws(Failure) {
        let why: String, remedy: String
        switch modules.selinux {
        case .enforcing, .permissive: return
        case .absent: (why, remedy) = ("this kernel enforces no SELinux policy", "enable SELinux")
        case .empty: (why, remedy) = ("SELinux is active and has no policy", "load one")
        case .hidden:
            why = "SELinux is active and its files are not mounted"
            remedy = "mount -t selinuxfs none /sys/fs/selinux"
        }
        throw SpecObject.refusal(
            "process.selinuxLabel", "\(why), and so not \(Untrusted.shown(label))",
            remedy: "leave it out, or \(remedy)")
    }

    /// File systems that take a label as they are made, also in a user namespace. Those of the kernel's own have what
    /// its policy says: proc and sysfs, and mqueue, which the kernel has made before anybody mounts it.
    private static let labelled: Set = ["tmpfs", "ramfs", "devpts", "overlay"]

    /// `data` of a file system that is made for the container, with linux.mountLabel. A mount that names a label itself
    /// keeps it.
    static func labelled(_ data: [String], type: String, _ context: BundleContext) throws(Failure) -> [String] {
        guard let label = context.linux.mountLabel, !label.isEmpty, context.modules.labelsFiles,
            labelled.contains(type), !data.contains(where: { $0.begins(with: "context=") })
        else { return data }
        return data + ["context=" + (try context.modules.known(label, "linux.mountLabel"))]
    }

    /// Whoever joins has of the container what it does not name itself, as with runc: without a label it would run
    /// under ours, without capabilities with none, and without limits with this program's.
    static func inherit(from first: ProcessSpec?, by process: inout ProcessSpec) {
        process.capabilities = process.capabilities ?? first?.capabilities
        if process.limits.isEmpty { process.limits = first?.limits ?? [] }
        process.oomScore = process.oomScore ?? first?.oomScore
        process.scheduling = process.scheduling ?? first?.scheduling
        process.ioPriority = process.ioPriority ?? first?.ioPriority
        if process.selinuxLabel?.isEmpty != false { process.selinuxLabel = first?.selinuxLabel }
        if process.apparmorProfile?.isEmpty != false { process.apparmorProfile = first?.apparmorProfile }
    }

    /// What whoever starts a container should know.
    static func notes(_ context: BundleContext) -> [String] {
        guard let label = context.process?.selinuxLabel, !label.isEmpty, context.modules.selinux == .permissive else {
            return []
        }
        return ["SELinux is permissive: nothing holds the container to \(Untrusted.shown(label))"]
    }
}

/// What of security modules decides about a bundle. A value, but for the question the kernel is asked about a label.
public struct SecurityModules: Sendable {
    public var hasAppArmor = false
    public var selinux = SELinux.State.absent
    /// A label as the kernel writes it.
    public var canonical: @Sendable (String) throws(KernelError) -> String = { (label) throws(KernelError) in label }
    public init() {}

    var labelsFiles: Bool { selinux == .enforcing || selinux == .permissive }

    func known(_ label: String, _ field: String) throws(Failure) -> String {
        do throws(KernelError) { return try canonical(label) } catch {
            guard error.errno == Errno.invalid else {
                throw SpecObject.refusal(field, "SELinux cannot be asked about \(Untrusted.shown(label)): \(error)")
            }
            throw SpecObject.refusal(
                field, "the SELinux policy that is loaded does not know \(Untrusted.shown(label))",
                remedy: "give a label of its users, roles, types and levels")
        }
    }

    static func active() -> SecurityModules {
        var found = SecurityModules()
        do throws(KernelError) {
            found.hasAppArmor = try TextFile.read("/sys/module/apparmor/parameters/enabled").begins(with: "Y")
        } catch { found.hasAppArmor = false }
        found.selinux = SELinux.state()
        found.canonical = SELinux.canonical
        return found
    }
}
