public import ClusterAPI
public import Diagnostics

/// The rules file: `{"rules": [{"principals": ["ops"], "actions": ["*"], "objects": ["*"], "allow": true}]}`.
///
/// Read strictly, because a slip here opens or closes doors: every member must be there, a member or an action that is
/// not known is refused, and so is a list without elements. Principals may be `@anyone`, `@authenticated` and
/// `@anonymous`; objects may end in `*`.
public enum RulesFile {
    public static let bounds = WireBounds(bytes: 1 << 20, depth: 8, values: 100_000)
    public static let rulesMax = 10_000

    /// - Throws: `Failure` `authorization.rules-invalid` with the line or the field at fault.
    public static func rules(parsing content: [UInt8]) throws(Failure) -> [AuthorizationRule] {
        let document: WireValue
        do {
            document = try bounds.value(parsing: content)
        } catch {
            throw invalid(error.cause ?? "it cannot be read", field: nil, limit: error.limit)
        }
        let members = try self.members(of: document, at: "", known: ["rules"])
        let list = try elements(of: members["rules"], at: "rules", mayBeEmpty: true)
        guard list.count <= rulesMax else {
            throw invalid("there are \(list.count) rules", field: "rules", limit: "rules \(rulesMax)")
        }
        var rules: [AuthorizationRule] = []
        for (position, element) in list.enumerated() { rules.append(try rule(element, at: "rules[\(position)]")) }
        return rules
    }

    private static func rule(_ value: WireValue, at place: String) throws(Failure) -> AuthorizationRule {
        let members = try members(of: value, at: place, known: ["principals", "actions", "objects", "allow"])
        var rule = AuthorizationRule(principals: [], actions: [], objects: [], isAllowed: false)
        for (text, at) in try texts(members, "principals", in: place) {
            rule.principals.append(try principals(text, at: at))
        }
        for (text, at) in try texts(members, "actions", in: place) { rule.actions.append(try actions(text, at: at)) }
        for (text, at) in try texts(members, "objects", in: place) { rule.objects.append(try objects(text, at: at)) }
        guard case .bool(let allow)? = members["allow"] else {
            throw invalid("it is not true or false", field: "\(place).allow")
        }
        rule.isAllowed = allow
        return rule
    }

    private static func principals(
        _ text: String, at place: String
    ) throws(Failure) -> AuthorizationRule.Principals {
        switch text {
        case "@anyone": return .anyone
        case "@authenticated": return .authenticated
        case "@anonymous": return .anonymous
        default:
            if text.isEmpty { throw invalid("a principal has a name", field: place) }
            if text.begins(with: "@") {
                throw invalid("'\(text)' is not @anyone, @authenticated or @anonymous", field: place)
            }
            if text.has("*") { throw invalid("principals are named in full, or @anyone", field: place) }
            return .named(text)
        }
    }

    private static func actions(_ text: String, at place: String) throws(Failure) -> AuthorizationRule.Actions {
        if text == "*" { return .every }
        guard let action = Action(rawValue: text) else {
            throw invalid("there is no action '\(text)'", field: place)
        }
        return .one(action)
    }

    private static func objects(_ text: String, at place: String) throws(Failure) -> AuthorizationRule.Objects {
        if text == "*" { return .every }
        if text.isEmpty { throw invalid("an object has a name", field: place) }
        guard let star = text.position(of: "*") else { return .exactly(text) }
        guard text.utf8.index(after: star) == text.endIndex else {
            throw invalid("'*' stands at the end only", field: place)
        }
        return .startingWith(String(text[..<star]))
    }

    // MARK: JSON

    private static func members(
        of value: WireValue, at place: String, known: [String]
    ) throws(Failure) -> [String: WireValue] {
        guard case .object(let members) = value else { throw invalid("it is not an object", field: place) }
        for name in members.keys.sorted() where !known.contains(name) {
            let at = place.isEmpty ? name : "\(place).\(name)"
            throw invalid("'\(name)' is not one of \(known.joined(separator: ", "))", field: at)
        }
        return members
    }

    private static func elements(
        of value: WireValue?, at place: String, mayBeEmpty: Bool = false
    ) throws(Failure) -> [WireValue] {
        guard case .array(let elements)? = value else {
            throw invalid(value == nil ? "it is missing" : "it is not a list", field: place)
        }
        if elements.isEmpty, !mayBeEmpty { throw invalid("the list is empty", field: place) }
        return elements
    }

    private static func texts(
        _ members: [String: WireValue], _ name: String, in place: String
    ) throws(Failure) -> [(text: String, place: String)] {
        var texts: [(text: String, place: String)] = []
        for (position, element) in try elements(of: members[name], at: "\(place).\(name)").enumerated() {
            let at = "\(place).\(name)[\(position)]"
            guard case .string(let text) = element else { throw invalid("it is not a string", field: at) }
            texts.append((text, at))
        }
        return texts
    }

    private static func invalid(_ cause: String, field: String?, limit: String? = nil) -> Failure {
        let place = field.map { $0.isEmpty ? "the document: " : "\($0): " } ?? ""
        return Failure(
            "authorization.rules-invalid", doing: "use the authorization rules", cause: place + cause,
            remedy: "correct the rules file", field: field, limit: limit)
    }
}
