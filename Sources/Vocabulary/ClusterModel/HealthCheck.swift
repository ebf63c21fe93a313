/// What is asked of a task to see how it is.
public enum Probe: Hashable, Sendable {
    /// Runs in the container; exit code 0 is good.
    case command(CommandSpec)
    case http(HTTPProbe)
    /// A connection that is accepted is good.
    case tcp(port: UInt16, family: NetworkInfo.Family? = nil)
}

/// A GET request to the container's own loopback.
public struct HTTPProbe: Hashable, Sendable {
    public var port: UInt16
    public var path: String?
    /// `http` or `https`; nil: http.
    public var scheme: String?
    /// Answers that are good; empty: 200 to 399.
    public var statuses: [UInt16]
    public var family: NetworkInfo.Family?

    public init(
        port: UInt16, path: String? = nil, scheme: String? = nil, statuses: [UInt16] = [],
        family: NetworkInfo.Family? = nil
    ) {
        self.port = port
        self.path = path
        self.scheme = scheme
        self.statuses = statuses
        self.family = family
    }
}

/// Kills a task that is not well, and reports when it becomes well or unwell.
public struct HealthCheck: Hashable, Sendable {
    public var probe: Probe
    /// From the start of the task to the first probe.
    public var delay: Duration
    public var interval: Duration
    public var timeout: Duration
    /// This many in a row, and the task is killed.
    public var failuresMax: UInt32
    /// From the start of the task, while failures do not count.
    public var gracePeriod: Duration

    public init(
        _ probe: Probe, delay: Duration = .seconds(15), interval: Duration = .seconds(10),
        timeout: Duration = .seconds(20), failuresMax: UInt32 = 3, gracePeriod: Duration = .seconds(10)
    ) {
        self.probe = probe
        self.delay = delay
        self.interval = interval
        self.timeout = timeout
        self.failuresMax = failuresMax
        self.gracePeriod = gracePeriod
    }
}

/// Reports what a probe of the task answered; never kills.
public struct CheckSpec: Hashable, Sendable {
    public var probe: Probe
    public var delay: Duration
    public var interval: Duration
    public var timeout: Duration

    public init(
        _ probe: Probe, delay: Duration = .seconds(15), interval: Duration = .seconds(10),
        timeout: Duration = .seconds(20)
    ) {
        self.probe = probe
        self.delay = delay
        self.interval = interval
        self.timeout = timeout
    }
}

/// What the last probe of a `CheckSpec` answered; nil: none has been answered yet.
public enum CheckStatus: Hashable, Sendable {
    case command(exitCode: Int32?)
    case http(statusCode: UInt32?)
    case tcp(succeeded: Bool?)
}
