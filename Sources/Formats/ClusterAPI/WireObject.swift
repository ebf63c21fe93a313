public import ClusterModel
public import Diagnostics

/// An object of a call and the place it stands at, read by the protocol's lenient rules: members nobody knows are
/// ignored, `null` is unset, one value stands for a list of one, numbers and booleans may be strings. What is wrong all
/// the same is refused with its place.
public struct WireObject: Sendable {
    public let members: [String: WireValue]
    /// `accept.operations[0].launch`; empty for the call itself.
    public let path: String

    /// - Throws: `Failure` `api.member-type` when `value` is not an object.
    public init(_ value: WireValue, path: String = "") throws(Failure) {
        guard case .object(let members) = value else { throw WireObject.wrongType(value, at: path, "an object") }
        self.members = members
        self.path = path
    }

    public func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    public func value(_ name: String) -> WireValue? {
        guard let value = members[name], value != .null else { return nil }
        return value
    }

    public func string(_ name: String) throws(Failure) -> String? {
        guard let value = value(name) else { return nil }
        guard case .string(let text) = value else { throw wrongType(value, name, "a string") }
        return text
    }

    public func double(_ name: String) throws(Failure) -> Double? {
        guard let value = value(name) else { return nil }
        guard let number = WireObject.numeral(value).flatMap(WireObject.double) else {
            throw wrongType(value, name, "a number")
        }
        return number
    }

    /// Any number without a fraction that `Integer` holds: 32, 32.0 and "32" are the same.
    public func integer<Integer: FixedWidthInteger>(
        _ name: String, as type: Integer.Type = Integer.self
    ) throws(Failure) -> Integer? {
        guard let value = value(name) else { return nil }
        guard let number = WireObject.whole(value, as: type) else {
            throw wrongType(value, name, "a whole number from \(Integer.min) to \(Integer.max)")
        }
        return number
    }

    public func bool(_ name: String) throws(Failure) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let flag = WireObject.flag(value) else { throw wrongType(value, name, "a boolean") }
        return flag
    }

    /// Base64.
    public func bytes(_ name: String) throws(Failure) -> [UInt8]? {
        guard let text = try string(name) else { return nil }
        guard let bytes = Base64.bytes(text) else { throw invalid(name, "it is not base64") }
        return bytes
    }

    /// An enumeration by name. A name that is not known leaves it unset; a number is refused.
    public func choice<Choice: RawRepresentable<String>>(
        _ name: String, of type: Choice.Type
    ) throws(Failure) -> Choice? {
        try string(name).flatMap(Choice.init(rawValue:))
    }

    public func object(_ name: String) throws(Failure) -> WireObject? {
        guard let value = value(name) else { return nil }
        return try WireObject(value, path: place(name))
    }

    /// A repeated member, empty when unset.
    public func objects(_ name: String) throws(Failure) -> [WireObject] {
        guard let value = value(name) else { return [] }
        guard case .array(let elements) = value else { return [try WireObject(value, path: place(name))] }
        var objects: [WireObject] = []
        objects.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            objects.append(try WireObject(element, path: "\(place(name))[\(index)]"))
        }
        return objects
    }

    public func strings(_ name: String) throws(Failure) -> [String] {
        guard let value = value(name) else { return [] }
        let elements = if case .array(let elements) = value { elements } else { [value] }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element else { throw wrongType(element, "\(name)[\(index)]", "a string") }
            texts.append(text)
        }
        return texts
    }

    /// A map's entries, sorted by key so that every run meets them alike.
    public func entries(_ name: String) throws(Failure) -> [(key: String, value: WireObject)] {
        guard let map = try object(name) else { return [] }
        var entries: [(key: String, value: WireObject)] = []
        for (key, value) in map.members.sorted(by: { $0.key < $1.key }) where value != .null {
            entries.append((key, try WireObject(value, path: map.place(key))))
        }
        return entries
    }
}

// MARK: - Values of the cluster

extension WireObject {
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

    public func roles(_ name: String) throws(Failure) -> [RoleName] {
        var roles: [RoleName] = []
        for text in try strings(name) {
            let role = try placed(name) { () throws(Failure) in try RoleName(text) }
            if !roles.contains(role) { roles.append(role) }
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

// MARK: - Refusals

extension WireObject {
    /// - Throws: `Failure` `api.member-missing` when `value` is nil.
    public func required<Value>(_ name: String, _ value: Value?) throws(Failure) -> Value {
        guard let value else {
            throw Failure(
                "api.member-missing", doing: "read the call", cause: "\(place(name)) is missing or not known",
                remedy: "set it", field: place(name))
        }
        return value
    }

    public func invalid(_ name: String, _ cause: String) -> Failure {
        Failure(
            "api.member-invalid", doing: "read the call", cause: "\(place(name)): \(cause)", remedy: "correct it",
            field: place(name))
    }

    /// A value's own refusal, with the place in the call as the field at fault.
    func placed<Value>(_ name: String, _ make: () throws(Failure) -> Value) throws(Failure) -> Value {
        do {
            return try make()
        } catch {
            var failure = error
            failure.field = place(name)
            throw failure
        }
    }

    func wrongType(_ value: WireValue, _ name: String, _ expected: String) -> Failure {
        WireObject.wrongType(value, at: place(name), expected)
    }

    private static func wrongType(_ value: WireValue, at place: String, _ expected: String) -> Failure {
        Failure(
            "api.member-type", doing: "read the call",
            cause: "\(place.isEmpty ? "the body" : place) is \(value.kind), not \(expected)",
            remedy: "send \(expected)", field: place.isEmpty ? nil : place)
    }

    static func whole<Integer: FixedWidthInteger>(_ value: WireValue, as type: Integer.Type) -> Integer? {
        guard let text = numeral(value) else { return nil }
        return Integer(text) ?? double(text).flatMap(Integer.init(exactly:))
    }

    static func flag(_ value: WireValue) -> Bool? {
        switch value {
        case .bool(let flag): flag
        case .string("true"): true
        case .string("false"): false
        default: nil
        }
    }

    static func numeral(_ value: WireValue) -> String? {
        switch value {
        case .number(let text), .string(let text): text
        default: nil
        }
    }

    /// Decimal notation and the word of the protocol only: the standard library would also read "nan" and "0x1p3".
    static func double(_ text: String) -> Double? {
        switch text {
        case "Infinity", "+Infinity", "inf": return .infinity
        case "-Infinity", "-inf": return -.infinity
        default:
            let isDecimal = text.utf8.allSatisfy { "0123456789+-.eE".utf8.contains($0) }
            return isDecimal ? Double(text) : nil
        }
    }
}
