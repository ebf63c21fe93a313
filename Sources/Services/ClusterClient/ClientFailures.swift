import AsyncHTTPClient
import Diagnostics
import NIOCore
import NIOPosix
import NIOSSL

/// Whom a call is for, in words.
enum Peer: String, Sendable {
    case master
    case agent

    var remedy: String {
        switch self {
        case .master: "start one with 'bulkhead local', or name one that runs"
        case .agent: "see whether it runs with 'bulkhead agent ls'"
        }
    }
}

/// What went wrong between here and a server, as a sentence.
enum ClientFailures {
    /// No answer came. `wasSent`: the server may have taken the call all the same.
    static func unreachable(_ peer: Peer, _ server: ServerAddress, _ error: any Error) -> Failure {
        if let failure = error as? Failure { return failure }
        if isLost(error) {
            return broken(peer, server, "the connection broke before the answer came (\(words(error)))")
        }
        if let failure = untrusted(peer, server, error) { return failure }
        return Failure(
            "client.unreachable", doing: "reach the \(peer.rawValue) at", on: server.description,
            cause: words(error), remedy: peer.remedy, retry: .later)
    }

    /// Something had been sent already.
    static func broken(_ peer: Peer, _ server: ServerAddress, _ cause: String) -> Failure {
        Failure(
            "client.answer-lost", doing: "hear from the \(peer.rawValue) at", on: server.description, cause: cause,
            remedy: "look whether the call took effect before you repeat it", retry: .later)
    }

    static func timedOut(_ peer: Peer, _ server: ServerAddress, after time: Duration) -> Failure {
        Failure(
            "client.timed-out", doing: "hear from the \(peer.rawValue) at", on: server.description,
            cause: "there was no whole answer within \(shown(time))",
            remedy: "look whether the call took effect before you repeat it", limit: "request time \(shown(time))",
            retry: .later)
    }

    static func answerTooLarge(_ peer: Peer, _ server: ServerAddress, _ bytesMax: Int) -> Failure {
        Failure(
            "client.answer-too-large", doing: "read the answer of the \(peer.rawValue) at", on: server.description,
            cause: "it has more than \(bytesMax) bytes", remedy: "ask for less, or raise the client's limit",
            limit: "answer bytes \(bytesMax)")
    }

    /// The server answers what its API does not have.
    static func unreadable(_ peer: Peer, _ server: ServerAddress, _ cause: String) -> Failure {
        Failure(
            "client.answer-unreadable", doing: "read the answer of the \(peer.rawValue) at", on: server.description,
            cause: cause, remedy: "check that the address is that of a \(peer.rawValue)")
    }

    /// A status that is no success, with the server's own words. `meaning`: the status that would have said it better.
    static func refused(
        _ peer: Peer, _ server: ServerAddress, _ status: UInt, _ text: String, meaning: UInt? = nil
    ) -> Failure {
        let said = text.isEmpty ? "it answered \(status) without a reason" : "it answered \(status): \(text)"
        let (code, remedy, retry): (Failure.Code, String, Failure.Retry) =
            switch meaning ?? status {
            case 401: ("client.unauthorized", "give credentials it knows", .never)
            case 403: ("client.forbidden", "ask an operator for permission, or use another principal", .never)
            case 404: ("client.not-found", "check the name, and that the address is that of a \(peer.rawValue)", .never)
            case 409: ("client.conflict", "look at the present state and try again", .later)
            case 413: ("client.call-too-large", "split the call", .never)
            case 429, 503: ("client.unavailable", "try again in a while", .later)
            case 500, 502, 504: ("client.server-failed", "see the log of the \(peer.rawValue)", .later)
            case 501: ("client.not-implemented", "use a \(peer.rawValue) of a newer version", .never)
            default: ("client.refused", "correct the call", .never)
            }
        return Failure(
            code, doing: "have the \(peer.rawValue) at \(server) do this", cause: said, remedy: remedy, retry: retry)
    }

    // MARK: - Streams

    static func closed(_ peer: Peer, _ server: ServerAddress) -> Failure {
        stream("client.stream-closed", peer, server, "the \(peer.rawValue) closed it")
    }

    static func streamBroken(_ peer: Peer, _ server: ServerAddress, _ error: any Error) -> Failure {
        stream("client.stream-broken", peer, server, words(error))
    }

    static func silent(_ peer: Peer, _ server: ServerAddress, for time: Duration) -> Failure {
        stream("client.stream-silent", peer, server, "nothing came for \(shown(time)), not even a heartbeat")
    }

    private static func stream(
        _ code: Failure.Code, _ peer: Peer, _ server: ServerAddress, _ cause: String
    ) -> Failure {
        Failure(
            code, doing: "keep the stream from the \(peer.rawValue) at", on: server.description, cause: cause,
            remedy: "connect again", retry: .later)
    }

    // MARK: - Words

    static func shown(_ time: Duration) -> String {
        let nanoseconds = time.components.attoseconds / 1_000_000_000
        guard time < .seconds(1) else { return "\(time.components.seconds) s" }
        return "\(nanoseconds / 1_000_000) ms"
    }

    /// Whether bytes of the call may have reached the server.
    private static func isLost(_ error: any Error) -> Bool {
        if let error = error as? HTTPClientError {
            return error == .remoteConnectionClosed || error == .uncleanShutdown || error == .readTimeout
                || error == .writeTimeout
        }
        if let error = error as? IOError { return [32, 104].contains(error.errnoCode) }
        if let error = error as? ChannelError, case .ioOnClosedChannel = error { return true }
        return false
    }

    private static func untrusted(_ peer: Peer, _ server: ServerAddress, _ error: any Error) -> Failure? {
        guard error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError else { return nil }
        return Failure(
            "client.tls-refused", doing: "trust the \(peer.rawValue) at", on: server.description, cause: "\(error)",
            remedy: "name the authority that signed its certificate, and check its host name")
    }

    /// The innermost cause in plain words.
    static func words(_ error: any Error) -> String {
        switch error {
        case let error as Failure: return error.description
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return words(first.error) }
            if error.dnsAError != nil || error.dnsAAAAError != nil { return "the name \(error.host) is not known" }
            return "\(error)"
        case let error as IOError: return words(errno: error.errnoCode)
        case let error as HTTPClientError: return words(error)
        case is CancellationError: return "it was cancelled"
        default: return "\(error)"
        }
    }

    private static func words(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout: "it did not take the connection in time"
        case .tlsHandshakeTimeout: "it did not finish the TLS handshake in time"
        case .remoteConnectionClosed: "it closed the connection"
        case .uncleanShutdown: "it closed the connection without a farewell of TLS"
        case .getConnectionFromPoolTimeout: "all connections to it are in use"
        case .cancelled: "it was cancelled"
        case .alreadyShutdown: "this client has been shut down"
        default: "\(error)"
        }
    }

    private static func words(errno: Int32) -> String {
        let name = ErrnoName.of(errno)
        return switch name {
        case "ECONNREFUSED": "connection refused"
        case "ECONNRESET", "EPIPE": "it closed the connection"
        case "ENETUNREACH": "its network cannot be reached from here"
        case "EHOSTUNREACH": "there is no way to its host"
        case "ETIMEDOUT": "the connection timed out"
        case "ENOENT": "there is no such socket"
        case "EACCES": "this user may not open the socket"
        default: ErrnoName.described(errno)
        }
    }
}
