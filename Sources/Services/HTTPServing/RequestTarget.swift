public import Diagnostics

/// A request's path and query, taken apart and decoded.
public struct RequestTarget: Hashable, Sendable {
    /// Decoded components without empty ones: `/slave%281%29/state/` is `["slave(1)", "state"]`.
    public let components: [String]
    /// Decoded, in the order they came.
    public let query: [Parameter]
    /// As it was sent, for redirects.
    public let text: String

    public struct Parameter: Hashable, Sendable {
        public let name: String
        public let value: String
    }

    static let componentsMax = 64
    static let parametersMax = 64

    /// - Throws: `Failure` `http.target-malformed` for what is no absolute path or has a broken escape, and
    ///   `http.target-escapes` for a path that climbs (`..`) or names NUL: the protocol answers 404 to it.
    public init(_ text: String) throws(Failure) {
        self.text = text
        // The absolute form names a host first; only what follows counts here.
        var path = text[...]
        if let scheme = ["http://", "https://"].first(where: { text.begins(with: $0) }) {
            path = path.dropFirst(scheme.count).drop { $0 != "/" }
            if path.isEmpty { path = "/" }
        }
        guard path.begins(with: "/") else { throw RequestTarget.malformed(text, "it does not begin with '/'") }
        if let fragment = path.position(of: "#") { path = path[..<fragment] }
        let parts = path.cut(at: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var components: [String] = []
        for part in parts[0].cut(at: "/") {
            let component = try RequestTarget.decoded(part, plusIsSpace: false, of: text)
            guard component != "..", !component.has("\0") else {
                throw Failure("http.target-escapes", doing: "find", on: text, cause: "the path climbs")
            }
            if component != "." { components.append(component) }
        }
        guard components.count <= RequestTarget.componentsMax else {
            throw RequestTarget.malformed(text, "it has more than \(RequestTarget.componentsMax) components")
        }
        self.components = components
        query = parts.count > 1 ? try RequestTarget.parameters(parts[1]) : []
    }

    /// The first parameter of that name.
    public subscript(name: String) -> String? { query.first { $0.name == name }?.value }

    /// Parameters as a query or a form has them: `a=1&b=x+y`.
    ///
    /// - Throws: `Failure` `http.target-malformed` for a broken escape, NUL or too many of them.
    public static func parameters(_ text: Substring) throws(Failure) -> [Parameter] {
        var parameters: [Parameter] = []
        for pair in text.cut(at: "&") {
            guard parameters.count < parametersMax else {
                throw malformed(String(text.prefix(80)), "it has more than \(parametersMax) parameters")
            }
            let sides = pair.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try decoded(sides[0], plusIsSpace: true, of: String(pair))
            let value = sides.count > 1 ? try decoded(sides[1], plusIsSpace: true, of: String(pair)) : ""
            // Values become paths and names, which hold none.
            guard !name.utf8.contains(0), !value.utf8.contains(0) else { throw malformed(String(pair), "it holds NUL") }
            parameters.append(Parameter(name: name, value: value))
        }
        return parameters
    }

    private static func decoded(
        _ text: Substring, plusIsSpace: Bool, of whole: String
    ) throws(Failure) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal)
                else { throw malformed(whole, "a percent sign is not followed by two hexadecimal digits") }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw malformed(whole, "it is not UTF-8") }
        return decoded
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
    }

    private static func malformed(_ text: String, _ cause: String) -> Failure {
        Failure("http.target-malformed", doing: "read request target", on: text, cause: cause)
    }
}
