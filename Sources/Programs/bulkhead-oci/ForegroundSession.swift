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

    /// Everything that can be passed on, signal(7): a real-time signal ends systemd as a first process. Not what is
    /// about ourselves: children, broken pipes, faults, limits, our place at a terminal (TTIN, TTOU), what glibc uses.
    private static let signals: [Int32] = (1...64).filter { !own.contains($0) }
    private static let own: Set<Int32> = [4, 5, 7, 8, 9, 11, 13, 17, 19, 21, 22, 25, 31, 32, 33]

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
