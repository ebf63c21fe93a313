public import Determinism

/// What a container has used, at one moment. Nil: not measured.
public struct ResourceStatistics: Hashable, Sendable {
    /// In bytes.
    public struct Memory: Hashable, Sendable {
        public var total: UInt64?
        public var totalWithSwap: UInt64?
        public var limit: UInt64?
        public var softLimit: UInt64?
        /// Anonymous memory of its processes.
        public var resident: UInt64?
        public var cache: UInt64?
        public var mappedFiles: UInt64?
        public var swap: UInt64?
        public var unevictable: UInt64?

        public init(
            total: UInt64? = nil, totalWithSwap: UInt64? = nil, limit: UInt64? = nil, softLimit: UInt64? = nil,
            resident: UInt64? = nil, cache: UInt64? = nil, mappedFiles: UInt64? = nil, swap: UInt64? = nil,
            unevictable: UInt64? = nil
        ) {
            self.total = total
            self.totalWithSwap = totalWithSwap
            self.limit = limit
            self.softLimit = softLimit
            self.resident = resident
            self.cache = cache
            self.mappedFiles = mappedFiles
            self.swap = swap
            self.unevictable = unevictable
        }
    }
    /// Traffic with a block device.
    public struct Device: Hashable, Sendable {
        public var major: UInt64
        public var minor: UInt64
        public var readBytes: UInt64
        public var writtenBytes: UInt64
        public var reads: UInt64
        public var writes: UInt64

        public init(
            major: UInt64, minor: UInt64, readBytes: UInt64 = 0, writtenBytes: UInt64 = 0, reads: UInt64 = 0,
            writes: UInt64 = 0
        ) {
            self.major = major
            self.minor = minor
            self.readBytes = readBytes
            self.writtenBytes = writtenBytes
            self.reads = reads
            self.writes = writes
        }
    }
    public struct Network: Hashable, Sendable {
        public var received: Traffic
        public var sent: Traffic

        public init(received: Traffic, sent: Traffic) {
            self.received = received
            self.sent = sent
        }
    }
    /// Of all interfaces but the loopback.
    public struct Traffic: Hashable, Sendable {
        public var packets: UInt64
        public var bytes: UInt64
        public var errors: UInt64
        public var dropped: UInt64

        public init(packets: UInt64, bytes: UInt64, errors: UInt64 = 0, dropped: UInt64 = 0) {
            self.packets = packets
            self.bytes = bytes
            self.errors = errors
            self.dropped = dropped
        }
    }
    public struct Pressure: Hashable, Sendable {
        public var cpu: Stalls?
        public var memory: Stalls?
        public var io: Stalls?

        public init(cpu: Stalls? = nil, memory: Stalls? = nil, io: Stalls? = nil) {
            self.cpu = cpu
            self.memory = memory
            self.io = io
        }
    }
    /// How much time was lost waiting: by some of its processes, and by all of them.
    public struct Stalls: Hashable, Sendable {
        public var some: Stall?
        public var full: Stall?

        public init(some: Stall? = nil, full: Stall? = nil) {
            self.some = some
            self.full = full
        }
    }
    /// Percent of the last 10, 60 and 300 seconds, and the whole time.
    public struct Stall: Hashable, Sendable {
        public var average10: Double
        public var average60: Double
        public var average300: Double
        public var total: Duration

        public init(average10: Double, average60: Double, average300: Double, total: Duration) {
            self.average10 = average10
            self.average60 = average60
            self.average300 = average300
            self.total = total
        }
    }
    public var at: Instant
    public var processes: UInt32?
    public var threads: UInt32?
    public var userTime: Duration?
    public var systemTime: Duration?
    /// In processors.
    public var cpuLimit: Double?
    public var cpuRequest: Double?
    public var cpuPeriods: UInt32?
    public var cpuPeriodsThrottled: UInt32?
    public var cpuThrottledTime: Duration?
    public var memory: Memory
    /// In bytes, as all sizes here.
    public var diskLimit: UInt64?
    public var diskUsed: UInt64?
    public var devices: [Device]
    public var network: Network?
    /// Beyond the protocol: from the kernel's pressure stall information.
    public var pressure: Pressure?

    public init(
        at: Instant, processes: UInt32? = nil, threads: UInt32? = nil, userTime: Duration? = nil,
        systemTime: Duration? = nil, cpuLimit: Double? = nil, cpuRequest: Double? = nil, cpuPeriods: UInt32? = nil,
        cpuPeriodsThrottled: UInt32? = nil, cpuThrottledTime: Duration? = nil, memory: Memory = Memory(),
        diskLimit: UInt64? = nil, diskUsed: UInt64? = nil, devices: [Device] = [], network: Network? = nil,
        pressure: Pressure? = nil
    ) {
        self.at = at
        self.processes = processes
        self.threads = threads
        self.userTime = userTime
        self.systemTime = systemTime
        self.cpuLimit = cpuLimit
        self.cpuRequest = cpuRequest
        self.cpuPeriods = cpuPeriods
        self.cpuPeriodsThrottled = cpuPeriodsThrottled
        self.cpuThrottledTime = cpuThrottledTime
        self.memory = memory
        self.diskLimit = diskLimit
        self.diskUsed = diskUsed
        self.devices = devices
        self.network = network
        self.pressure = pressure
    }
}
