import Diagnostics
import LinuxKernel

/// A process that runs in front: signals go to it, its terminal is shown, its end is waited for.
final class ForegroundSession: Sendable {
    private let process: ProcessHandle
    private let watch: SignalWatch
    private let terminal: OwnedDescriptor?
    private let input: OwnedDescriptor
    private let raw: RawTerminal?
    private let output: StreamPump?

    /// Everything that can be passed on, but what is about children and broken pipes of ours.
    private static let signals: [Int32] =
        [SignalNumber.hangUp, SignalNumber.interrupt, SignalNumber.quit, SignalNumber.user1, SignalNumber.user2]
        + [SignalNumber.terminate, SignalNumber.windowChange, 18, 23, 24, 26, 27, 29, 30]

    init(_ process: ProcessHandle, terminal: OwnedDescriptor?) throws(Failure) {
        self.process = process
        self.terminal = terminal
        do throws(KernelError) {
            // Before the threads that copy: they are to leave the signals alone.
            watch = try SignalWatch(Self.signals)
            input = try OwnedDescriptor.standardStream(0)
            if let terminal {
                Self.resize(terminal, like: input)
                raw = input.isTerminal ? try RawTerminal(input) : nil
                let shown = try OwnedDescriptor.standardStream(1)
                if !shown.isTerminal { try terminal.keepNewLines() }
                output = try StreamPump(from: try terminal.duplicate(), to: shown)
                _ = try StreamPump(from: try input.duplicate(), to: try terminal.duplicate())
            } else {
                raw = nil
                output = nil
            }
        } catch {
            throw error.failure("session", doing: "attach to the process")
        }
    }

    private static func resize(_ terminal: OwnedDescriptor, like other: OwnedDescriptor) {
        do throws(KernelError) { try terminal.setTerminalSize(try other.terminalSize()) } catch { return }
    }

    func wait() throws(Failure) -> ProcessEnd {
        do throws(KernelError) {
            while let number = try watch.next(beforeEndOf: process) {
                if number == SignalNumber.windowChange, let terminal {
                    Self.resize(terminal, like: input)
                } else {
                    try process.signal(number)
                }
            }
            let end = try process.reap()
            _ = output?.wait()
            raw?.restore()
            return end
        } catch {
            throw error.failure("session", doing: "wait for the process")
        }
    }
}
