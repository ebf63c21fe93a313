public import ClusterAPI
public import Diagnostics
public import NIOHTTP1

/// An answer. Lengths, keep-alive and compression are the server's affair.
public struct Response: Sendable {
    public enum Body: Sendable {
        case bytes([UInt8])
        /// Pieces fetched one after another, each while the one before leaves; nil ends it. A thrown error cuts the
        /// connection, which is how a client learns that the answer is incomplete. `length` in bytes, when known.
        case pieces(length: Int?, @Sendable () async throws -> [UInt8]?)
        /// Stays open until either side ends it.
        case events(EventStream)
    }

    public var status: HTTPResponseStatus
    public var headers: HTTPHeaders
    public var body: Body
    /// Ends the connection after this answer.
    public var closes = false

    public init(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    public static let ok = Response(.ok)
    public static let accepted = Response(.accepted)

    /// A reason a person can read.
    public static func text(_ status: HTTPResponseStatus, _ text: String) -> Response {
        Response(status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: .bytes(Array(text.utf8)))
    }

    /// Bytes of a media type.
    public static func content(_ bytes: [UInt8], type: String) -> Response {
        Response(.ok, headers: ["Content-Type": type], body: .bytes(bytes))
    }

    public static func json(_ value: WireValue) -> Response { content(value.bytes, type: MediaType.json.rawValue) }

    /// JSON for the old endpoints: wrapped in a call when the query asks for it with `jsonp=`.
    ///
    /// A name that is no plain JavaScript name is refused with 400: it would be run by whoever loads the answer.
    public static func json(_ value: WireValue, for request: Request) -> Response {
        do throws(Negotiation.Refusal) {
            guard let callback = try request.callback() else { return json(value) }
            return content(Array("\(callback)(".utf8) + value.bytes + Array(");".utf8), type: Request.callbackType)
        } catch {
            return error.response
        }
    }

    public static func events(_ stream: EventStream, headers: HTTPHeaders) -> Response {
        Response(.ok, headers: headers, body: .events(stream))
    }

    /// A refusal in words, with the status its code calls for.
    public static func refusal(_ failure: Failure) -> Response {
        text(status(of: failure.code), failure.description)
    }

    /// 404 for what is not found, 413 for what is too large, 409 for what stands in the way, 403 for what is not
    /// allowed, 503 for what can be tried again, else 400.
    static func status(of code: Failure.Code) -> HTTPResponseStatus {
        let name = code.rawValue
        if name.ends(with: "not-found") || name.ends(with: "target-escapes") { return .notFound }
        if name.ends(with: "body-too-large") { return .payloadTooLarge }
        if name.ends(with: "conflict") || name.ends(with: "in-use") { return .conflict }
        if name.ends(with: "forbidden") || name.ends(with: "not-allowed") { return .forbidden }
        if name.ends(with: "overloaded") || name.ends(with: "unavailable") { return .serviceUnavailable }
        return .badRequest
    }
}
