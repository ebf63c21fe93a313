import CommandOutput
import Diagnostics
import LinuxKernel

/// Signals we get while a task runs in the foreground go to the task; a change of our terminal's size to its terminal.
struct SignalForwarding: Sendable {
    private static let forwarded = [
        SignalNumber.hangUp, SignalNumber.interrupt, SignalNumber.quit, SignalNumber.user1, SignalNumber.user2,
        SignalNumber.terminate,
    ]
    /// Those that a person ends a command with.
    private static let ending = [
        SignalNumber.hangUp, SignalNumber.interrupt, SignalNumber.quit, SignalNumber.terminate,
    ]
    private let queue: SignalQueue
    private let leaving = Monitor<(@Sendable () -> Void)?>(nil)

    /// Made just before the launch, and before any thread that lives on; from then on the signals wait for `start`.
    init() throws(Failure) {
        SignalQueue.ignoreBrokenPipes()
        do throws(KernelError) { queue = try SignalQueue(Self.forwarded + [SignalNumber.windowChange]) } catch {
            throw error.failure("console.no-signals", doing: "take signals for the task")
        }
    }

    /// Starts passing them on, `send` to the task and `resize` to its terminal, until this process ends.
    func start(
        name: String, send: @escaping @Sendable (Int32) throws(Failure) -> Void, resize: @escaping @Sendable () -> Void
    ) throws(Failure) {
        let (queue, leaving) = (queue, leaving)
        do throws(KernelError) {
            _ = try WorkerThread { Self.pass(queue, leaving, name, send, resize) }
        } catch {
            throw error.failure("console.no-signals", doing: "pass signals on to the task")
        }
    }

    /// There is nobody left to pass them on to: whoever interrupts from now on calls `leave`, as what keeps us is that
    /// nobody reads what the task has said.
    func taskHasEnded(_ leave: @escaping @Sendable () -> Void) { leaving.withLock { $0 = leave } }

    private static func pass(
        _ queue: SignalQueue, _ leaving: Monitor<(@Sendable () -> Void)?>, _ name: String,
        _ send: (Int32) throws(Failure) -> Void, _ resize: () -> Void
    ) {
        var interrupts = 0
        while true {
            let signal: Int32
            do throws(KernelError) { signal = try queue.next() } catch { return }
            if signal == SignalNumber.windowChange {
                resize()
                continue
            }
            if let leave = leaving.withLock({ $0 }) {
                if ending.contains(signal) { leave() }
                continue
            }
            if signal == SignalNumber.interrupt || signal == SignalNumber.terminate { interrupts += 1 }
            do throws(Failure) { try deliver(signal, interrupts: interrupts, name, send) } catch {
                // It has ended a moment ago, or has been removed as well.
                let isGone = ["container.not-running", "container.not-found"].contains(error.code.rawValue)
                if !isGone { Console.note("bulkhead: \(error)") }
            }
        }
    }

    /// A task that does not mind being interrupted is not left behind without a word.
    private static func deliver(
        _ signal: Int32, interrupts: Int, _ name: String, _ send: (Int32) throws(Failure) -> Void
    ) throws(Failure) {
        if interrupts >= 3 {
            Console.note("bulkhead: killing \(name)")
            return try send(SignalNumber.kill)
        }
        try send(signal)
        if interrupts == 2 {
            Console.note("bulkhead: \(name) has not ended yet; once more kills it")
        }
    }
}
