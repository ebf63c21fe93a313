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
        if let text = digits(name), let exact = Instant(decimalSeconds: text) { return exact }
        guard let approximate = try double(name) else { return nil }
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
        var digits = text.utf8[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits = digits.dropFirst() }
        var (units, count) = (Int64(0), 0)
        var decimals: Int?
        for byte in digits {
            if byte == UInt8(ascii: "."), decimals == nil, count > 0 {
                decimals = 0
                continue
            }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            guard let next = units.appending(byte) else { return nil }
            (units, count, decimals) = (next, count + 1, decimals.map { $0 + 1 })
        }
        let places = decimals ?? 0
        guard count > 0, decimals != 0, places <= 9 else { return nil }
        for _ in places..<9 {
            guard let next = units.appending(UInt8(ascii: "0")) else { return nil }
            units = next
        }
        self.init(nanoseconds: isNegative ? -units : units)
    }
}

extension Int64 {
    /// With one more decimal digit; nil when that does not fit.
    fileprivate func appending(_ digit: UInt8) -> Int64? {
        let (scaled, overflow) = multipliedReportingOverflow(by: 10)
        let (sum, carried) = scaled.addingReportingOverflow(Int64(digit - UInt8(ascii: "0")))
        return overflow || carried ? nil : sum
    }
}
