public import Diagnostics
public import OrderedCollections

/// An object of a document together with the place it stands at, so that every refusal names the member at fault.
/// A member that is `null` counts as absent: the usual tools write it for an empty list.
public struct JSONObject: Sendable {
    public let members: OrderedDictionary<String, JSONValue>
    /// What the document is called in refusals.
    public let document: String
    /// The place of this object in the document: "config.Healthcheck"; empty for the document itself.
    public let path: String

    init(_ value: JSONValue, document: String, path: String) throws(Failure) {
        guard case .object(let members) = value else {
            throw JSONObject.wrongType(document, path, value, expected: "an object")
        }
        self.members = members
        self.document = document
        self.path = path
    }

    public func value(_ name: String) -> JSONValue? {
        guard let value = members[name], value != .null else { return nil }
        return value
    }

    public func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    public func string(_ name: String, bytes: Int) throws(Failure) -> String? {
        guard let value = value(name) else { return nil }
        return try text(value, at: place(name), bytes: bytes)
    }

    /// A whole number that fits; `1e3` and `1.0` are refused.
    public func integer(_ name: String) throws(Failure) -> Int64? {
        guard let value = value(name) else { return nil }
        guard case .number(let text) = value, let number = Int64(text) else {
            throw wrongType(value, at: place(name), expected: "a whole number")
        }
        return number
    }

    public func bool(_ name: String) throws(Failure) -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .bool(let flag) = value else { throw wrongType(value, at: place(name), expected: "a boolean") }
        return flag
    }

    public func object(_ name: String) throws(Failure) -> JSONObject? {
        guard let value = value(name) else { return nil }
        return try JSONObject(value, document: document, path: place(name))
    }

    public func array(_ name: String, entries: Int) throws(Failure) -> [JSONValue]? {
        guard let value = value(name) else { return nil }
        guard case .array(let elements) = value else { throw wrongType(value, at: place(name), expected: "an array") }
        try check(elements.count, at: place(name), entries: entries)
        return elements
    }

    public func objects(_ name: String, entries: Int) throws(Failure) -> [JSONObject]? {
        guard let elements = try array(name, entries: entries) else { return nil }
        var objects: [JSONObject] = []
        for (index, element) in elements.enumerated() {
            objects.append(try JSONObject(element, document: document, path: "\(place(name))[\(index)]"))
        }
        return objects
    }

    public func strings(_ name: String, entries: Int, bytes: Int) throws(Failure) -> [String]? {
        guard let elements = try array(name, entries: entries) else { return nil }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            texts.append(try text(element, at: "\(place(name))[\(index)]", bytes: bytes))
        }
        return texts
    }

    /// An object whose values are strings, such as labels.
    public func texts(_ name: String, entries: Int, bytes: Int) throws(Failure) -> OrderedDictionary<String, String>? {
        guard let object = try object(name) else { return nil }
        try check(object.members.count, at: place(name), entries: entries)
        var texts: OrderedDictionary<String, String> = [:]
        var total = 0
        for (key, value) in object.members {
            let text = try text(value, at: object.place(key), bytes: bytes)
            total += key.utf8.count + text.utf8.count
            texts[key] = text
        }
        guard total <= bytes else { throw tooLong(total, at: place(name), bytes: bytes) }
        return texts
    }

    /// The names of an object whose values mean nothing, which is how volumes and ports are written.
    public func names(_ name: String, entries: Int, bytes: Int) throws(Failure) -> [String]? {
        guard let object = try object(name) else { return nil }
        try check(object.members.count, at: place(name), entries: entries)
        for (key, value) in object.members {
            if key.utf8.count > bytes { throw tooLong(key.utf8.count, at: place(name), bytes: bytes) }
            if value != .null { _ = try JSONObject(value, document: document, path: object.place(key)) }
        }
        return Array(object.members.keys)
    }
}

// MARK: - Refusals

extension JSONObject {
    public func missing(_ name: String) -> Failure {
        refusal("image.document-member-missing", at: place(name), cause: "it has no \(place(name))")
    }

    public func refusal(_ code: Failure.Code, at place: String, cause: String, limit: String? = nil) -> Failure {
        Failure(code, doing: "read \(document)", cause: cause, field: place, limit: limit)
    }

    private func text(_ value: JSONValue, at place: String, bytes: Int) throws(Failure) -> String {
        guard case .string(let text) = value else { throw wrongType(value, at: place, expected: "a string") }
        guard text.utf8.count <= bytes else { throw tooLong(text.utf8.count, at: place, bytes: bytes) }
        guard !text.utf8.contains(0) else {
            throw refusal("image.document-encoding", at: place, cause: "\(place) holds NUL")
        }
        return text
    }

    private func check(_ count: Int, at place: String, entries: Int) throws(Failure) {
        guard count <= entries else {
            throw refusal(
                "image.document-too-many-entries", at: place, cause: "\(place) has \(count) entries",
                limit: "entries \(entries)")
        }
    }

    private func tooLong(_ count: Int, at place: String, bytes: Int) -> Failure {
        refusal(
            "image.document-text-too-long", at: place, cause: "\(place) has \(count) bytes", limit: "bytes \(bytes)")
    }

    private func wrongType(_ value: JSONValue, at place: String, expected: String) -> Failure {
        JSONObject.wrongType(document, place, value, expected: expected)
    }

    private static func wrongType(_ document: String, _ place: String, _ value: JSONValue, expected: String) -> Failure
    {
        let what = place.isEmpty ? "it" : place
        return Failure(
            "image.document-type", doing: "read \(document)", cause: "\(what) is \(value.kind), not \(expected)",
            field: place.isEmpty ? nil : place)
    }

    static func joined(_ path: [String]) -> String {
        var text = ""
        for part in path {
            let isIndex = part.begins(with: "[")
            text += text.isEmpty || isIndex ? part : "." + part
        }
        return text
    }
}
