/// Where a server listens.
public enum ListenAddress: Sendable, Hashable {
    /// Port 0 takes one that is free; `HTTPServer.addresses` tells which.
    case network(host: String, port: Int)
    /// The socket file is made anew: one left by an earlier process is removed.
    case unixSocket(path: String)
    /// A socket somebody else has bound. The server owns the descriptor from here on and closes it.
    case descriptor(Int32)
}

/// Where a server really listens.
public struct BoundAddress: Sendable, Hashable {
    public let asked: ListenAddress
    /// Nil for a unix socket.
    public let port: Int?

    init(asked: ListenAddress, port: Int?) {
        self.asked = asked
        self.port = port
    }
}
