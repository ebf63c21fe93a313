public import ClusterModel

/// Names the agent and its driver use between them. All are counted, never drawn at random.
extension Agent {
    /// Names a batch of records on its way to the journal. Tickets grow by one; the journal answers them in order.
    public struct Ticket: Hashable, Comparable, Sendable, CustomStringConvertible {
        public let number: UInt64
        public init(_ number: UInt64) { self.number = number }
        public static func < (left: Ticket, right: Ticket) -> Bool { left.number < right.number }
        public var description: String { "ticket \(number)" }
    }

    /// A request of an operator that waits for its answer. The driver numbers them.
    public struct CallID: Hashable, Comparable, Sendable {
        public let number: UInt64
        public init(_ number: UInt64) { self.number = number }
        public static func < (left: CallID, right: CallID) -> Bool { left.number < right.number }
    }

    /// An executor's open stream of events. The driver numbers them.
    public struct StreamID: Hashable, Comparable, Sendable {
        public let number: UInt64
        public init(_ number: UInt64) { self.number = number }
        public static func < (left: StreamID, right: StreamID) -> Bool { left.number < right.number }
    }

    /// One attempt of a health check or a check.
    public struct ProbeID: Hashable, Comparable, Sendable {
        public let number: UInt64
        public init(_ number: UInt64) { self.number = number }
        public static func < (left: ProbeID, right: ProbeID) -> Bool { left.number < right.number }
    }
}

/// An executor's name is unique within its framework only.
public struct ExecutorKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let framework: FrameworkID
    public let executor: ExecutorID

    public init(_ framework: FrameworkID, _ executor: ExecutorID) {
        self.framework = framework
        self.executor = executor
    }

    public static func < (left: ExecutorKey, right: ExecutorKey) -> Bool {
        (left.framework, left.executor) < (right.framework, right.executor)
    }
    public var description: String { "\(framework)/\(executor)" }
}
