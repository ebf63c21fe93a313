public import Containers
import Synchronization

/// What a containerizer knows of its containers while it lives: which there are, who waits for their end, who listens.
/// `Detail` is what it keeps of each.
public final class ContainerLedger<Detail: Sendable>: Sendable {
    public enum Phase: Sendable, Equatable { case launching, running, ended(ContainerExit) }

    public struct Entry: Sendable {
        public var phase: Phase
        public var parent: ContainerID?
        /// Nil while it is being launched.
        public var detail: Detail?
    }

    private struct State {
        var entries: [ContainerID: Entry] = [:]
        var waits: [ContainerID: [LedgerWait]] = [:]
        var streams: [Int: AsyncStream<ContainerEvent>.Continuation] = [:]
        var nextStream = 0
    }

    private let state = Mutex(State())

    public init() {}

    /// Reserves an id. False: there is one of that id.
    public func begin(_ id: ContainerID, parent: ContainerID?) -> Bool {
        state.withLock { state in
            guard state.entries[id] == nil else { return false }
            state.entries[id] = Entry(phase: .launching, parent: parent, detail: nil)
            return true
        }
    }

    /// It runs now. Told to everybody who listens, unless it was found and not launched.
    ///
    /// Whoever listens or waits is told when the lock has been let go of: waking a task wants a lock of that task,
    /// which is held while its cancellation calls back here.
    public func launched(_ id: ContainerID, _ detail: Detail, isNew: Bool = true) {
        let (waits, listeners) = state.withLock { state in
            state.entries[id]?.phase = .running
            state.entries[id]?.detail = detail
            return (Self.take(&state.waits, id) { $0.isForLaunch }, Array(state.streams.values))
        }
        if isNew { for listener in listeners { listener.yield(.launched(id)) } }
        for wait in waits { wait.end(nil) }
    }

    /// The launch came to nothing.
    public func failed(_ id: ContainerID) { forget(id) }

    /// Ends those who wait and tells those who listen, once; what comes later changes nothing.
    public func ended(_ id: ContainerID, _ exit: ContainerExit, isNew: Bool = true) {
        let (waits, listeners) = state.withLock { state -> ([LedgerWait], [AsyncStream<ContainerEvent>.Continuation]) in
            guard let entry = state.entries[id] else { return ([], []) }
            if case .ended = entry.phase { return ([], []) }
            state.entries[id]?.phase = .ended(exit)
            return (Self.take(&state.waits, id) { _ in true }, Array(state.streams.values))
        }
        if isNew { for listener in listeners { listener.yield(.exited(id, exit)) } }
        for wait in waits { wait.end(exit) }
    }

    public func forget(_ id: ContainerID) {
        let waits = state.withLock { state in
            state.entries[id] = nil
            return Self.take(&state.waits, id) { _ in true }
        }
        for wait in waits { wait.end(nil) }
    }

    public subscript(id: ContainerID) -> Entry? { state.withLock { $0.entries[id] } }

    public func change(_ id: ContainerID, _ body: @Sendable (inout Detail) -> Void) {
        state.withLock { state in
            guard var detail = state.entries[id]?.detail else { return }
            body(&detail)
            state.entries[id]?.detail = detail
        }
    }

    public var ids: [ContainerID] { state.withLock { $0.entries.keys.sorted() } }

    public func children(of id: ContainerID) -> [ContainerID] {
        state.withLock { state in state.entries.filter { $0.value.parent == id }.keys.sorted() }
    }

    /// Waits for the end. Nil: not known, forgotten meanwhile, or the waiting task was cancelled.
    public func wait(_ id: ContainerID) async -> ContainerExit? { await wait(id, forLaunch: false) }

    /// Waits until a launch that is under way has come to something.
    public func awaitLaunch(_ id: ContainerID) async { _ = await wait(id, forLaunch: true) }

    private func wait(_ id: ContainerID, forLaunch: Bool) async -> ContainerExit? {
        let wait = LedgerWait(isForLaunch: forLaunch)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                wait.begin(continuation)
                let now: ContainerExit?? = state.withLock { state -> ContainerExit?? in
                    guard let entry = state.entries[id] else { return .some(nil) }
                    if case .ended(let exit) = entry.phase { return exit }
                    if forLaunch, entry.phase == .running { return .some(nil) }
                    state.waits[id, default: []].append(wait)
                    return nil
                }
                if let now { wait.end(now) }
            }
        } onCancel: {
            wait.end(nil)
            state.withLock { state in
                state.waits[id]?.removeAll { $0 === wait }
            }
        }
    }

    public func events() -> AsyncStream<ContainerEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: ContainerEvent.self, bufferingPolicy: .bufferingNewest(ContainerEvent.backlogMax))
        let number = state.withLock { state in
            state.nextStream += 1
            state.streams[state.nextStream] = continuation
            return state.nextStream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.streams.removeValue(forKey: number) }
        }
        return stream
    }

    private static func take(
        _ waits: inout [ContainerID: [LedgerWait]], _ id: ContainerID, _ isOver: (LedgerWait) -> Bool
    ) -> [LedgerWait] {
        guard let all = waits[id] else { return [] }
        let rest = all.filter { !isOver($0) }
        waits[id] = rest.isEmpty ? nil : rest
        return all.filter(isOver)
    }
}

/// One who waits; resumed once, by whatever comes first.
private final class LedgerWait: Sendable {
    private enum State {
        case new
        case waiting(CheckedContinuation<ContainerExit?, Never>)
        case over
    }
    let isForLaunch: Bool
    private let state = Mutex(State.new)

    init(isForLaunch: Bool) { self.isForLaunch = isForLaunch }

    func begin(_ continuation: CheckedContinuation<ContainerExit?, Never>) {
        let isOver = state.withLock { state in
            if case .over = state { return true }
            state = .waiting(continuation)
            return false
        }
        if isOver { continuation.resume(returning: nil) }
    }

    func end(_ exit: ContainerExit?) {
        let continuation = state.withLock { state -> CheckedContinuation<ContainerExit?, Never>? in
            defer { state = .over }
            guard case .waiting(let continuation) = state else { return nil }
            return continuation
        }
        continuation?.resume(returning: exit)
    }
}
