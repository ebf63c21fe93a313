import CommandOutput
import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer

/// A container in the foreground, from its launch to its end.
struct ForegroundRun {
    let containerizer: NativeContainerizer
    let request: ContainerRequest
    let layers: [String]
    /// How it is said that its output cannot be written.
    let format: OutputFormat

    struct End {
        let exit: ContainerExit
        /// Whether its output could be written to our own streams. When not, that has been said.
        let isShown: Bool
    }

    /// Gives how it ended. `onLaunched` runs as soon as it has been launched.
    func run(_ signals: SignalForwarding, onLaunched: () throws(Failure) -> Void) throws(Failure) -> End {
        var kind: StandardStreams.Kind = []
        if request.process.interactive { kind.insert(.input) }
        if request.process.terminal != nil { kind.insert(.terminal) }
        let streams = StandardStreams(kind, format)
        // The container's ends of the pipes are gone after this line, so that ours see the end.
        let running = try containerizer.launch(request, layers: layers, attachment: try streams.attachment())
        try onLaunched()
        defer { streams.restore() }
        do throws(Failure) { try connect(running, streams, signals) } catch let first {
            // In the foreground and out of our hands: nobody would know that it runs.
            do throws(Failure) { try containerizer.kill(request.id, signal: SignalNumber.kill) } catch {
                throw first.also(error)
            }
            throw first
        }
        let exit = try containerizer.wait(for: request.id, running: running)
        signals.taskHasEnded(streams.giveUp)
        return End(exit: exit, isShown: streams.finish())
    }

    private func connect(
        _ running: RunningContainer, _ streams: StandardStreams, _ signals: SignalForwarding
    ) throws(Failure) {
        let (containerizer, id, terminal) = (containerizer, request.id, running.terminal)
        try streams.start(terminal: terminal) {
            // As in a pipeline: who writes to nobody is told so.
            do throws(Failure) { try containerizer.kill(id, signal: SignalNumber.brokenPipe) } catch { return }
        }
        try signals.start(
            name: request.name, send: { signal throws(Failure) in try containerizer.kill(id, signal: signal) },
            resize: { Self.resize(terminal) })
    }

    static func resize(_ terminal: OwnedDescriptor?) {
        guard let terminal, let size = StandardStreams.size() else { return }
        // A terminal that has ended needs no size.
        do throws(KernelError) { try terminal.setTerminalSize(size) } catch { return }
    }
}
