public import Logging
import Synchronization

/// How much a process logs, changed while it runs. Loggers made by it and all their copies follow.
///
/// Levels as the protocol counts them: 0 is information and worse, 1 adds what helps to debug, 2 and more everything.
public final class LoggingControl: Sendable {
    public static let levelMax: UInt32 = 3
    private struct State {
        var level: UInt32
        let first: UInt32
        var reversal: Task<Void, Never>?
    }
    private let state: Mutex<State>

    public init(level: UInt32 = 0) {
        state = Mutex(State(level: level, first: level, reversal: nil))
    }

    public var level: UInt32 { state.withLock { $0.level } }

    /// A logger that writes through `handler` what the level lets through.
    public func logger(_ label: String, _ handler: any LogHandler) -> Logger {
        Logger(label: label) { _ in ControlledHandler(control: self, handler: handler) }
    }

    /// Goes back to the first level after `duration`. A later call replaces an earlier one.
    public func set(_ level: UInt32, for duration: Duration) {
        let reversal = Task { [weak self] in
            do { try await Task.sleep(for: duration) } catch { return }
            self?.revert()
        }
        state.withLock { state in
            state.reversal?.cancel()
            state.reversal = reversal
            state.level = level
        }
    }

    private func revert() { state.withLock { $0.level = $0.first } }

    var logLevel: Logger.Level {
        switch level {
        case 0: .info
        case 1: .debug
        default: .trace
        }
    }
}

private struct ControlledHandler: LogHandler {
    let control: LoggingControl
    var handler: any LogHandler

    var logLevel: Logger.Level {
        get { control.logLevel }
        set { handler.logLevel = newValue }
    }
    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }
    var metadataProvider: Logger.MetadataProvider? {
        get { handler.metadataProvider }
        set { handler.metadataProvider = newValue }
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { handler.log(event: event) }
}
