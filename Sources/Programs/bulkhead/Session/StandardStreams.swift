import CommandOutput
import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer

/// The pipes between a task in the foreground and our own streams.
///
/// The task never gets one of our descriptors but a pipe: a terminal, a file or a directory of the host in its hands
/// would be a way out.
final class StandardStreams {
    struct Kind: OptionSet {
        let rawValue: Int
        static let input = Kind(rawValue: 1)
        static let terminal = Kind(rawValue: 2)
    }

    /// How far the passing on of output has come.
    private struct Progress {
        var running = 0
        /// Something could not be written to one of our streams, which has been said.
        var isLost = false
        var isGivenUp = false
    }

    private let kind: Kind
    private let format: OutputFormat
    private let progress = Monitor(Progress())
    private var output: OwnedDescriptor?
    private var error: OwnedDescriptor?
    private var input: OwnedDescriptor?
    private var raw: RawTerminal?

    /// `format`: how it is said that output cannot be written.
    init(_ kind: Kind, _ format: OutputFormat) {
        self.kind = kind
        self.format = format
    }

    /// What the container gets. Its ends of the pipes live only as long as this value, so that ours see the end.
    func attachment() throws(Failure) -> Attachment {
        do throws(KernelError) {
            let out = try OwnedDescriptor.pipe()
            let err = try OwnedDescriptor.pipe()
            output = out.read
            error = err.read
            var streams = [1: out.write, 2: err.write]
            if kind.contains(.input), !kind.contains(.terminal) { streams[0] = try inputForTask() }
            return Attachment(streams: streams)
        } catch {
            throw error.failure("console.no-pipes", doing: "make the pipes to the task")
        }
    }

    /// Pipes too: one with a name on the host could be opened anew by the task, and written to.
    private func inputForTask() throws(KernelError) -> OwnedDescriptor {
        let pipe = try OwnedDescriptor.pipe()
        input = pipe.write
        return pipe.read
    }

    /// Starts copying. `onBrokenOutput` is told when whoever read our output has gone.
    func start(terminal: OwnedDescriptor?, onBrokenOutput: @escaping @Sendable () -> Void) throws(Failure) {
        do throws(KernelError) {
            // Before anything is shown: what the task has said already would be changed by our terminal once more.
            if terminal != nil { raw = try rawTerminal() }
            try pump(output.take(), to: 1, onBrokenOutput)
            try pump(error.take(), to: 2, onBrokenOutput)
            if let terminal {
                if kind.contains(.input) { try pumpKeys(to: terminal) }
            } else if let pipe = input.take() {
                _ = try StreamPump(from: try OwnedDescriptor.standardStream(0), to: pipe)
            }
        } catch {
            throw error.failure("console.no-pump", doing: "connect the task with our own streams")
        }
    }

    private func pump(
        _ source: OwnedDescriptor?, to stream: Int32, _ onBrokenOutput: @escaping @Sendable () -> Void
    ) throws(KernelError) {
        guard let source else { return }
        let (progress, format) = (progress, format)
        progress.withLock { $0.running += 1 }
        _ = try StreamPump(from: source, to: try OwnedDescriptor.standardStream(stream)) { end in
            if case .failed(let error) = end { StandardStreams.say(error, on: stream, format, progress) }
            progress.withLock { $0.running -= 1 }
            if end == .readerGone { onBrokenOutput() }
        }
    }

    /// At once, as the task goes on, with its log if it has one, and may do so for long.
    private static func say(
        _ error: KernelError, on stream: Int32, _ format: OutputFormat, _ progress: Monitor<Progress>
    ) {
        let isSaid = progress.withLock { progress in
            defer { progress.isLost = true }
            return progress.isLost
        }
        if isSaid { return }
        let text = ErrorReport.text(Console.failure(error, writingTo: stream), as: format)
        // Standard error may be what cannot be written.
        do throws(Failure) { try Console.write(Array(text.utf8), to: 2) } catch { return }
    }

    /// Keys go to the task's terminal as they are; its output comes through the first pipe, made ready already for a
    /// terminal to show.
    private func rawTerminal() throws(KernelError) -> RawTerminal? {
        let takesKeys = kind.contains(.input)
        let own = try OwnedDescriptor.standardStream(takesKeys ? 0 : 1)
        return own.isTerminal ? try RawTerminal(own, takesKeys ? .keysAndOutput : .outputOnly) : nil
    }

    private func pumpKeys(to master: OwnedDescriptor) throws(KernelError) {
        _ = try StreamPump(from: try OwnedDescriptor.standardStream(0), to: try master.duplicate())
    }

    /// Waits until everything the task said has been passed on, or until that is given up, and gives our terminal back.
    /// Answers whether everything could be written that somebody wanted to read.
    func finish() -> Bool {
        let (isLost, isGivenUp) = progress.waitFor { progress in
            progress.running == 0 || progress.isGivenUp ? (progress.isLost, progress.isGivenUp) : nil
        }
        raw?.restore(draining: !isGivenUp)
        return !isLost
    }

    /// Ends the waiting in `finish`, from any thread: whoever reads our output may take for ever.
    var giveUp: @Sendable () -> Void {
        let progress = progress
        return { progress.withLock { $0.isGivenUp = true } }
    }

    func restore() { raw?.restore() }

    /// The size of our terminal, whichever stream it is on.
    static func size() -> TerminalSize? {
        for stream: Int32 in 0...2 {
            do throws(KernelError) {
                let size = try OwnedDescriptor.standardStream(stream).terminalSize()
                if size.rows > 0, size.columns > 0 { return size }
            } catch { continue }
        }
        return nil
    }

    static func terminalRequest() -> TerminalRequest {
        size().map { TerminalRequest(rows: UInt32($0.rows), columns: UInt32($0.columns)) } ?? TerminalRequest()
    }
}

extension Optional {
    /// The value, leaving nil behind.
    fileprivate mutating func take() -> Wrapped? {
        defer { self = nil }
        return self
    }
}
