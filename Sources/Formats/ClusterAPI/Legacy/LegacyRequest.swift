import ClusterModel
public import Diagnostics

/// A request to one of the master's old endpoints that changes something.
public struct LegacyRequest: Sendable {
    public var method: String
    /// Without the process's name: `/reserve`, `/quota/eng/web`.
    public var path: String
    /// The fields of a form, decoded.
    public var form: [String: String]
    /// As it came, for the endpoints that take JSON.
    public var body: [UInt8]

    public init(method: String, path: String, form: [String: String] = [:], body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.form = form
        self.body = body
    }

    /// What it asks for; nil when no endpoint of that name changes anything by that method.
    ///
    /// - Throws: `Failure` `api.member-…`, `api.body-…` or the value's own code, with the field of the form or the
    ///   member of the body at fault.
    public func change(bounds: WireBounds = .standard) throws(Failure) -> OperatorChange? {
        switch (method, path) {
        case ("POST", "/reserve"): return try operation(bounds) { .reserve($0) }
        case ("POST", "/unreserve"): return try operation(bounds) { .unreserve($0) }
        case ("POST", "/create-volumes"): return try operation(bounds) { .create(volumes: $0) }
        case ("POST", "/destroy-volumes"): return try operation(bounds) { .destroy(volumes: $0) }
        case ("POST", "/teardown"):
            let text = try field("frameworkId")
            return .teardown(try named("frameworkId") { () throws(Failure) in try FrameworkID(text) })
        case ("POST", "/machine/down"): return .startMaintenance(try listed(bounds).machines("body"))
        case ("POST", "/machine/up"): return .stopMaintenance(try listed(bounds).machines("body"))
        case ("POST", "/maintenance/schedule"):
            return .updateMaintenanceSchedule(try WireObject(bounds.value(parsing: body)).maintenanceSchedule())
        case ("PUT", "/weights"): return .updateWeights(try listed(bounds).weights("body"))
        case ("POST", "/quota"): return try WireObject(bounds.value(parsing: body)).quotaRequest()
        case ("DELETE", let path) where path.begins(with: "/quota/"):
            let role = String(path.dropFirst("/quota/".count))
            return .removeQuota(try named("role") { () throws(Failure) in try RoleName(role) })
        default: return nil
        }
    }

    /// `slaveId=S&resources=[…]`, or `volumes=[…]`.
    private func operation(
        _ bounds: WireBounds, _ make: ([Resource]) -> ResourceOperation
    ) throws(Failure) -> OperatorChange {
        let text = try field("slaveId")
        let agent = try named("slaveId") { () throws(Failure) in try AgentID(text) }
        let name = path.ends(with: "-volumes") ? "volumes" : "resources"
        let value = try bounds.value(parsing: Array(field(name).utf8))
        guard case .array = value else {
            throw Failure(
                "api.member-type", doing: "read the form", cause: "\(name) is \(value.kind), not an array",
                remedy: "send an array of resources", field: name)
        }
        let resources = try WireObject(.object([name: value])).resources(name)
        return .apply(make(resources), on: agent)
    }

    private func field(_ name: String) throws(Failure) -> String {
        guard let text = form[name], !text.isEmpty else {
            throw Failure(
                "api.member-missing", doing: "read the form", cause: "Missing '\(name)' query parameter",
                remedy: "set it in the form", field: name)
        }
        return text
    }

    /// A body that is a list by itself.
    private func listed(_ bounds: WireBounds) throws(Failure) -> WireObject {
        let value = try bounds.value(parsing: body)
        guard case .array = value else {
            throw Failure(
                "api.member-type", doing: "read the body", cause: "the body is \(value.kind), not an array",
                remedy: "send an array")
        }
        return try WireObject(.object(["body": value]))
    }

    private func named<Value>(_ field: String, _ make: () throws(Failure) -> Value) throws(Failure) -> Value {
        do {
            return try make()
        } catch {
            var failure = error
            failure.field = field
            throw failure
        }
    }
}
