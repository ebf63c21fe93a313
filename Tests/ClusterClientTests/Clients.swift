import ClusterAPI
import ClusterClient
import ClusterModel
import Diagnostics
import Logging
import Synchronization

let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

func settings(_ ports: Int..., format: WireFormat = .json, tls: Bool = false) throws -> ClientSettings {
    let masters = ports.map { ServerAddress(host: "127.0.0.1", port: UInt16($0), isEncrypted: tls) }
    return ClientSettings(masters: masters, format: format, logger: quiet)
}

/// What `work` fails with.
func failure<Value>(of work: () async throws(Failure) -> Value) async -> Failure? {
    do throws(Failure) {
        _ = try await work()
        return nil
    } catch {
        return error
    }
}

func framework(_ id: FrameworkID? = nil) throws(Failure) -> FrameworkRequest {
    let placeholder = try FrameworkID("none")
    return FrameworkRequest(FrameworkInfo(id: id ?? placeholder, name: "test"), isNew: id == nil)
}

extension SchedulerEvent {
    static func subscribed(_ id: String, heartbeat: Duration = .seconds(15)) throws -> SchedulerEvent {
        .subscribed(
            try FrameworkID(id), heartbeat: heartbeat,
            master: MasterInfo(id: "m", address: NetworkAddress(hostname: "localhost", port: 5_050), version: "1.0.0"))
    }
    var framed: [UInt8] { record(for: [.multiRole, .reservationRefinement, .partitionAware]) }
}

final class Counter: Sendable {
    private let number = Mutex(0)
    var count: Int { number.withLock { $0 } }
    func add() { number.withLock { $0 += 1 } }
}

extension Task {
    /// Its value, and its end when whoever waits for that is cancelled, as the suite's time limit does: a wait for
    /// `value` takes no notice.
    var valueOrEnd: Success {
        get async throws {
            try await withTaskCancellationHandler { try await value } onCancel: { cancel() }
        }
    }
}

/// For what time itself does: heartbeats, and silence between them.
func pause(_ time: Duration) async {
    do { try await Task.sleep(for: time) } catch { return }
}

/// A file of a sandbox whose task still writes.
final class GrowingFile: Sendable {
    private let state = Mutex((bytes: [UInt8](), read: 0, isOver: false))

    var isOver: Bool { state.withLock { $0.isOver } }
    /// Whether everything in it has been asked for.
    var isRead: Bool { state.withLock { $0.read == $0.bytes.count } }

    func append(_ text: String) { state.withLock { $0.bytes += Array(text.utf8) } }

    func finish(_ text: String) {
        state.withLock { state in
            state.bytes += Array(text.utf8)
            state.isOver = true
        }
    }

    func read(_ offset: UInt64, _ length: UInt64) -> (bytes: [UInt8], size: UInt64) {
        state.withLock { state in
            let piece = state.bytes.dropFirst(Int(offset)).prefix(Int(min(length, 1 << 20)))
            state.read = max(state.read, Int(offset) + piece.count)
            return (Array(piece), UInt64(state.bytes.count))
        }
    }
}
