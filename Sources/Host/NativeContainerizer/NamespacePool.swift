import Containers
public import Diagnostics
import LaunchPlanning
import LinuxKernel

/// Namespaces for one container, made before there is one, and the host ids they map.
struct PreparedNamespaces: Sendable {
    /// The kinds that are made ahead: the user namespace, and what takes the kernel long and belongs to it.
    static let kinds: NamespaceSet = [.user, .network]
    let identities: IdentityRange
    let held: HeldNamespaces

    /// Whether they are what `spawn` asks for. Else it makes its own, with the same result.
    func suit(_ spawn: SpawnOptions) -> Bool {
        spawn.namespaces.isSuperset(of: Self.kinds) && spawn.userMap == Self.map(identities)
            && spawn.groupMap == spawn.userMap
    }

    static func map(_ range: IdentityRange) -> [IDMapping] {
        [range.mapping]
    }
}

/// Namespaces made ahead by a thread of this process, so that a launch does not wait for the kernel to make them. Each
/// is taken once and never comes back; a launch that finds none makes its own. Docs/Decisions/0152.
///
/// The pool holds the host ids of what it has by leases of its own, in the name of an id that no container has, and
/// marks that id as containers are marked that are being made: what is left of a pool is found and given back as what
/// is left of a launch.
public final class NamespacePool: Sendable {
    /// So many where a process launches many containers.
    public static let usualSize = 4
    public static let sizeMax = 64
    /// So long after the last launch they are made: until then what was launched has the processors.
    static let quietMilliseconds: UInt32 = 10

    private struct State {
        var ready: [PreparedNamespaces] = []
        var launching = 0
        /// Launches so far.
        var launched = 0
        /// Somebody waits.
        var isUrgent = false
        /// A launch has been since something last failed here.
        var isWanted = false
        var isEnded = false
        var thread: WorkerThread?
        var mark: OwnedDescriptor?
    }

    private let size: Int
    private let id = ContainerID(number: KernelRandom.number())
    private let leases: IdentityLeases
    private let marks: ContainerMarks
    private let state = Monitor(State())

    /// Holds nothing until the first launch has been.
    init(size: Int, leases: IdentityLeases, marks: ContainerMarks) {
        self.size = min(size, Self.sizeMax)
        self.leases = leases
        self.marks = marks
    }

    deinit {
        // What cannot be given back is found by the next sweep, which says what is wrong.
        do throws(Failure) { try end() } catch {}
    }

    /// Around a launch, which nothing is made beside: it would wait for what is made for others.
    func launching<Value>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        state.withLock { state in
            state.launching += 1
            state.launched += 1
        }
        defer { begin { $0.launching -= 1 } }
        return try body()
    }

    /// What is left of one that was taken is the caller's, its lease included. Nil when there is none.
    func take(for container: ContainerID) throws(Failure) -> PreparedNamespaces? {
        while let prepared = state.withLock({ $0.ready.isEmpty ? nil : $0.ready.removeFirst() }) {
            do throws(Failure) {
                // One whose lease is not ours any more belongs to whoever removed our state directory.
                if try leases.handOver(prepared.identities, from: id, to: container) { return prepared }
            } catch {
                // Its lease must not be forgotten.
                state.withLock { $0.ready.insert(prepared, at: 0) }
                throw error
            }
        }
        return nil
    }

    /// Waits until as many are there as there may be, or none can be made; gives how many there are.
    @discardableResult
    public func awaitFull() -> Int {
        begin { $0.isUrgent = true }
        return state.waitFor { [size] state in
            guard state.ready.count >= size || !state.isWanted || state.isEnded else { return nil }
            state.isUrgent = false
            return state.ready.count
        }
    }

    /// Ends it and gives back what it holds; launches go on without it. Idempotent.
    public func end() throws(Failure) {
        let thread = state.withLock { state in
            state.isEnded = true
            defer { state.thread = nil }
            return state.thread
        }
        thread?.join()
        let (ready, mark) = state.withLock { state in
            defer { (state.ready, state.mark) = ([], nil) }
            return (state.ready, state.mark)
        }
        guard let mark else { return }
        defer { withExtendedLifetime(mark) {} }
        for prepared in ready { try leases.release(prepared.identities, of: id) }
        try marks.dropPending(id)
    }

    /// Has the thread look again, after `change`.
    private func begin(_ change: (inout State) -> Void) {
        state.withLock { state in
            change(&state)
            guard !state.isEnded else { return }
            state.isWanted = true
            guard state.thread == nil else { return }
            // Without a thread every launch makes its own; the next one tries again.
            do throws(KernelError) {
                state.thread = try WorkerThread { [filler = Filler(self)] in filler.run() }
            } catch { state.isWanted = false }
        }
    }

    /// What the thread has of the pool: not the pool, whose end it must not hold up.
    private struct Filler: Sendable {
        let size: Int
        let id: ContainerID
        let leases: IdentityLeases
        let marks: ContainerMarks
        let state: Monitor<State>

        init(_ pool: NamespacePool) {
            (size, id, leases, marks, state) = (pool.size, pool.id, pool.leases, pool.marks, pool.state)
        }

        func run() {
            while waitForNeed() {
                guard isQuiet() else { continue }
                do throws(Failure) {
                    let prepared = try make()
                    state.withLock { $0.ready.append(prepared) }
                } catch {
                    // The next launch does the same itself, and says what is wrong.
                    state.withLock { $0.isWanted = false }
                }
            }
        }

        private func waitForNeed() -> Bool {
            state.waitFor { state in
                if state.isEnded { return false }
                return state.isWanted && state.launching == 0 && state.ready.count < size ? true : nil
            }
        }

        /// Whether nothing was launched for a while; waits for that long.
        private func isQuiet() -> Bool {
            let before: Int? = state.withLock { $0.isUrgent ? nil : $0.launched }
            guard let before else { return true }
            Interval.pass(milliseconds: NamespacePool.quietMilliseconds)
            return state.withLock { !$0.isEnded && $0.launched == before }
        }

        private func make() throws(Failure) -> PreparedNamespaces {
            if state.withLock({ $0.mark == nil }) {
                let mark = try marks.begin(id).parked()
                state.withLock { $0.mark = mark }
            }
            let range = try leases.take(for: id)
            Failpoint.pass("pool.leased")
            do throws(KernelError) {
                let types = NamespaceSet.named.map(\.set).filter {
                    $0 != .user && PreparedNamespaces.kinds.contains($0)
                }
                let map = PreparedNamespaces.map(range).map { "\($0.inside) \($0.outside) \($0.count)\n" }.joined()
                let held = try HeldNamespaces.make(types.map(\.rawValue), owner: range.base, map: map)
                Failpoint.pass("pool.made")
                return PreparedNamespaces(identities: range, held: held)
            } catch {
                let failure = error.failure("launch.no-namespace", doing: "make namespaces ahead of a launch")
                do throws(Failure) { try leases.release(range, of: id) } catch { throw failure.also(error) }
                throw failure
            }
        }
    }
}
