public import ClusterModel
public import Determinism
public import Diagnostics

extension WireObject {
    /// This object as a report about a task of `framework`.
    public func status(of framework: FrameworkID) throws(Failure) -> StatusUpdate {
        StatusUpdate(
            framework: framework, task: try name("task_id"),
            state: try required("state", choice("state", of: TaskState.self)),
            source: try choice("source", of: StatusUpdate.Source.self) ?? .master,
            reason: try choice("reason", of: StatusReason.self), message: try string("message"),
            data: try bytes("data"), agent: try identifier("agent_id"), executor: try identifier("executor_id"),
            at: try seconds("timestamp") ?? .epoch, id: try has("uuid") ? updateID() : nil,
            isHealthy: try bool("healthy"), labels: try labels("labels"),
            unreachableSince: try instant("unreachable_time"),
            limitation: try object("limitation")?.resources("resources") ?? [],
            checkStatus: try object("check_status")?.checkStatus(),
            containerStatus: try object("container_status")?.containerStatus())
    }

    /// Seconds since 1970 as a number; exact to the nanosecond when it is written out in decimals.
    public func seconds(_ name: String) throws(Failure) -> Instant? {
        guard let approximate = try double(name) else { return nil }
        if let text = digits(name), let exact = Instant(decimalSeconds: text) { return exact }
        let range = Duration.seconds(-9_000_000_000)...Duration.seconds(9_000_000_000)
        guard let offset = Duration(clamping: approximate, to: range) else {
            throw invalid(name, "it is not a number")
        }
        return .epoch + offset
    }

    /// `{"nanoseconds": 1500000000}`.
    public func instant(_ name: String) throws(Failure) -> Instant? {
        guard let object = try object(name) else { return nil }
        let nanoseconds = try object.required("nanoseconds", object.integer("nanoseconds", as: Int64.self))
        return Instant(nanoseconds: nanoseconds)
    }
}

extension WireValue {
    /// Seconds since 1970 with every digit that counts: a double would lose the last nanoseconds.
    public static func seconds(_ instant: Instant) -> WireValue {
        .number(Duration.nanoseconds(instant.nanoseconds).decimalSeconds)
    }

    public static func instant(_ instant: Instant) -> WireValue { .nanoseconds(instant.nanoseconds) }
}

extension Duration {
    /// `1.5`, `0.0`, `-0.000000001`: seconds as the protocol's doubles are written, exact to the nanosecond.
    var decimalSeconds: String {
        let nanoseconds = saturatingNanoseconds
        let (whole, part) = nanoseconds.magnitude.quotientAndRemainder(dividingBy: 1_000_000_000)
        var digits = Array(String(part).utf8)
        digits.insert(contentsOf: repeatElement(UInt8(ascii: "0"), count: 9 - digits.count), at: 0)
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return "\(nanoseconds < 0 ? "-" : "")\(whole)." + String(decoding: digits, as: UTF8.self)
    }
}

extension Instant {
    /// Nil for what has an exponent, more than nine decimals or too many digits.
    fileprivate init?(decimalSeconds text: String) {
        let isNegative = text.hasPrefix("-")
        let parts = text.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = Int64(parts[0]), whole >= 0 else { return nil }
        var nanoseconds: Int64 = 0
        if parts.count == 2 {
            guard parts[1].count <= 9, let part = Int64(parts[1]), part >= 0 else { return nil }
            nanoseconds = (parts[1].count..<9).reduce(part) { part, _ in part * 10 }
        }
        let (scaled, overflow) = whole.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carried) = scaled.addingReportingOverflow(nanoseconds)
        guard !overflow, !carried else { return nil }
        self.init(nanoseconds: isNegative ? -sum : sum)
    }
}
