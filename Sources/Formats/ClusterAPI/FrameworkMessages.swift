public import ClusterModel
import Diagnostics

/// What a framework says about itself, before the master has given it an id.
public struct FrameworkRequest: Hashable, Sendable {
    /// Nil: the framework is new and the master chooses.
    public var id: FrameworkID?
    public var name: String
    public var user: String
    public var roles: [RoleName]
    public var capabilities: Set<FrameworkInfo.Capability>
    public var failoverTimeout: Duration
    public var checkpoint: Bool
    public var hostname: String?
    public var principal: String?
    public var webAddress: String?
    public var labels: [Label]
    public var minimumOffers: [RoleName: MinimumOffer]

    public func info(as id: FrameworkID) -> FrameworkInfo {
        FrameworkInfo(
            id: id, name: name, user: user, roles: roles, capabilities: capabilities, failoverTimeout: failoverTimeout,
            checkpoint: checkpoint, hostname: hostname, principal: principal, webAddress: webAddress, labels: labels,
            minimumOffers: minimumOffers)
    }
}

extension FrameworkRequest {
    /// A framework with nothing special about it.
    public init(
        id: FrameworkID? = nil, name: String, user: String, roles: [RoleName],
        capabilities: Set<FrameworkInfo.Capability>, failoverTimeout: Duration
    ) {
        self.init(
            id: id, name: name, user: user, roles: roles, capabilities: capabilities,
            failoverTimeout: failoverTimeout, checkpoint: true, hostname: nil, principal: nil, webAddress: nil,
            labels: [], minimumOffers: [:])
    }

    /// What `info` says, asking for its id unless `isNew`.
    public init(_ info: FrameworkInfo, isNew: Bool) {
        self.init(
            id: isNew ? nil : info.id, name: info.name, user: info.user, roles: info.roles,
            capabilities: info.capabilities, failoverTimeout: info.failoverTimeout, checkpoint: info.checkpoint,
            hostname: info.hostname, principal: info.principal, webAddress: info.webAddress, labels: info.labels,
            minimumOffers: info.minimumOffers)
    }
}

/// SUBSCRIBE and UPDATE_FRAMEWORK: who it is, and what it wants to be offered.
public struct Subscription: Hashable, Sendable {
    public var framework: FrameworkRequest
    /// Roles that want no offers for now; each is one of the framework's.
    public var suppressedRoles: [RoleName]
    public var constraints: OfferConstraints

    public init(framework: FrameworkRequest, suppressedRoles: [RoleName] = [], constraints: OfferConstraints = .none) {
        self.framework = framework
        self.suppressedRoles = suppressedRoles
        self.constraints = constraints
    }
}

extension WireObject {
    func subscription() throws(Failure) -> Subscription {
        let info = try required("framework_info", object("framework_info"))
        try info.checkOfferFilters()
        let framework = try info.framework()
        let suppressed = try roles("suppressed_roles")
        let own = Set(framework.roles)
        for role in suppressed where !own.contains(role) {
            throw invalid("suppressed_roles", "'\(role)' is not a role of the framework")
        }
        return Subscription(framework: framework, suppressedRoles: suppressed, constraints: try offerConstraints())
    }

    func framework() throws(Failure) -> FrameworkRequest {
        var capabilities: Set<FrameworkInfo.Capability> = []
        for capability in try objects("capabilities") {
            if let known = try capability.choice("type", of: FrameworkInfo.Capability.self) {
                capabilities.insert(known)
            }
        }
        let text = { (name: String) throws(Failure) in
            let text = try self.string(name)
            return text?.isEmpty == false ? text : nil
        }
        return FrameworkRequest(
            id: try frameworkID(), name: try required("name", string("name")), user: try text("user") ?? "root",
            roles: try frameworkRoles(capabilities), capabilities: capabilities,
            failoverTimeout: try failoverTimeout(), checkpoint: try bool("checkpoint") ?? false,
            hostname: try text("hostname"), principal: try text("principal"), webAddress: try text("webui_url"),
            labels: try labels("labels"), minimumOffers: try minimumOffers())
    }

    private func frameworkID() throws(Failure) -> FrameworkID? {
        guard try idText("id") != nil else { return nil }
        return try identifier("id")
    }

    /// An id as it is written. Some clients send an empty one for none.
    func idText(_ name: String) throws(Failure) -> String? {
        guard let text = try object(name)?.string("value"), !text.isEmpty else { return nil }
        return text
    }

    private func frameworkRoles(_ capabilities: Set<FrameworkInfo.Capability>) throws(Failure) -> [RoleName] {
        let many = try roles("roles")
        let one = try role("role")
        guard try strings("roles").count == many.count else { throw invalid("roles", "a role is there twice") }
        guard capabilities.contains(.multiRole) else {
            guard many.isEmpty else { throw invalid("roles", "they need the capability MULTI_ROLE; use role") }
            return [one ?? .anyone]
        }
        guard one == nil || one == .anyone || many == one.map({ [$0] }) else {
            throw invalid("role", "a framework with MULTI_ROLE uses roles")
        }
        return many
    }

    /// One below zero is as short as none.
    private func failoverTimeout() throws(Failure) -> Duration {
        guard let seconds = try double("failover_timeout") else { return .zero }
        guard (seconds * 1e9).magnitude <= 0x1p63,
            let timeout = Duration(clamping: seconds, to: .zero...Duration.seconds(9_000_000_000))
        else {
            throw invalid("failover_timeout", "its nanoseconds do not fit into 64 bits")
        }
        return timeout
    }

