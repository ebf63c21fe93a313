public import ClusterAPI
import Diagnostics
import Synchronization

/// Where figures come from, asked when somebody wants to see them.
public final class Metrics: Sendable {
    public typealias Source = @Sendable () async -> [Metric]
    private let sources = Mutex<[Source]>([])

    public init() {}

    public func add(_ source: @escaping Source) { sources.withLock { $0.append(source) } }

    /// One gauge; nil while it has no value.
    public func add(_ name: String, _ gauge: @escaping @Sendable () -> Double?) {
        add { gauge().map { [Metric(name, $0)] } ?? [] }
    }

    /// Every figure that has a value, sorted by name. Sources that do not answer within `timeout` are left out.
    public func snapshot(timeout: Duration? = nil) async -> [Metric] {
        let sources = sources.withLock { $0 }
        let gathered = Gathered(expected: sources.count)
        for source in sources {
            Task { gathered.add(await source()) }
        }
        if let timeout {
            Task {
                do { try await Task.sleep(for: timeout) } catch { return gathered.giveUp() }
                gathered.giveUp()
            }
        }
        return await gathered.all().filter { $0.value != nil }.sorted { $0.name < $1.name }
    }

    /// The exposition format of Prometheus, version 0.0.4: all figures of a name stand together.
    public func exposition() async -> String {
        var lines: [String: String] = [:]
        for metric in await snapshot(timeout: .seconds(10)) {
            let (name, labels) = Metrics.labelled(metric.name)
            lines[name, default: ""] += "\(name)\(labels) \(Metrics.exposed(metric.value ?? .nan))\n"
        }
        return lines.keys.sorted().map { "# TYPE \($0) gauge\n" + (lines[$0] ?? "") }.joined()
    }

    /// What each of many frameworks has has one name there, and whose it is beside it:
    /// `master/frameworks/web/m-0001/calls` as `bulkhead_master_frameworks_calls{framework_name="web",…}`.
    static func labelled(_ name: String) -> (name: String, labels: String) {
        var parts = name.cut(at: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count > 4, parts.starts(with: ["master", "frameworks"]) else { return (exposed(name), "") }
        var labels = [("framework_name", parts.remove(at: 2)), ("framework_id", parts.remove(at: 2))]
        if parts.count > 4, parts[2] == "roles" {
            labels.append(("role", parts[3..<(parts.count - 1)].joined(separator: "/")))
            parts.removeSubrange(3..<(parts.count - 1))
        }
        let text = labels.map { "\($0.0)=\"\(escaped($0.1))\"" }.joined(separator: ",")
        return (exposed(parts.joined(separator: "/")), "{\(text)}")
    }

    private static func escaped(_ value: String) -> String {
        Untrusted.shown(value).unicodeScalars.map { $0 == "\\" || $0 == "\"" ? "\\\($0)" : String($0) }.joined()
    }

    /// `master/tasks_running` as `bulkhead_master_tasks_running`.
    static func exposed(_ name: String) -> String {
        "bulkhead_"
            + String(
                name.map { character in
                    character.isASCII && (character.isLetter || character.isNumber || character == "_")
                        ? character : "_"
                })
    }

    private static func exposed(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    /// What has come in, and who waits for the rest.
    private final class Gathered: Sendable {
        private struct State {
            var metrics: [Metric] = []
            var missing: Int
            var waiting: CheckedContinuation<[Metric], Never>?
        }
        private let state: Mutex<State>
        init(expected: Int) { state = Mutex(State(missing: expected)) }

        func add(_ metrics: [Metric]) {
            finish { state in
                guard state.missing > 0 else { return }
                state.metrics += metrics
                state.missing -= 1
            }
        }

        func giveUp() { finish { $0.missing = 0 } }

        private func finish(_ change: (inout State) -> Void) {
            let (waiting, metrics) = state.withLock { state in
                change(&state)
                guard state.missing == 0 else { return (CheckedContinuation<[Metric], Never>?.none, [Metric]()) }
                defer { state.waiting = nil }
                return (state.waiting, state.metrics)
            }
            waiting?.resume(returning: metrics)
        }

        func all() async -> [Metric] {
            await withCheckedContinuation { continuation in
                let ready = state.withLock { state -> [Metric]? in
                    if state.missing == 0 { return state.metrics }
                    state.waiting = continuation
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        }
    }
}

extension Metrics {
    /// `/metrics` and `/metrics/snapshot`.
    public func routes(realm: Realm?) -> [Route] {
        [
            Route("/metrics", realm: realm, isExact: true) { _ in
                .content(Array(await self.exposition().utf8), type: "text/plain; version=0.0.4; charset=utf-8")
            },
            Route("/metrics/snapshot", realm: realm) { request in
                var timeout: Duration?
                if let text = request.target["timeout"] {
                    timeout = ProtocolDuration.read(text)
                    guard timeout != nil else { return .text(.badRequest, "timeout is not a duration such as 5secs") }
                }
                let metrics = await self.snapshot(timeout: timeout)
                let members = metrics.map { ($0.name, WireValue.number($0.value ?? .nan)) }
                return .json(.object(Dictionary(members) { _, latest in latest }), for: request)
            },
        ]
    }
}

/// Durations as the protocol's queries and flags write them: `5secs`, `1.5mins`, `100ms`.
public enum ProtocolDuration {
    private static let units: [(name: String, seconds: Double)] = [
        ("ns", 1e-9), ("us", 1e-6), ("ms", 1e-3), ("secs", 1), ("mins", 60), ("hrs", 3_600), ("days", 86_400),
        ("weeks", 604_800),
    ]

    /// Nil for anything else, and for what is negative or longer than ten years.
    public static func read(_ text: String) -> Duration? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let amount = Double(number), let unit = units.first(where: { $0.name == text.dropFirst(number.count) })
        else { return nil }
        let seconds = amount * unit.seconds
        guard seconds.isFinite, seconds <= 10 * 365 * 86_400 else { return nil }
        return .nanoseconds(Int64((seconds * 1e9).rounded()))
    }
}
