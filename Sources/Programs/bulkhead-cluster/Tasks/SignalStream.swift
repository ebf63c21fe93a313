import CommandOutput
import Diagnostics
import LinuxKernel

/// Signals we get, for asynchronous code; from then on they do nothing by themselves.
struct SignalStream: Sendable {
    static let forwarded = [
        SignalNumber.hangUp, SignalNumber.interrupt, SignalNumber.quit, SignalNumber.user1, SignalNumber.user2,
        SignalNumber.terminate,
    ]
    let signals: AsyncStream<Int32>
    /// Our terminal has got another size. Several at once are one.
    let resizes: AsyncStream<Void>

    /// `queue` must have been made before any other thread was.
    init(_ queue: SignalQueue) throws(Failure) {
        // Who does not read signals any more loses the oldest: a handful is all that people send.
        let (stream, continuation) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingNewest(16))
        let (resizes, resized) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        do throws(KernelError) {
            _ = try WorkerThread {
                while true {
                    do throws(KernelError) {
                        let signal = try queue.next()
                        if signal == SignalNumber.windowChange { resized.yield() } else { continuation.yield(signal) }
                    } catch { return }
                }
            }
        } catch {
            throw error.failure("console.no-signals", doing: "take signals for the task")
        }
        signals = stream
        self.resizes = resizes
    }

    /// Those that go to a task in the foreground, and changes of our terminal's size.
    static func forwarding() throws(Failure) -> SignalStream { try taking(forwarded + [SignalNumber.windowChange]) }

    /// Changes of our terminal's size only: anything else ends us as it always does.
    static func resizing() throws(Failure) -> SignalStream { try taking([SignalNumber.windowChange]) }

    private static func taking(_ signals: [Int32]) throws(Failure) -> SignalStream {
        let queue: SignalQueue
        do throws(KernelError) { queue = try SignalQueue(signals) } catch {
            throw error.failure("console.no-signals", doing: "take signals for the task")
        }
        return try SignalStream(queue)
    }
}