    private func minimumOffers() throws(Failure) -> [RoleName: MinimumOffer] {
        var minimums: [RoleName: MinimumOffer] = [:]
        for (key, filters) in try entries("offer_filters") {
            guard let minimum = try filters.object("min_allocatable_resources") else { continue }
            let role = try placed("offer_filters") { () throws(Failure) in try RoleName(key) }
            var alternatives: [Quantities] = []
            for alternative in try minimum.objects("quantities") {
                alternatives.append(try alternative.quantities("quantities"))
            }
            minimums[role] = MinimumOffer(anyOf: alternatives)
        }
        return minimums
    }

    /// Resources that one alternative of a framework's least offer names, and those of all alternatives together.
    private static let namesOfOfferMax = 100
    private static let namesOfOffersMax = 10_000

    /// Only of what comes in a call: what the registry has was let through before.
    private func checkOfferFilters() throws(Failure) {
        guard let filters = try object("offer_filters") else { return }
        var names = 0
        for (_, filter) in try entries("offer_filters") {
            for alternative in try filter.object("min_allocatable_resources")?.objects("quantities") ?? [] {
                let count = try alternative.object("quantities")?.memberCount ?? 0
                if count > WireObject.namesOfOfferMax {
                    throw alternative.tooMany("quantities", count, WireObject.namesOfOfferMax)
                }
                names += 1 + count
            }
        }
        if names > WireObject.namesOfOffersMax {
            throw invalid(
                "offer_filters", "it has \(names) quantities in \(filters.memberCount) roles, and "
                    + "\(WireObject.namesOfOffersMax) are the most")
        }
    }

    /// `{"cpus": {"value": 1}}`.
    func quantities(_ name: String) throws(Failure) -> Quantities {
        var quantities = Quantities()
        for (resource, amount) in try entries(name) { quantities.add(try amount.scalar(), of: resource) }
        return quantities
    }
}

// MARK: - Offer constraints

extension WireObject {
    /// Of one framework, in all its roles: constraints, and what their patterns compile to.
    static let constraintsMax = 10_000
    static let patternCostMax = 10_000
    private static let patternBytesMax = 65_536

    func offerConstraints() throws(Failure) -> OfferConstraints {
        guard let constraints = try object("offer_constraints") else { return .none }
        // Each is asked about each agent again and again.
        var (count, cost) = (0, 0)
        var groups: [RoleName: [OfferConstraints.Group]] = [:]
        for (key, value) in try constraints.entries("role_constraints") {
            let role = try constraints.placed("role_constraints") { () throws(Failure) in try RoleName(key) }
            var alternatives: [OfferConstraints.Group] = []
            for group in try value.objects("groups") {
                var all: [AttributeConstraint] = []
                for object in try group.objects("attribute_constraints") {
                    let constraint = try object.attributeConstraint()
                    count += 1
                    cost += constraint.pattern?.cost ?? 0
                    if count > WireObject.constraintsMax {
                        throw group.invalid(
                            "attribute_constraints", "there are more than \(WireObject.constraintsMax) constraints")
                    }
                    if cost > WireObject.patternCostMax {
                        throw object.invalid(
                            "predicate",
                            "all patterns together have more than \(WireObject.patternCostMax) instructions")
                    }
                    all.append(constraint)
                }
                alternatives.append(OfferConstraints.Group(all))
            }
            groups[role] = alternatives
        }
        let all = groups
        return try constraints.placed("role_constraints") { () throws(Failure) in try OfferConstraints(all) }
    }

    private func attributeConstraint() throws(Failure) -> AttributeConstraint {
        let selector = try required("selector", object("selector"))
        let predicate = try required("predicate", object("predicate"))
        return AttributeConstraint(try selector.constraintSubject(), try predicate.constraintPredicate())
    }

    private func constraintSubject() throws(Failure) -> AttributeConstraint.Subject {
        if let name = try string("attribute_name") { return .attribute(name) }
        switch try string("pseudoattribute_type") {
        case "HOSTNAME": return .hostname
        case "REGION": return .region
        case "ZONE": return .zone
        default: throw invalid("attribute_name", "an attribute or one of HOSTNAME, REGION, ZONE must be named")
        }
    }

    private func constraintPredicate() throws(Failure) -> AttributeConstraint.Predicate {
        if try object("exists") != nil { return .exists }
        if try object("not_exists") != nil { return .notExists }
        if let text = try object("text_equals") { return .textEquals(try text.required("value", text.string("value"))) }
        if let text = try object("text_not_equals") {
            return .textNotEquals(try text.required("value", text.string("value")))
        }
        if let text = try object("text_matches") { return .textMatches(try text.pattern()) }
        if let text = try object("text_not_matches") { return .textNotMatches(try text.pattern()) }
        throw Failure(
            "api.member-missing", doing: "read the call", cause: "\(path) holds no predicate that is known",
            remedy: "set one", field: path)
    }

    private func pattern() throws(Failure) -> TextPattern {
        let source = try required("regex", string("regex"))
        if source.utf8.count > WireObject.patternBytesMax {
            throw invalid("regex", "it has more than \(WireObject.patternBytesMax) bytes")
        }
        return try placed("regex") { () throws(Failure) in try TextPattern(source) }
    }
}
