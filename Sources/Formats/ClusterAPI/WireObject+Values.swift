public import ClusterModel
public import Diagnostics

/// What calls are made of, wherever it stands in them.
extension WireObject {
    /// Roles in one list: ten times what a master takes of a framework.
    static let rolesMax = 10_000

    /// `"task_id": {"value": "T"}`.
    public func identifier<Kind: IdentifierKind>(
        _ name: String, of kind: Kind.Type = Kind.self
    ) throws(Failure) -> Identifier<Kind>? {
        guard let object = try object(name) else { return nil }
        return try object.ownIdentifier()
    }

    public func identifiers<Kind: IdentifierKind>(
        _ name: String, of kind: Kind.Type = Kind.self
    ) throws(Failure) -> [Identifier<Kind>] {
        var identifiers: [Identifier<Kind>] = []
        for object in try objects(name) { identifiers.append(try object.ownIdentifier()) }
        return identifiers
    }

    private func ownIdentifier<Kind: IdentifierKind>() throws(Failure) -> Identifier<Kind> {
        let text = try required("value", string("value"))
        return try placed("value") { () throws(Failure) in try Identifier<Kind>(text) }
    }

    /// Each once, in the order in which they come.
    public func roles(_ name: String) throws(Failure) -> [RoleName] {
        try checkCount(of: name, atMost: WireObject.rolesMax)
        var roles: [RoleName] = []
        var met: Set<RoleName> = []
        for text in try strings(name) {
            let role = try placed(name) { () throws(Failure) in try RoleName(text) }
            if met.insert(role).inserted { roles.append(role) }
        }
        return roles
    }

    public func role(_ name: String) throws(Failure) -> RoleName? {
        guard let text = try string(name) else { return nil }
        return try placed(name) { () throws(Failure) in try RoleName(text) }
    }

    /// `{"nanoseconds": 5000000000}`.
    public func duration(_ name: String) throws(Failure) -> Duration? {
        guard let object = try object(name) else { return nil }
        let nanoseconds = try object.required("nanoseconds", object.integer("nanoseconds", as: Int64.self))
        guard nanoseconds >= 0 else { throw object.invalid("nanoseconds", "it is negative") }
        return .nanoseconds(nanoseconds)
    }

    /// `{"labels": [{"key": "k", "value": "v"}]}`.
    public func labels(_ name: String) throws(Failure) -> [Label] {
        guard let list = try object(name) else { return [] }
        var labels: [Label] = []
        for label in try list.objects("labels") {
            labels.append(Label(try label.required("key", label.string("key")), try label.string("value")))
        }
        return labels
    }

    /// `{"value": 0.5}` of the object itself.
    func scalar() throws(Failure) -> Scalar {
        let number = try required("value", double("value"))
        return try placed("value") { () throws(Failure) in try Scalar(number) }
    }
}
