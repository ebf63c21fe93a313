public import Diagnostics

/// The text form of resources: `cpus:4;mem(eng):1024;ports:[31000-32000,33000-33100];zones:{a,b}`.
/// A role in parentheses is a static reservation, `(*)` is none.
extension Resource {
    /// Every resource of `text` in its order, zeros too: `cpus:0` says there are none, which is not silence.
    ///
    /// - Parameter role: Whom resources without parentheses are reserved for.
    /// - Throws: `Failure` `resource.unreadable` naming the part at fault.
    public static func parse(_ text: String, defaultRole role: RoleName = .anyone) throws(Failure) -> [Resource] {
        var result: [Resource] = []
        for part in text.split(whereSeparator: { $0 == ";" || $0 == "\n" }) {
            let part = part.trimmed
            if part.isEmpty { continue }
            result.append(try Resource(part: part, defaultRole: role))
        }
        return result
    }

    private init(part: Substring, defaultRole: RoleName) throws(Failure) {
        guard let colon = part.position(of: ":") else { throw Self.unreadable(part, "there is no ':'") }
        var name = part[..<colon].trimmed
        var role = defaultRole
        if let open = name.position(of: "(") {
            guard name.last == ")" else { throw Self.unreadable(part, "there is no ')'") }
            role = try RoleName(String(name[name.utf8.index(after: open)...].dropLast()))
            name = name[..<open].trimmed
        }
        guard !name.isEmpty, name.allSatisfy(Self.isNameCharacter) else {
            throw Self.unreadable(part, "the name has letters, digits, '_', '.', '/' and '-'")
        }
        let value = try Self.value(part[part.utf8.index(after: colon)...].trimmed, of: part)
        let reservations = role == .anyone ? [] : [Reservation(.configured, for: role)]
        self.init(String(name), value, reservations: reservations)
        try validate()
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "_./-".contains(character))
    }

    private static func value(_ text: Substring, of part: Substring) throws(Failure) -> ResourceValue {
        switch text.first {
        case "[": return .ranges(try ranges(text, of: part))
        case "{": return .set(try set(text, of: part))
        default:
            guard let number = Double(text) else { throw unreadable(part, "'\(text)' is no number, range or set") }
            return .scalar(try Scalar(number))
        }
    }

    private static func ranges(_ text: Substring, of part: Substring) throws(Failure) -> Ranges {
        guard text.last == "]" else { throw unreadable(part, "there is no ']'") }
        var ranges: [ClosedRange<UInt64>] = []
        for item in text.dropFirst().dropLast().cut(at: ",", omittingEmptySubsequences: false) {
            if item.trimmed.isEmpty, text.count == 2 { break }
            let ends = item.cut(at: "-", omittingEmptySubsequences: false)
            guard ends.count == 2, let low = UInt64(ends[0].trimmed), let high = UInt64(ends[1].trimmed), low <= high
            else { throw unreadable(part, "'\(item)' is not a range such as 31000-32000") }
            ranges.append(low...high)
        }
        return Ranges(ranges)
    }

    private static func set(_ text: Substring, of part: Substring) throws(Failure) -> ItemSet {
        guard text.last == "}" else { throw unreadable(part, "there is no '}'") }
        let items = text.dropFirst().dropLast().cut(at: ",", omittingEmptySubsequences: false)
        if items.count == 1, items[0].trimmed.isEmpty { return .empty }
        for item in items where item.trimmed.isEmpty || item.contains(where: { "{}[];".contains($0) }) {
            throw unreadable(part, "'\(item)' cannot be in a set")
        }
        return ItemSet(items.map { String($0.trimmed) })
    }

    private static func unreadable(_ part: Substring, _ cause: String) -> Failure {
        Failure(
            "resource.unreadable", doing: "read resource", on: String(part), cause: cause,
            remedy: "write it like cpus:4;mem(role):1024;ports:[31000-32000];zones:{a,b}", field: "resources")
    }
}

extension Resources {
    /// The sum of the resources in `text`, for example `cpus:4;mem:1024;ports:[31000-32000]`.
    ///
    /// - Throws: `Failure` `resource.unreadable`, or of a role, an amount or `Resource.validate`.
    public init(parsing text: String, defaultRole role: RoleName = .anyone) throws(Failure) {
        self.init(try Resource.parse(text, defaultRole: role))
    }
}

extension Substring {
    /// Without spaces and tabs at its ends.
    var trimmed: Substring {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
