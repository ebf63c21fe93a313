/// How a container ended and why.
public struct ContainerExit: Equatable, Sendable, Codable {
    public enum Reason: String, Sendable, Codable {
        /// The task ended by itself or by a signal of its own.
        case ended
        /// The kernel killed it because the container reached its memory limit.
        case memoryLimit
        /// It was killed on our order.
        case killed
        /// It never ran: a step of the launch failed.
        case launchFailed
        /// It ended while nobody could see how: without our init, after a crash of the command that started it, or by
        /// a reboot.
        case unknown
    }
    public var reason: Reason
    /// The task's exit code; 128 + signal when a signal ended it; 126 and 127 as shells use them.
    public var code: Int32
    public var signal: Int32?
    /// Seconds since 1970, with fractions.
    public var endedAt: Double
    /// One sentence for a person.
    public var message: String

    public init(reason: Reason, code: Int32, signal: Int32? = nil, endedAt: Double, message: String) {
        self.reason = reason
        self.code = code
        self.signal = signal
        self.endedAt = endedAt
        self.message = message
    }
}
