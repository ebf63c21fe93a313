/// What sysinfo(2) answers a container: its own memory, swap, processes and time. Load averages are the host's and
/// stay there: they are zero.
public struct SystemInformation: Equatable, Sendable {
    /// What there is to decide by. Bytes; nil where nobody limits or counts.
    public struct Facts: Equatable, Sendable {
        public var hostMemory: UInt64
        public var hostFree: UInt64
        public var hostSwap: UInt64
        public var hostSwapFree: UInt64
        public var memoryLimit: UInt64?
        public var memoryUsed: UInt64?
        public var shared: UInt64?
        public var swapLimit: UInt64?
        public var swapUsed: UInt64?
        public var threads: UInt64
        /// Seconds since the container was started.
        public var uptime: UInt64
        public init(hostMemory: UInt64, hostFree: UInt64, hostSwap: UInt64, hostSwapFree: UInt64) {
            self.hostMemory = hostMemory
            self.hostFree = hostFree
            self.hostSwap = hostSwap
            self.hostSwapFree = hostSwapFree
            threads = 0
            uptime = 0
        }
    }

    public var uptime: UInt64
    public var memory: UInt64
    public var memoryFree: UInt64
    public var shared: UInt64
    public var swap: UInt64
    public var swapFree: UInt64
    public var processes: UInt16

    public init(_ facts: Facts) {
        uptime = facts.uptime
        memory = min(facts.memoryLimit ?? .max, facts.hostMemory)
        memoryFree = Self.left(of: memory, facts.memoryUsed, host: facts.hostFree)
        shared = min(facts.shared ?? 0, memory)
        swap = min(facts.swapLimit ?? .max, facts.hostSwap)
        swapFree = Self.left(of: swap, facts.swapUsed, host: facts.hostSwapFree)
        processes = UInt16(clamping: facts.threads)
    }

    /// Whoever may use more than the host has left gets no more than that.
    private static func left(of total: UInt64, _ used: UInt64?, host: UInt64) -> UInt64 {
        guard let used else { return min(total, host) }
        return min(total - min(total, used), host)
    }

    /// `struct sysinfo` of a 64-bit process, sizes in bytes.
    public var bytes: [UInt8] {
        var result: [UInt8] = []
        func add(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { result.append(contentsOf: $0) }
        }
        add(uptime)
        for _ in 0..<3 { add(UInt64(0)) }
        for value in [memory, memoryFree, shared, 0, swap, swapFree] { add(value) }
        add(processes)
        add(UInt16(0))
        add(UInt32(0))
        add(UInt64(0))
        add(UInt64(0))
        add(UInt32(1))
        add(UInt32(0))
        return result
    }
}
