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

    /// `queue` must have been made before any other thread was.
    init(_ queue: SignalQueue) throws(Failure) {
        // Who does not read signals any more loses the oldest: a handful is all that people send.
        let (stream, continuation) = AsyncStream<Int32>.makeStream(bufferingPolicy: .bufferingNewest(16))
        do throws(KernelError) {
            _ = try WorkerThread {
                while true {
                    do throws(KernelError) { continuation.yield(try queue.next()) } catch { return }
                }
            }
        } catch {
            throw error.failure("console.no-signals", doing: "take signals for the task")
        }
        signals = stream
    }
}
