/// Every bound of a server, each with a name and a unit. Whatever goes beyond one is refused with a reason or cut off;
/// nothing a peer sends or fails to read grows without end.
public struct ServerLimits: Sendable {
    /// Open connections of all peers together. One more is answered 503 and closed; those that exist are kept.
    public var connectionsMax = 10_000
    /// Open connections of one address. Unix sockets have no address and count only in the total.
    public var connectionsPerPeerMax = 5_000
    /// Bytes of the request target, percent signs included. A longer one is answered 414.
    public var targetBytesMax = 8 << 10
    /// Bytes of one header field, name and value.
    public var headerFieldBytesMax = 16 << 10
    /// Bytes of all header fields of a request together.
    public var headerBytesMax = 32 << 10
    /// Header fields of a request.
    public var headerFieldsMax = 100
    /// Bytes of a body that is collected; a route may ask for less or more. A larger one is answered 413.
    public var bodyBytesMax = 16 << 20
    /// Bytes of all bodies that are collected, or whose requests are not answered yet. One that goes beyond is
    /// answered 503.
    public var bodiesBytesMax = 2 << 30
    /// Bytes read and thrown away after a request was answered early, so that its answer is not lost to a reset.
    public var drainBytesMax = 1 << 20
    /// Bytes of one chunk of a body. A larger one is refused with 400 when it is announced, not when it has come.
    public var chunkBytesMax = 64 << 20
    /// Bytes in a row that are nothing but the framing of a body: chunk extensions, trailers. More are answered 400.
    public var framingBytesMax = 16 << 10
    /// Bytes of requests sent ahead of their turn on one connection.
    public var pipelineBytesMax = 256 << 10
    /// From the connection's begin, TLS included, to the end of the first request's header.
    public var headerTime: Duration = .seconds(10)
    /// From one answer to the end of the next request's header.
    public var idleTime: Duration = .seconds(75)
    /// For a collected body, from the header's end. A slower one is answered 408.
    public var bodyTime: Duration = .seconds(60)
    /// How long a peer may take none of an answer's bytes before it is cut off. Event streams are bounded by their
    /// queue instead.
    public var stallTime: Duration = .seconds(60)
    /// How long a stopping server waits for answers under way.
    public var stopTime: Duration = .seconds(5)
    /// Event streams open at once. One more is answered 503.
    public var streamsMax = 5_000
    /// Bytes of a response from which on it is compressed for clients that take gzip.
    public var compressionBytesMin = 1_024
    /// Bytes of a response above which it is sent as it is: compressing it would take too long.
    public var compressionBytesMax = 64 << 20
    /// Pending connections in the kernel's queue of each listening socket.
    public var backlog = 1_024

    public init() {}
}
