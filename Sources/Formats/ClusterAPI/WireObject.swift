import ClusterModel
public import Diagnostics
import JSONFormat

/// An object of a call and the place it stands at, read by the protocol's lenient rules: members nobody knows are
/// ignored, `null` is unset, one value stands for a list of one, numbers and booleans may be strings. What is wrong all
/// the same is refused with its place.
///
/// It is a look at the document: a tree, or the JSON itself, of which only what is asked for is made into anything.
public struct WireObject: Sendable {
    private final class Tree: Sendable {
        let members: [String: WireValue]
        let path: String

        init(_ members: [String: WireValue], path: String) {
            self.members = members
            self.path = path
        }
    }
    // One of them is set. Not two cases of an enumeration: looking at what is in a case holds it once more.
    private let tape: JSONTape?
    private let tree: Tree?
    /// Where on the tape.
    private let place: Int

    /// - Throws: `Failure` `api.member-type` when `value` is not an object.
    public init(_ value: WireValue, path: String = "") throws(Failure) {
        try self.init(.tree(value)) { path }
    }

    /// JSON as it came.
    ///
    /// - Throws: `Failure` `api.body-…` as `WireBounds.value` has them, `api.member-type` when it is not an object.
    public init(parsing body: [UInt8], _ bounds: WireBounds = .standard) throws(Failure) {
        try self.init(.text(try bounds.text(parsing: body), place: 0)) { "" }
    }

    /// JSON that is a list of objects. Nil: it is no list.
    ///
    /// - Throws: As `init(parsing:)`.
    public static func list(parsing body: [UInt8], _ bounds: WireBounds) throws(Failure) -> [WireObject]? {
        guard let elements = WireItem.text(try bounds.text(parsing: body), place: 0).elements else { return nil }
        return try objects(elements) { "" }
    }

    private init(_ item: WireItem, _ path: () -> String) throws(Failure) {
        switch item {
        case .tree(.object(let members)): self.init(Tree(members, path: path()))
        case .text(let tape, let place) where tape.kind(at: place) == .object: self.init(tape, at: place)
        default: throw WireObject.wrongType(item, at: path(), "an object")
        }
    }

    private init(_ tree: Tree) {
        tape = nil
        self.tree = tree
        place = 0
    }

    /// `place` is an object's.
    private init(_ tape: JSONTape, at place: Int) {
        self.tape = tape
        tree = nil
        self.place = place
    }

    /// `accept.operations[0].launch`; empty for the call itself.
    public var path: String {
        tape?.path(to: place) ?? tree?.path ?? ""
    }

    /// Sorted.
    var names: [String] {
        (tape?.members(of: place).map(\.name) ?? tree.map { Array($0.members.keys) } ?? []).sorted()
    }

    public func place(_ name: String) -> String {
        let path = path
        return path.isEmpty ? name : "\(path).\(name)"
    }

    private func item(_ name: String) -> WireItem? {
        guard let tape else {
            guard let value = tree?.members[name], value != .null else { return nil }
            return .tree(value)
        }
        guard let member = tape.member(name, of: place), tape.kind(at: member) != .null else { return nil }
        return .text(tape, place: member)
    }

    /// As a tree.
    public func value(_ name: String) -> WireValue? { item(name)?.tree }

    /// Whether it is set.
    public func has(_ name: String) -> Bool { item(name) != nil }

    public func string(_ name: String) throws(Failure) -> String? {
        if let tape {
            guard let member = tape.member(name, of: place) else { return nil }
            if tape.kind(at: member) == .string { return tape.text(at: member) }
        }
        guard let item = item(name) else { return nil }
        guard let text = item.string else { throw wrongType(item, name, "a string") }
        return text
    }

    /// A number as it is written; nil for one in quotes, and for whatever else.
    func digits(_ name: String) -> String? { item(name)?.digits }

    public func double(_ name: String) throws(Failure) -> Double? {
        guard let item = item(name) else { return nil }
        guard let number = item.numeral.flatMap(WireObject.double) else { throw wrongType(item, name, "a number") }
        return number
    }

    /// Any number without a fraction that `Integer` holds: 32, 32.0 and "32" are the same.
    public func integer<Integer: FixedWidthInteger>(
        _ name: String, as type: Integer.Type = Integer.self
    ) throws(Failure) -> Integer? {
        guard let item = item(name) else { return nil }
        guard let number = item.whole(as: type) else {
            throw wrongType(item, name, "a whole number from \(Integer.min) to \(Integer.max)")
        }
        return number
    }

