public import ClusterAPI
public import ClusterModel
public import Coordination
public import Determinism
public import Diagnostics

/// One request over HTTP that waits for its answer. The driver counts them.
public struct CallID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public static func < (left: CallID, right: CallID) -> Bool { left.number < right.number }
    public var description: String { "call \(number)" }
}

/// One stream of events that a call has opened. The core counts them; the driver knows the text that stands for each on
/// the wire, and says `.foreign` for a text that it has not given out.
public struct StreamID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public static let foreign = StreamID(0)
    public static func < (left: StreamID, right: StreamID) -> Bool { left.number < right.number }
    public var description: String { "stream \(number)" }
}

/// One agent's connection. The driver counts them; a number is never used twice.
public struct LinkID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public static func < (left: LinkID, right: LinkID) -> Bool { left.number < right.number }
    public var description: String { "link \(number)" }
}

/// One write to the registry that is under way. The core counts them.
public struct Ticket: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public static func < (left: Ticket, right: Ticket) -> Bool { left.number < right.number }
    public var description: String { "ticket \(number)" }
}

/// The answer to a call over HTTP.
public struct CallAnswer: Hashable, Sendable {
    public enum Content: Hashable, Sendable {
        case none
        /// Plain text, for a person.
        case text(String)
        case response(OperatorResponse)
    }
    /// As HTTP counts.
    public var status: Int
    public var content: Content

    public init(status: Int, _ content: Content = .none) {
        self.status = status
        self.content = content
    }

    public static let accepted = CallAnswer(status: 202)
    public static let done = CallAnswer(status: 200)
    public static func response(_ response: OperatorResponse) -> CallAnswer {
        CallAnswer(status: 200, .response(response))
    }
    public static func invalid(_ text: String) -> CallAnswer { CallAnswer(status: 400, .text(text)) }
    public static func forbidden(_ text: String) -> CallAnswer { CallAnswer(status: 403, .text(text)) }
    public static func missing(_ text: String) -> CallAnswer { CallAnswer(status: 404, .text(text)) }
    public static func conflict(_ text: String) -> CallAnswer { CallAnswer(status: 409, .text(text)) }
    public static func unavailable(_ text: String) -> CallAnswer { CallAnswer(status: 503, .text(text)) }
}

extension MasterCore {
    /// What the master is told.
    public enum Event: Sendable {
        /// The core itself has begun: to be the first event, once.
        case started
        /// `stream`: what the call's Mesos-Stream-Id stands for. `principal`: who it turned out to be; nil: nobody
        /// asked.
        case scheduler(CallID, stream: StreamID?, principal: String?, SchedulerCall)
        /// A scheduler's or an operator's stream has ended, from either side.
        case streamClosed(StreamID)
        /// In the order in which the agent sent them.
        case agent(LinkID, principal: String?, AgentMessage)
        case linkClosed(LinkID)
        /// Calls that change something, and SUBSCRIBE. Reads are answered by `response(to:)`.
        case `operator`(CallID, principal: String?, OperatorCall)
        case timer(TimerID)
        case stored(Ticket)
        /// The store refused, or cannot say whether it wrote.
        case storeFailed(Ticket, Failure)
    }

    /// What the driver is to do, in this order.
    public enum Effect: Equatable, Sendable {
        /// Writes all of it or nothing, after what earlier tickets write; then `stored` or `storeFailed`.
        case persist([RegistryChange], Ticket)
        /// Answers the call with a stream that stays open. A client that is gone already is a `streamClosed`.
        case openStream(CallID, StreamID)
        case answer(CallID, CallAnswer)
        /// One record on a scheduler's stream, in the words for a framework of these capabilities.
        case publish(StreamID, SchedulerEvent, for: Set<FrameworkInfo.Capability>)
        /// The first record on an operator's stream: everything there is of what the caller may see. What is announced
        /// before the driver has looked is part of it; what is announced afterwards follows.
        case introduce(StreamID, to: String?)
        /// One record on every operator's stream that is open.
        case announce(OperatorEvent)
        /// Ends it after what was published. No `streamClosed` need follow.
        case closeStream(StreamID)
        case send(LinkID, MasterMessage)
        /// Ends it after what was sent. No `linkClosed` need follow.
        case closeLink(LinkID)
        /// Setting a timer that runs moves it. One that has fired or been cancelled may be late: the core knows.
        case setTimer(TimerID, Instant)
        case cancelTimer(TimerID)
        case note(Note)
        /// The registry is out of our hands: stop leading at once, answer nobody, load anew.
        case stepDown(Failure)
    }
}
