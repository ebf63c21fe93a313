public import Diagnostics
import JSONFormat
public import OrderedCollections

/// An object of a document together with the place it stands at, so that every refusal names the field at fault. It is
/// looked at where it is: nothing is copied out of the document before somebody asks for it.
///
/// A member nobody asks for is tolerated, as the specification demands; one of the wrong type is refused. `null` counts
/// as absent.
public struct SpecObject: Sendable {
    private let document: JSONTape
    private let start: Int
    /// Where the document stands in the one it was taken from; empty for a whole one.
    private let outer: String
    /// What refusals call the document: the name of its file.
    private let title: String
    /// What is refused without the object at hand stands in a bundle's configuration.
    static let usualTitle = "config.json"

    static let limits = JSONLimits(bytes: 16 << 20, depth: 64, values: 1_000_000)

    /// - Throws: `Failure` `bundle.config-invalid`.
    public init(parsing bytes: [UInt8], document: String, path: String = "") throws(Failure) {
        do throws(JSONFault) { self.document = try JSONTape(bytes, limits: Self.limits) } catch {
            let place = error.path.isEmpty ? "" : " in \(error.path.joined(separator: "."))"
            let position = error.position.map { " (byte \($0))" } ?? ""
            throw Failure(
                "bundle.config-invalid", doing: "read \(document)", cause: error.cause + place + position,
                remedy: "correct the document", field: error.path.joined(separator: "."))
        }
        (start, outer, title) = (0, path, document)
        guard self.document.kind(at: 0) == .object else {
            throw Self.wrong(self.document, 0, path, document, "an object")
        }
    }

    private init(_ document: JSONTape, at start: Int, in outer: String, of title: String) throws(Failure) {
        (self.document, self.start, self.outer, self.title) = (document, start, outer, title)
        guard document.kind(at: start) == .object else { throw Self.wrong(document, start, outer, title, "an object") }
    }

    /// What stands where a document has nothing.
    static func orEmpty(_ object: SpecObject?, path: String) throws(Failure) -> SpecObject {
        if let object { return object }
        return try SpecObject(parsing: Array("{}".utf8), document: usualTitle, path: path)
    }

    /// "linux.resources"; empty for the document itself.
    public var path: String { Self.path(to: start, of: document, in: outer) }

    /// The bytes of the document that the object is.
    var text: [UInt8] { document.bytes(at: start) }

    public func place(_ name: String) -> String {
        let path = path
        return path.isEmpty ? name : "\(path).\(name)"
    }

    private func value(_ name: String) -> Int? {
        guard let value = document.member(name, of: start), document.kind(at: value) != .null else { return nil }
        return value
    }

    public func has(_ name: String) -> Bool { value(name) != nil }

    public func string(_ name: String) throws(Failure) -> String? {
        guard let value = value(name) else { return nil }
        return try text(value)
    }

    public func required(_ name: String) throws(Failure) -> String {
        guard let text = try string(name), !text.isEmpty else { throw refusal(name, "it is missing") }
        return text
    }

    public func bool(_ name: String) throws(Failure) -> Bool? {
        guard let value = value(name) else { return nil }
        return switch document.kind(at: value) {
        case .yes: true
        case .no: false
        default: throw wrong(value, "a boolean")
        }
    }

    public func integer<Number: FixedWidthInteger>(_ name: String, as type: Number.Type) throws(Failure) -> Number? {
        guard let value = value(name) else { return nil }
        return try integer(value, as: type)
    }

    public func required<Number: FixedWidthInteger>(_ name: String, as type: Number.Type) throws(Failure) -> Number {
        guard let number = try integer(name, as: type) else { throw refusal(name, "it is missing") }
        return number
    }

    public func object(_ name: String) throws(Failure) -> SpecObject? {
        guard let value = value(name) else { return nil }
        return try SpecObject(document, at: value, in: outer, of: title)
    }

    public func objects(_ name: String) throws(Failure) -> [SpecObject] {
        var result: [SpecObject] = []
        for element in try elements(name) { result.append(try SpecObject(document, at: element, in: outer, of: title)) }
        return result
    }

