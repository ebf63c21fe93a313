/// What a running container uses, from its cgroup (Documentation/admin-guide/cgroup-v2.rst). Nil: this host does not
/// count it.
public struct ContainerUsage: Equatable, Sendable, Codable {
    /// Processor time since the start, microseconds: all, in the program, in the kernel.
    public var cpuMicroseconds: UInt64?
    public var userMicroseconds: UInt64?
    public var systemMicroseconds: UInt64?
    /// Time the container was held back by its processor limit, microseconds.
    public var throttledMicroseconds: UInt64?
    /// Periods of the processor limit that passed, and those in which it was held back.
    public var limitPeriods: UInt64?
    public var throttledPeriods: UInt64?
    /// The processor limit, processors.
    public var cpuLimit: Double?
    public var memoryBytes: UInt64?
    public var memoryPeakBytes: UInt64?
    public var memoryLimitBytes: UInt64?
    /// Of `memoryBytes`: anonymous, cached files, mapped files, kernel.
    public var anonymousBytes: UInt64?
    public var fileBytes: UInt64?
    public var mappedBytes: UInt64?
    public var kernelBytes: UInt64?
    public var swapBytes: UInt64?
    public var majorFaults: UInt64?
    /// Processes the kernel killed because the memory limit was reached.
    public var memoryKills: UInt64?
    public var processes: UInt64?
    public var threads: UInt64?
    public var processLimit: UInt64?
    public var readBytes: UInt64?
    public var writtenBytes: UInt64?
    /// What its own files take of the disk, and how much they may; nil without a limit.
    public var diskBytes: UInt64?
    public var diskLimitBytes: UInt64?
    public var diskInodes: UInt64?
    public var diskInodeLimit: UInt64?
    public var readOperations: UInt64?
    public var writeOperations: UInt64?
    /// Through the container's interface on a bridge: bytes, packets and packets lost, as the container sees them.
    public var networkReceivedBytes: UInt64?
    public var networkReceivedPackets: UInt64?
    public var networkReceivedDropped: UInt64?
    public var networkSentBytes: UInt64?
    public var networkSentPackets: UInt64?
    public var networkSentDropped: UInt64?
    /// `some avg10` of cpu.pressure, memory.pressure and io.pressure, percent.
    public var pressure: [String: Double]
    /// Everything those files say, by `cpu`, `memory` and `io`.
    public var stalls: [String: PressureStall]
    /// When it was read, seconds on a monotonic clock.
    public var at: Double

    public init(at: Double) {
        self.at = at
        pressure = [:]
        stalls = [:]
    }
}

/// Pressure stall information of one resource.
public struct PressureStall: Equatable, Sendable, Codable {
    public struct Share: Equatable, Sendable, Codable {
        /// Percent of the last 10, 60 and 300 seconds.
        public var average10: Double
        public var average60: Double
        public var average300: Double
        /// Microseconds since the start.
        public var total: UInt64
        public init(average10: Double, average60: Double, average300: Double, total: UInt64) {
            self.average10 = average10
            self.average60 = average60
            self.average300 = average300
            self.total = total
        }
    }
    /// At least one process waited; all of them did at once.
    public var some: Share?
    public var full: Share?

    public init(some: Share? = nil, full: Share? = nil) {
        self.some = some
        self.full = full
    }

    /// Reads lines such as `some avg10=0.12 avg60=0.05 avg300=0.01 total=1234`; what is not understood is left out.
    public init(text: String) {
        for line in text.cut(at: "\n") {
            let words = line.cut(at: " ")
            func value(_ name: String) -> Substring? {
                words.first { $0.begins(with: name + "=") }?.dropFirst(name.count + 1)
            }
            guard let first = words.first, let total = value("total").flatMap({ UInt64($0) }) else { continue }
            let share = Share(
                average10: value("avg10").flatMap { Double($0) } ?? 0,
                average60: value("avg60").flatMap { Double($0) } ?? 0,
                average300: value("avg300").flatMap { Double($0) } ?? 0, total: total)
            if first == "some" { some = share }
            if first == "full" { full = share }
        }
    }
}
