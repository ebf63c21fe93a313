public import ClusterAPI
public import Diagnostics

/// What a candidate or an observer learns about who leads.
public enum Leadership: Equatable, Sendable {
    /// We lead, until something else is said.
    case leading
    /// Another master leads; nil: none does.
    case following(MasterInfo?)
    /// The session is over. A leader that hears it has already stopped being one and answers nobody from here on.
    case lost(Failure)
}

/// Chooses one master among several.
///
/// Promises: at most one candidate is told `.leading` at a time; before another is, the former has been told otherwise
/// or its session has run out. Losing the session is an event, not an error.
public protocol Coordinator: Sendable {
    /// Stands for election. The stream ends after `.lost`; stand again for another term.
    func contend(as candidate: MasterInfo) async -> AsyncStream<Leadership>
    /// Watches without standing; never says `.leading`.
    func observe() async -> AsyncStream<Leadership>
    /// Gives the candidacy up; harmless when there is none.
    func resign() async
}

/// The only master there is leads at once and always.
public actor SoleCoordinator: Coordinator {
    private var leader: MasterInfo?
    private var watchers: [UInt64: AsyncStream<Leadership>.Continuation] = [:]
    private var following: UInt64 = 0

    public init() {}

    public func contend(as candidate: MasterInfo) -> AsyncStream<Leadership> {
        leader = candidate
        announce(.following(candidate))
        return AsyncStream { $0.yield(.leading) }
    }

    public func observe() -> AsyncStream<Leadership> {
        let (stream, continuation) = AsyncStream<Leadership>.makeStream(bufferingPolicy: .bufferingNewest(1))
        following += 1
        let number = following
        watchers[number] = continuation
        continuation.onTermination = { _ in Task { await self.forget(number) } }
        continuation.yield(.following(leader))
        return stream
    }

    public func resign() {
        leader = nil
        announce(.following(nil))
    }

    private func announce(_ leadership: Leadership) {
        for number in watchers.keys.sorted() { watchers[number]?.yield(leadership) }
    }

    private func forget(_ number: UInt64) { watchers[number] = nil }
}