    /// A list of such numbers, empty when unset.
    func integers<Integer: FixedWidthInteger>(_ name: String) throws(Failure) -> [Integer] {
        guard let item = item(name) else { return [] }
        var integers: [Integer] = []
        for (index, element) in (item.elements ?? [item]).enumerated() {
            guard let number = element.whole(as: Integer.self) else {
                throw wrongType(
                    element, "\(name)[\(index)]", "a whole number from \(Integer.min) to \(Integer.max)")
            }
            integers.append(number)
        }
        return integers
    }

    public func bool(_ name: String) throws(Failure) -> Bool? {
        guard let item = item(name) else { return nil }
        guard let flag = item.flag else { throw wrongType(item, name, "a boolean") }
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

    // Looked up without an item in between, which would hold the document once more: it is most of what is asked.

    public func object(_ name: String) throws(Failure) -> WireObject? {
        if let tape {
            guard let member = tape.member(name, of: place) else { return nil }
            if tape.kind(at: member) == .object { return WireObject(tape, at: member) }
        }
        guard let item = item(name) else { return nil }
        return try WireObject(item) { place(name) }
    }

    /// A repeated member, empty when unset.
    public func objects(_ name: String) throws(Failure) -> [WireObject] {
        if let tape {
            guard let member = tape.member(name, of: place) else { return [] }
            if let objects = WireObject.objects(on: tape, at: member) { return objects }
        }
        guard let item = item(name) else { return [] }
        guard let elements = item.elements else { return [try WireObject(item) { place(name) }] }
        return try WireObject.objects(elements) { place(name) }
    }

    /// Nil for anything but a list of objects.
    private static func objects(on tape: JSONTape, at list: Int) -> [WireObject]? {
        guard tape.kind(at: list) == .array else { return nil }
        let inside = tape.inside(list)
        var objects: [WireObject] = []
        var next = inside.lowerBound
        while next < inside.upperBound {
            guard tape.kind(at: next) == .object else { return nil }
            objects.append(WireObject(tape, at: next))
            next = tape.next(after: next)
        }
        return objects
    }

    private static func objects(_ elements: [WireItem], _ path: () -> String) throws(Failure) -> [WireObject] {
        var objects: [WireObject] = []
        objects.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            objects.append(try WireObject(element) { "\(path())[\(index)]" })
        }
        return objects
    }

    /// - Throws: `Failure` `api.member-invalid` for a list of more elements, of which nothing is made.
    func checkCount(of name: String, atMost limit: Int) throws(Failure) {
        guard let count = item(name)?.elements?.count, count > limit else { return }
        throw tooMany(name, count, limit)
    }

    func tooMany(_ name: String, _ count: Int, _ limit: Int) -> Failure {
        var failure = invalid(name, "it has \(count) elements, and \(limit) are the most")
        failure.limit = "\(name) \(limit)"
        return failure
    }

    public func strings(_ name: String) throws(Failure) -> [String] {
        guard let item = item(name) else { return [] }
        var texts: [String] = []
        for (index, element) in (item.elements ?? [item]).enumerated() {
            guard let text = element.string else { throw wrongType(element, "\(name)[\(index)]", "a string") }
            texts.append(text)
        }
        return texts
    }

    /// How many members it has.
    var memberCount: Int { tape?.members(of: place).count ?? tree?.members.count ?? 0 }

    /// A map's entries, sorted by key so that every run meets them alike.
    public func entries(_ name: String) throws(Failure) -> [(key: String, value: WireObject)] {
        guard let map = try object(name) else { return [] }
        var entries: [(key: String, value: WireObject)] = []
        for key in map.names {
            if let value = try map.object(key) { entries.append((key, value)) }
        }
        return entries
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

    private func wrongType(_ item: WireItem, _ name: String, _ expected: String) -> Failure {
        WireObject.wrongType(item, at: place(name), expected)
    }

    private static func wrongType(_ item: WireItem, at place: String, _ expected: String) -> Failure {
        Failure(
            "api.member-type", doing: "read the call",
            cause: "\(place.isEmpty ? "the body" : place) is \(item.kind), not \(expected)",
            remedy: "send \(expected)", field: place.isEmpty ? nil : place)
    }

    static func whole<Integer: FixedWidthInteger>(_ value: WireValue, as type: Integer.Type) -> Integer? {
        WireItem.tree(value).whole(as: type)
    }

    static func flag(_ value: WireValue) -> Bool? { WireItem.tree(value).flag }

    static func numeral(_ value: WireValue) -> String? { WireItem.tree(value).numeral }

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
