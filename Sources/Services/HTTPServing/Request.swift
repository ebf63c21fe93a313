public import Diagnostics
public import NIOHTTP1

/// One request, its header read and its caller known.
public struct Request: Sendable {
    public var method: HTTPMethod
    public var target: RequestTarget
    public var headers: HTTPHeaders
    public var peer: Peer
    /// Nil while authentication is off, or where the route's realm does not ask for it.
    public var principal: Principal?
    /// The path's components beyond those the route is registered under.
    public var rest: [String] = []
    /// The body, for routes that collect it; empty for the others.
    public var body: [UInt8] = []
    /// What `body` takes of all that the server may hold.
    var share: BodyShare?
    /// The body as it arrives, for routes that stream it.
    public var stream: BodyStream?

    public init(
        method: HTTPMethod, target: RequestTarget, headers: HTTPHeaders = [:], peer: Peer = .local, body: [UInt8] = []
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.peer = peer
        self.body = body
    }

    /// The media type of an answer that calls `callback()`.
    public static let callbackType = "text/javascript"

    /// The function that the client wants JSON handed to: the query's `jsonp`.
    ///
    /// - Throws: 400 for what is no plain JavaScript name.
    public func callback() throws(Negotiation.Refusal) -> String? {
        guard let callback = target["jsonp"] else { return nil }
        let isName =
            !callback.isEmpty && callback.utf8.count <= 128
            && callback.utf8.allSatisfy { byte in
                let character = Character(Unicode.Scalar(byte))
                return byte < 0x80 && (character.isLetter || character.isNumber || "_$.".contains(character))
            }
        guard isName else { throw Negotiation.Refusal(.text(.badRequest, "jsonp is not the name of a function")) }
        return callback
    }

    /// The form `name=value&...` of the body, however it is typed: clients of the old endpoints send any type.
    ///
    /// - Throws: `Failure` `http.target-malformed`.
    public func form() throws(Failure) -> [RequestTarget.Parameter] {
        guard let text = String(validating: body, as: UTF8.self) else {
            throw Failure("http.target-malformed", doing: "read the form", cause: "it is not UTF-8")
        }
        return try RequestTarget.parameters(text[...])
    }
}

/// Who is at the other end of a connection.
public enum Peer: Hashable, Sendable, CustomStringConvertible {
    case network(address: String, port: Int)
    /// A unix socket, or a call made in this process.
    case local

    /// What connections are counted by; nil where there is nothing to count.
    var address: String? {
        switch self {
        case .network(let address, _): address
        case .local: nil
        }
    }

    /// On this machine, and so perhaps a browser that a page told to call.
    var isLoopback: Bool {
        guard let address else { return false }
        return address.begins(with: "127.") || address == "::1" || address.begins(with: "::ffff:127.")
    }

    public var description: String {
        switch self {
        case .network(let address, let port): address.has(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        case .local: "local"
        }
    }
}
