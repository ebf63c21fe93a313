public import Diagnostics

extension Attribute {
    /// The text form of attributes: `rack:r12;level:10;keys:[1000-1500];zones:{a,b}`. What is no number, range or set
    /// is text.
    ///
    /// - Throws: `Failure` `attribute.unreadable` naming the part at fault.
    public static func parse(_ text: String) throws(Failure) -> [Attribute] {
        var result: [Attribute] = []
        for part in text.split(whereSeparator: { $0 == ";" || $0 == "\n" }) {
            let part = part.trimmed
            if !part.isEmpty { result.append(try Attribute(part: part)) }
        }
        return result
    }

    private init(part: Substring) throws(Failure) {
        guard let colon = part.position(of: ":") else { throw Self.unreadable(part, "there is no ':'") }
        let name = part[..<colon].trimmed
        let text = part[part.utf8.index(after: colon)...].trimmed
        guard !name.isEmpty, !text.isEmpty else { throw Self.unreadable(part, "its name or its value is empty") }
        guard text.first == "[" || text.first == "{" || Double(text) != nil else {
            self.init(String(name), .text(String(text)))
            return
        }
        let values: [Resource]
        do throws(Failure) { values = try Resource.parse("value:\(text)") } catch {
            throw Self.unreadable(part, error.cause ?? "its value cannot be read")
        }
        switch values.first?.value {
        case .scalar(let scalar): self.init(String(name), .scalar(scalar))
        case .ranges(let ranges): self.init(String(name), .ranges(ranges))
        case .set(let set): self.init(String(name), .set(set))
        case nil: throw Self.unreadable(part, "its value cannot be read")
        }
    }

    private static func unreadable(_ part: Substring, _ cause: String) -> Failure {
        Failure(
            "attribute.unreadable", doing: "read attribute", on: String(part), cause: cause,
            remedy: "write it like rack:r12;level:10;keys:[1000-1500];zones:{a,b}", field: "attributes")
    }
}
