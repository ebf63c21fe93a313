public import Containers
public import Diagnostics
public import HostProbe
public import LaunchPlanning
import LinuxKernel

/// A label of SELinux for the task, and one for its files, where they are given. Which label is right is the policy's
/// and so the operator's to say (Docs/Decisions/0113, 0127).
public struct SecurityLabelIsolator: Isolator {
    public let name = "security-label"
    private static let labelBytesMax = 1_024
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        let isolation = context.request.isolation
        for (label, flag) in Self.labels(isolation) { try Self.check(label, flag: flag) }
        guard isolation.securityLabel != nil || isolation.mountLabel != nil else { return contribution }
        _ = try context.demand(.selinux, for: "a security label", flag: "security-label")
        if let label = isolation.securityLabel, Self.isActive(context.host) {
            for step in Self.steps(label) { contribution.add(step, at: .resources) }
        }
        return contribution
    }

    /// The task's keyring is made under its label, or it could not use it: the one of the launcher's making has the
    /// launcher's.
    private static func steps(_ label: String) -> [Step] {
        [
            .setLabel(file: "attr/keycreate", value: label), .newKeyring,
            .setLabel(file: "attr/exec", value: label),
        ]
    }

    /// Labels are applied by a module that only reports as well, for whoever accepted that.
    private static func isActive(_ host: HostAbilities) -> Bool { host.ability(.selinux).state != .unavailable }

    /// The label of the file systems made for a container; nil where no module reads it.
    public static func mountLabel(_ isolation: IsolationRequest, _ host: HostAbilities) -> String? {
        isActive(host) ? isolation.mountLabel : nil
    }

    /// What fsconfig(2) gives a file system made for the container.
    static func options(_ context: LaunchContext) -> [String] {
        mountLabel(context.request.isolation, context.host).map { ["context=" + $0] } ?? []
    }

    /// Puts the labels as the kernel writes them in place of those given. Refuses what its policy does not know: before
    /// anything is made, and by name.
    public static func resolve(_ isolation: inout IsolationRequest, _ host: HostAbilities) throws(Failure) {
        guard isActive(host) else { return }
        if let label = isolation.securityLabel {
            let label = try known(label, field: "security-label")
            isolation.securityLabel = label
            if !isolation.allowedUnenforced.contains(Feature.selinux.rawValue) { try demandEnforced(label) }
        }
        if let label = isolation.mountLabel { isolation.mountLabel = try known(label, field: "mount-label") }
    }

    /// `label` as the kernel writes it.
    private static func known(_ label: String, field: String) throws(Failure) -> String {
        try check(label, flag: field)
        do throws(KernelError) { return try SELinux.canonical(label) } catch {
            guard error.errno == Errno.invalid else {
                throw error.failure(
                    "isolation.label-unchecked", doing: "ask SELinux whether it knows the label", on: label)
            }
            throw Failure(
                "isolation.unknown-label", doing: "label the container", on: label,
                cause: "the SELinux policy that is loaded has no such label",
                remedy: "give one of its users, roles, types and levels: seinfo lists them", field: field)
        }
    }

    /// A policy may leave single domains unenforced.
    private static func demandEnforced(_ label: String) throws(Failure) {
        let isPermissive: Bool
        do throws(KernelError) { isPermissive = try SELinux.isPermissive(label) } catch {
            throw error.failure(
                "isolation.label-unchecked", doing: "ask SELinux whether it enforces the label", on: label)
        }
        guard isPermissive else { return }
        throw Failure(
            "host.cannot-enforce", doing: "enforce a security label on this host", on: label,
            cause: "the SELinux policy only reports what this domain is denied",
            remedy: "semanage permissive -d its type, or accept it unenforced with --allow-unenforced selinux",
            field: "security-label")
    }

    private static func labels(_ isolation: IsolationRequest) -> [(label: String, flag: String)] {
        [(isolation.securityLabel, "security-label"), (isolation.mountLabel, "mount-label")].compactMap { label, flag in
            label.map { ($0, flag) }
        }
    }

    /// `user:role:type:level`; the level may have commas and colons of its own. It becomes a part of mount options.
    static func check(_ label: String, flag: String) throws(Failure) {
        let isLabel = label.cut(at: ":", omittingEmptySubsequences: false).count >= 3
            && label.utf8.count <= labelBytesMax && !label.cut(at: ":").isEmpty
            && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ":_-.,".contains($0)) }
        if isLabel { return }
        throw Failure(
            "isolation.bad-label", doing: "label the task", on: label, cause: "it is not USER:ROLE:TYPE[:LEVEL]",
            remedy: "write it as in system_u:system_r:container_t:s0:c1,c2", field: flag)
    }
}
