import CommandOutput
import Diagnostics
import LinuxKernel

/// Signals we get while a task runs in the foreground go to the task; a change of our terminal's size to its terminal.
struct SignalForwarding: Sendable {
    private static let forwarded = [
        SignalNumber.hangUp, SignalNumber.interrupt, SignalNumber.quit, SignalNumber.user1, SignalNumber.user2,
        SignalNumber.terminate,
    ]
    private let queue: SignalQueue

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
        let queue = queue
        do throws(KernelError) {
            _ = try WorkerThread { Self.pass(queue, name, send, resize) }
        } catch {
            throw error.failure("console.no-signals", doing: "pass signals on to the task")
        }
    }

    private static func pass(
        _ queue: SignalQueue, _ name: String, _ send: (Int32) throws(Failure) -> Void, _ resize: () -> Void
    ) {
        var interrupts = 0
        while true {
            let signal: Int32
            do throws(KernelError) { signal = try queue.next() } catch { return }
            if signal == SignalNumber.windowChange {
                resize()
                continue
            }
            if signal == SignalNumber.interrupt || signal == SignalNumber.terminate { interrupts += 1 }
            do throws(Failure) { try deliver(signal, interrupts: interrupts, name, send) } catch {
                if error.code != "container.not-running" { Console.note("bulkhead: \(error)") }
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
