import Containers
public import Diagnostics
import HostProbe
public import LaunchPlanning

/// A label of SELinux for the task, where one is given. Which label is right is the policy's and so the operator's to
/// say.
public struct SecurityLabelIsolator: Isolator {
    public let name = "security-label"
    private static let labelBytesMax = 1_024
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        let isolation = context.request.isolation
        for (label, flag) in [(isolation.securityLabel, "security-label"), (isolation.mountLabel, "mount-label")] {
            if let label { try Self.check(label, flag: flag) }
        }
        guard isolation.securityLabel != nil || isolation.mountLabel != nil,
            try context.demand(.selinux, for: "a security label", flag: "security-label")
        else { return contribution }
        if let label = isolation.securityLabel {
            contribution.add(.setLabel(file: "attr/exec", value: label), at: .resources)
        }
        return contribution
    }

    /// `user:role:type:level`; the level may have commas and colons of its own. It becomes a part of mount options.
    static func check(_ label: String, flag: String) throws(Failure) {
        let isLabel = label.split(separator: ":", omittingEmptySubsequences: false).count >= 3
            && label.utf8.count <= labelBytesMax && !label.split(separator: ":").isEmpty
            && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ":_-.,".contains($0)) }
        if isLabel { return }
        throw Failure(
            "isolation.bad-label", doing: "label the task", on: label, cause: "it is not USER:ROLE:TYPE[:LEVEL]",
            remedy: "write it as in system_u:system_r:container_t:s0:c1,c2", field: flag)
    }
}
