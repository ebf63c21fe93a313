import CommandOutput
import Diagnostics
import HTTPServing
import LinuxKernel
import Logging
import Waiting

/// What daemons do alike: log to standard error, and run until a signal asks them to end.
struct DaemonRun: Sendable {
    private let signals: SignalQueue
    /// How much is told; clients may change it while the daemon runs.
    let logging: LoggingControl
    let logger: Logger

    /// Before anything else, so that every thread leaves the signals to us.
    init(_ options: LoggingOptions) throws(Failure) {
        logging = LoggingControl(level: options.logLevel.number)
        logger = logging.logger("bulkhead", StreamLogHandler.standardError(label: "bulkhead"))
        do throws(KernelError) {
            signals = try SignalQueue([SignalNumber.interrupt, SignalNumber.terminate])
        } catch {
            throw error.failure("host.signals", doing: "wait for signals")
        }
    }

    /// Returns at the first signal; a second one while everything is being ended ends the process at once. What was
    /// freed goes back to the kernel after the start and, where the heap is small, again and again: after a burst of
    /// tasks it is free in pieces.
    func untilAsked(givingBackEvery pause: Duration? = nil) async throws(Failure) {
        let signals = signals
        let settling = Task { await Self.settle(pause) }
        defer { settling.cancel() }
        _ = try await Self.waiters.run { () throws(Failure) in try Self.next(signals) }
        Task.detached {
            do throws(Failure) {
                _ = try await Self.waiters.run { () throws(Failure) in try Self.next(signals) }
                CurrentProcess.exit(ErrorReport.ownStatus)
            } catch { Console.note("bulkhead: \(error)") }
        }
    }

    /// What was read and worked out to start is not needed again: a journal, a registry, what runs already.
    private static func settle(_ pause: Duration?) async {
        var pauses = [Duration.seconds(1), .seconds(9)][...]
        while let next = pauses.popFirst() ?? pause {
            do { try await Task.sleep(for: next) } catch { return }
            CurrentProcess.giveBackFreedMemory()
        }
    }

    /// For `untilAsked` of an agent (decision 0095).
    static let tidying = Duration.seconds(60)

    /// A thread of its own: this wait lasts as long as the process.
    private static let waiters = ThreadPool(threadsMax: 1, waitingMax: 2)

    private static func next(_ signals: SignalQueue) throws(Failure) -> Int32 {
        do throws(KernelError) { return try signals.next() } catch {
            throw error.failure("host.signals", doing: "wait for signals")
        }
    }
}
