public import Diagnostics

/// A piece of work that may be done beside something else, by a spare thread of this process, or by whoever needs its
/// outcome if no thread has begun with it by then. So it never waits for a thread, and done early or late it is done
/// once.
public final class Errand: Sendable {
    private enum Stage {
        case waiting
        case begun
        case done(Failure?)
    }

    private let stage = Monitor(Stage.waiting)
    private let body: @Sendable () throws(Failure) -> Void

    /// Offers it to the spare thread. `finish` must be called.
    public init(_ body: @escaping @Sendable () throws(Failure) -> Void) {
        self.body = body
        SpareThread.shared.offer(self)
    }

    /// Returns when it is done, with what it failed with. May be called again.
    public func finish() throws(Failure) {
        run()
        let failure = stage.waitFor { stage -> Failure?? in
            if case .done(let failure) = stage { .some(failure) } else { nil }
        }
        if let failure { throw failure }
    }

    /// Does it, unless somebody has begun with it.
    fileprivate func run() {
        let isOurs = stage.withLock { stage in
            guard case .waiting = stage else { return false }
            stage = .begun
            return true
        }
        guard isOurs else { return }
        do throws(Failure) {
            try body()
            stage.withLock { $0 = .done(nil) }
        } catch {
            stage.withLock { $0 = .done(error) }
        }
    }
}

/// The thread, one for the whole process, from the first errand on. It takes no second errand before it is done with
/// one: where many are launched their own threads keep the processors busy.
private final class SpareThread: Sendable {
    static let shared = SpareThread()

    private struct State {
        var errand: Errand?
        var isBusy = false
        var thread: WorkerThread?
    }

    private let state = Monitor(State())

    func offer(_ errand: Errand) {
        state.withLock { state in
            guard !state.isBusy, begin(&state) else { return }
            state.isBusy = true
            state.errand = errand
        }
    }

    /// Never joined: it lasts as long as the process does.
    private func begin(_ state: inout State) -> Bool {
        if state.thread != nil { return true }
        do throws(KernelError) {
            state.thread = try WorkerThread { [self] in
                while true {
                    let errand = self.state.waitFor { state in
                        defer { state.errand = nil }
                        return state.errand
                    }
                    errand.run()
                    self.state.withLock { $0.isBusy = false }
                }
            }
            return true
        } catch {
            return false
        }
    }
}
