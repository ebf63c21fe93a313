public import Diagnostics
import JSONFormat
public import OrderedCollections

/// An object of a document together with the place it stands at, so that every refusal names the field at fault.
///
/// A member nobody asks for is tolerated, as the specification demands; one of the wrong type is refused. `null` counts
/// as absent.
public struct SpecObject: Sendable {
    public let members: OrderedDictionary<String, SpecValue>
    /// "linux.resources"; empty for the document itself.
    public let path: String

    static let limits = JSONLimits(bytes: 16 << 20, depth: 64, values: 1_000_000)

    /// - Throws: `Failure` `bundle.config-invalid`.
    public init(parsing bytes: [UInt8], document: String, path: String = "") throws(Failure) {
        let value: SpecValue
        do throws(JSONFault) { value = try JSONReader.read(bytes, limits: Self.limits) } catch {
            let place = error.path.isEmpty ? "" : " in \(error.path.joined(separator: "."))"
            let position = error.position.map { " (byte \($0))" } ?? ""
            throw Failure(
                "bundle.config-invalid", doing: "read \(document)", cause: error.cause + place + position,
                remedy: "correct the document", field: error.path.joined(separator: "."))
        }
        try self.init(value, path: path)
    }

    public init(_ value: SpecValue, path: String) throws(Failure) {
        guard case .object(let members) = value else { throw Self.wrong(value, path, "an object") }
        self.members = members
        self.path = path
    }

    /// What stands where a document has nothing.
    static func orEmpty(_ object: SpecObject?, path: String) throws(Failure) -> SpecObject {
        if let object { return object }
        return try SpecObject([:], path: path)
    }

    public func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    public func value(_ name: String) -> SpecValue? {
        guard let value = members[name], value != .null else { return nil }
        return value
    }

    public func has(_ name: String) -> Bool { value(name) != nil }

    public static func wrong(_ value: SpecValue, _ place: String, _ expected: String) -> Failure {
        refusal(place.isEmpty ? "the document" : place, "it is \(value.kind), not \(expected)")
    }

    /// A refusal of what stands at `place`.
    public static func refusal(_ place: String, _ cause: String, remedy: String? = nil) -> Failure {
        Failure(
            "bundle.config-invalid", doing: "use config.json", cause: "\(place): \(cause)",
            remedy: remedy, field: place)
    }

    public func refusal(_ name: String, _ cause: String, remedy: String? = nil) -> Failure {
        Self.refusal(place(name), cause, remedy: remedy)
    }

    public func string(_ name: String) throws(Failure) -> String? {
        guard let value = value(name) else { return nil }
        return try Self.text(value, place(name))
    }

    public func required(_ name: String) throws(Failure) -> String {
        guard let text = try string(name), !text.isEmpty else { throw refusal(name, "it is missing") }
        return text
    }

    public func bool(_ name: String) throws(Failure) -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .bool(let flag) = value else { throw Self.wrong(value, place(name), "a boolean") }
        return flag
    }

    public func integer<Number: FixedWidthInteger>(_ name: String, as type: Number.Type) throws(Failure) -> Number? {
        guard let value = value(name) else { return nil }
        return try Self.integer(value, place(name), as: type)
    }

    public func object(_ name: String) throws(Failure) -> SpecObject? {
        guard let value = value(name) else { return nil }
        return try SpecObject(value, path: place(name))
    }

    public func array(_ name: String) throws(Failure) -> [SpecValue] {
        guard let value = value(name) else { return [] }
        guard case .array(let elements) = value else { throw Self.wrong(value, place(name), "an array") }
        return elements
    }

    public func objects(_ name: String) throws(Failure) -> [SpecObject] {
        var result: [SpecObject] = []
        for (index, element) in try array(name).enumerated() {
            result.append(try SpecObject(element, path: "\(place(name))[\(index)]"))
        }
        return result
    }

    public func strings(_ name: String) throws(Failure) -> [String] {
        var result: [String] = []
        for (index, element) in try array(name).enumerated() {
            result.append(try Self.text(element, "\(place(name))[\(index)]"))
        }
        return result
    }

    public func integers<Number: FixedWidthInteger>(_ name: String, as type: Number.Type) throws(Failure) -> [Number] {
        var result: [Number] = []
        for (index, element) in try array(name).enumerated() {
            result.append(try Self.integer(element, "\(place(name))[\(index)]", as: type))
        }
        return result
    }

    /// An object whose values are texts.
    public func texts(_ name: String) throws(Failure) -> OrderedDictionary<String, String> {
        guard let object = try object(name) else { return [:] }
        var result: OrderedDictionary<String, String> = [:]
        for (key, value) in object.members { result[key] = try Self.text(value, object.place(key)) }
        return result
    }

    /// An object whose values are objects, in their order.
    public func named(_ name: String) throws(Failure) -> [(name: String, object: SpecObject)] {
        guard let object = try object(name) else { return [] }
        var result: [(name: String, object: SpecObject)] = []
        for (key, value) in object.members {
            result.append((key, try SpecObject(value, path: object.place(key))))
        }
        return result
    }

    private static func text(_ value: SpecValue, _ place: @autoclosure () -> String) throws(Failure) -> String {
        guard case .string(let text) = value else { throw wrong(value, place(), "a string") }
        return text
    }

    private static func integer<Number: FixedWidthInteger>(
        _ value: SpecValue, _ place: @autoclosure () -> String, as type: Number.Type
    ) throws(Failure) -> Number {
        guard case .number(let text) = value else { throw wrong(value, place(), "a whole number") }
        guard let number = Number(text) else {
            throw refusal(place(), "\(text) is no whole number from \(Number.min) to \(Number.max)")
        }
        return number
    }
}
