public import NIOHTTP1

/// The media types of the protocol's APIs, spelt exactly: a parameter or other case is another type.
public enum MediaType: String, Sendable, CaseIterable {
    case json = "application/json"
    case protobuf = "application/x-protobuf"
    case recordio = "application/recordio"
}

/// What a request's headers say about the form of bodies, by the protocol's rules.
public enum Negotiation {
    /// A refusal ready to be sent.
    public struct Refusal: Error, Sendable {
        public let response: Response
        public init(_ response: Response) { self.response = response }
    }

    /// The type of the request's body.
    ///
    /// - Throws: 400 without Content-Type, 415 for one that is not in `allowed`, and for a Message-Content-Type on a
    ///   body that is no stream.
    public static func contentType(
        _ headers: HTTPHeaders, among allowed: [MediaType] = [.json, .protobuf]
    ) throws(Refusal) -> MediaType {
        guard let text = headers.first(name: "Content-Type") else {
            throw Refusal(.text(.badRequest, "Expecting 'Content-Type' to be present"))
        }
        guard let type = MediaType(rawValue: text), allowed.contains(type) else {
            throw Refusal(.text(.unsupportedMediaType, "Expecting 'Content-Type' of \(list(allowed))"))
        }
        if type != .recordio, headers.contains(name: "Message-Content-Type") {
            throw Refusal(
                .text(.unsupportedMediaType, "Expecting 'Message-Content-Type' to be not set for this 'Content-Type'"))
        }
        return type
    }

    /// The type of the records in a streamed body.
    ///
    /// - Throws: 400 without Message-Content-Type, 415 for an unknown one.
    public static func messageContentType(_ headers: HTTPHeaders) throws(Refusal) -> MediaType {
        guard let text = headers.first(name: "Message-Content-Type") else {
            throw Refusal(.text(.badRequest, "Expecting 'Message-Content-Type' to be set for a streaming request"))
        }
        guard let type = MediaType(rawValue: text), type != .recordio else {
            throw Refusal(
                .text(.unsupportedMediaType, "Expecting 'Message-Content-Type' of \(list([.json, .protobuf]))"))
        }
        return type
    }

    /// The first of `offered` that the client accepts. No header, or `*/*`, accepts everything.
    ///
    /// - Throws: 406.
    public static func accepted(
        _ headers: HTTPHeaders, among offered: [MediaType] = [.json, .protobuf], header: String = "Accept"
    ) throws(Refusal) -> MediaType {
        for type in offered where accepts(headers, type.rawValue, header: header) { return type }
        throw Refusal(.text(.notAcceptable, "Expecting '\(header)' to allow \(list(offered))"))
    }

    /// Whether the header's ranges include `type`, one with `q=0` excepted.
    static func accepts(_ headers: HTTPHeaders, _ type: String, header: String) -> Bool {
        let ranges = headers[canonicalForm: header].map { $0.cut(at: ";").map(trimmed) }
        guard !ranges.isEmpty else { return true }
        let family = type.prefix { $0 != "/" }
        var verdict: (rank: Int, isAllowed: Bool) = (-1, false)
        for range in ranges {
            guard let name = range.first else { continue }
            let rank = name == type ? 2 : name == "\(family)/*" ? 1 : name == "*/*" || name == "*" ? 0 : -1
            guard rank > verdict.rank else { continue }
            let quality = range.dropFirst().first { $0.begins(with: "q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            verdict = (rank, quality > 0)
        }
        return verdict.isAllowed
    }

    /// Whether the client takes `gzip`.
    static func acceptsGzip(_ headers: HTTPHeaders) -> Bool {
        for token in headers[canonicalForm: "Accept-Encoding"] {
            let parts = token.cut(at: ";").map(trimmed)
            guard parts.first == "gzip" || parts.first == "*" else { continue }
            let quality = parts.dropFirst().first { $0.begins(with: "q=") }.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
            return quality > 0
        }
        return false
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let isSpace = { (character: Character) in character == " " || character == "\t" }
        return String(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }

    private static func list(_ types: [MediaType]) -> String { types.map(\.rawValue).joined(separator: " or ") }
}
