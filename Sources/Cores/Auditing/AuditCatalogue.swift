public import AuditFormat

/// Every rule there is.
public enum AuditCatalogue {
    public static let container: [Inquiry<ContainerFacts>] =
        NamespaceRules.all + PrivilegeRules.all + SeccompRules.all + CallListenerRules.all + MountRules.all
        + DeviceRules.all + LimitRules.all + DescriptorRules.all + ProgramRules.all + ReachRules.all
    public static let image: [Inquiry<ImageFacts>] = ImageRules.all
    public static let host: [Inquiry<HostState>] = HostRules.all

    /// All of them, by id.
    public static let rules: [AuditRule] =
        (container.map(\.rule) + image.map(\.rule) + host.map(\.rule) + [Drift.rule] + ClusterRules.all)
        .sorted { $0.id < $1.id }

    /// What the rules of `profile` say of a container.
    public static func findings(about facts: ContainerFacts, profile: AuditProfile) -> [Finding] {
        findings(container, facts, about: facts.subject, profile)
    }

    public static func findings(about facts: ImageFacts, profile: AuditProfile) -> [Finding] {
        findings(image, facts, about: facts.subject, profile)
    }

    public static func findings(about state: HostState, profile: AuditProfile) -> [Finding] {
        findings(host, state, about: state.subject, profile)
    }

    private static func findings<Facts>(
        _ inquiries: [Inquiry<Facts>], _ facts: Facts, about subject: Subject, _ profile: AuditProfile
    ) -> [Finding] {
        inquiries.filter { $0.rule.profiles.contains(profile) }.map { $0.finding(facts, about: subject) }
            .sorted { $0.id < $1.id }
    }
}
