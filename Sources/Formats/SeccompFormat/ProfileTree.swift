import Diagnostics
import JSONFormat

/// A profile's document as it stands there.
indirect enum ProfileTree: JSONTree {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([ProfileTree])
    case object([String: ProfileTree])

    static var noMembers: [String: ProfileTree] { [:] }

    static func add(_ value: ProfileTree, as name: String, to members: inout [String: ProfileTree]) -> Bool {
        guard members[name] == nil else { return false }
        members[name] = value
        return true
    }
}

/// A value with the place it stands at, so that every refusal names the entry at fault.
struct ProfileValue {
    let tree: ProfileTree
    let profile: String
    let place: String

    func wrong(_ cause: String = "the value has the wrong type") -> Failure {
        ProfileReading.invalid(profile, field: place.isEmpty ? nil : place, cause)
    }

    func text() throws(Failure) -> String {
        guard case .string(let text) = tree else { throw wrong() }
        return text
    }

    /// From 0 to 2^64 - 1.
    func number() throws(Failure) -> UInt64 {
        guard case .number(let text) = tree, let number = UInt64(text) else {
            throw wrong("the value is not a whole number from 0 to 2^64 - 1")
        }
        return number
    }

    func object() throws(Failure) -> ProfileObject {
        guard case .object(let members) = tree else { throw wrong() }
        return ProfileObject(members: members, profile: profile, place: place)
    }

    private func elements() throws(Failure) -> [ProfileValue] {
        guard case .array(let trees) = tree else { throw wrong() }
        return trees.enumerated().map { index, tree in
            ProfileValue(tree: tree, profile: profile, place: "\(place)[\(index)]")
        }
    }

    func texts() throws(Failure) -> [String] {
        var result: [String] = []
        for element in try elements() { result.append(try element.text()) }
        return result
    }

    func objects() throws(Failure) -> [ProfileObject] {
        var result: [ProfileObject] = []
        for element in try elements() { result.append(try element.object()) }
        return result
    }
}

struct ProfileObject {
    let members: [String: ProfileTree]
    let profile: String
    let place: String

    private func inside(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }

    /// Refuses a key that is not among `known`.
    func check(_ known: Set<String>) throws(Failure) {
        let unknown = members.keys.filter { !known.contains($0) }.min()
        if let unknown {
            throw ProfileReading.invalid(profile, field: inside(unknown), "no profile has a key with this name")
        }
    }

    /// Nil when it is absent or null.
    func member(_ name: String) throws(Failure) -> ProfileValue? {
        guard let tree = members[name] else { return nil }
        if case .null = tree { return nil }
        return ProfileValue(tree: tree, profile: profile, place: inside(name))
    }

    func required(_ name: String) throws(Failure) -> ProfileValue {
        guard let tree = members[name] else {
            throw ProfileReading.invalid(profile, field: place.isEmpty ? nil : place, "the key \(name) is missing")
        }
        if case .null = tree { throw ProfileReading.invalid(profile, field: inside(name), "the value is null") }
        return ProfileValue(tree: tree, profile: profile, place: inside(name))
    }
}