    public func strings(_ name: String) throws(Failure) -> [String] {
        var result: [String] = []
        for element in try elements(name) { result.append(try text(element)) }
        return result
    }

    public func integers<Number: FixedWidthInteger>(_ name: String, as type: Number.Type) throws(Failure) -> [Number] {
        var result: [Number] = []
        for element in try elements(name) { result.append(try integer(element, as: type)) }
        return result
    }

    /// An object whose values are texts.
    public func texts(_ name: String) throws(Failure) -> OrderedDictionary<String, String> {
        guard let object = try object(name) else { return [:] }
        var result: OrderedDictionary<String, String> = [:]
        for member in object.members() { result[document.text(at: member)] = try text(member + 1) }
        return result
    }

    /// An object whose values are objects, in their order.
    public func named(_ name: String) throws(Failure) -> [(name: String, object: SpecObject)] {
        guard let object = try object(name) else { return [] }
        var result: [(name: String, object: SpecObject)] = []
        for member in object.members() {
            result.append((document.text(at: member), try SpecObject(document, at: member + 1, in: outer, of: title)))
        }
        return result
    }
}

// MARK: - Values

extension SpecObject {
    /// Where the names of the members are.
    private func members() -> [Int] {
        let inside = document.inside(start)
        var result: [Int] = []
        var at = inside.lowerBound
        while at < inside.upperBound {
            result.append(at)
            at = document.next(after: at + 1)
        }
        return result
    }

    private func elements(_ name: String) throws(Failure) -> [Int] {
        guard let array = value(name) else { return [] }
        guard document.kind(at: array) == .array else { throw wrong(array, "an array") }
        let inside = document.inside(array)
        var result: [Int] = []
        var at = inside.lowerBound
        while at < inside.upperBound {
            result.append(at)
            at = document.next(after: at)
        }
        return result
    }

    private func text(_ value: Int) throws(Failure) -> String {
        guard document.kind(at: value) == .string else { throw wrong(value, "a string") }
        return document.text(at: value)
    }

    private func integer<Number: FixedWidthInteger>(_ value: Int, as type: Number.Type) throws(Failure) -> Number {
        guard document.kind(at: value) == .number else { throw wrong(value, "a whole number") }
        let text = document.text(at: value)
        guard let number = Number(text) else {
            throw Self.refusal(
                Self.path(to: value, of: document, in: outer),
                "\(text) is no whole number from \(Number.min) to \(Number.max)", in: title)
        }
        return number
    }
}

// MARK: - Refusals

extension SpecObject {
    private static func path(to value: Int, of document: JSONTape, in outer: String) -> String {
        let inner = document.path(to: value)
        if outer.isEmpty || inner.isEmpty { return outer + inner }
        return "\(outer).\(inner)"
    }

    private func wrong(_ value: Int, _ expected: String) -> Failure {
        Self.wrong(document, value, outer, title, expected)
    }

    private static func wrong(
        _ document: JSONTape, _ value: Int, _ outer: String, _ title: String, _ expected: String
    ) -> Failure {
        let place = path(to: value, of: document, in: outer)
        let kind =
            switch document.kind(at: value) {
            case .null: "null"
            case .yes, .no: "a boolean"
            case .number: "a number"
            case .string: "a string"
            case .array: "an array"
            case .object: "an object"
            }
        return refusal(place.isEmpty ? "the document" : place, "it is \(kind), not \(expected)", in: title)
    }

    /// A refusal of what stands at `place` of the configuration.
    public static func refusal(_ place: String, _ cause: String, remedy: String? = nil) -> Failure {
        refusal(place, cause, in: usualTitle, remedy: remedy)
    }

    private static func refusal(_ place: String, _ cause: String, in title: String, remedy: String? = nil) -> Failure {
        Failure(
            "bundle.config-invalid", doing: "use \(title)", cause: "\(place): \(cause)", remedy: remedy, field: place)
    }

    public func refusal(_ name: String, _ cause: String, remedy: String? = nil) -> Failure {
        Self.refusal(place(name), cause, in: title, remedy: remedy)
    }
}
