/// What an agent is known by before it has learned its name, and proves itself with afterwards: drawn once by the
/// agent, remembered by it and by the master, and shown to nobody else. Whoever has it can take the agent's place, so
/// it has no description: not in a log, not in an answer, not in a failed test.
public struct AgentKey: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public static let count = 32
    /// Exactly `count`.
    public let bytes: [UInt8]

    /// Nil unless there are exactly `count` bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == AgentKey.count else { return nil }
        self.bytes = bytes
    }

    /// A new one; in earnest, of the system's own generator.
    public init(using random: inout some RandomNumberGenerator) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(AgentKey.count)
        while bytes.count < AgentKey.count {
            let word = random.next() as UInt64
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        self.bytes = bytes
    }

    public var description: String { "(hidden)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection()) }
}
