/// What a machine's kernel says of its load and memory: `/system/stats.json`, and figures of the same names.
public struct SystemLoad: Hashable, Sendable {
    /// Averages of 1, 5 and 15 minutes.
    public var averages: [Double]
    public var processors: Int
    public var memoryTotalBytes: UInt64
    public var memoryFreeBytes: UInt64

    public init(averages: [Double], processors: Int, memoryTotalBytes: UInt64, memoryFreeBytes: UInt64) {
        self.averages = averages
        self.processors = processors
        self.memoryTotalBytes = memoryTotalBytes
        self.memoryFreeBytes = memoryFreeBytes
    }

    /// From the texts of /proc/loadavg and /proc/meminfo (proc_loadavg(5), proc_meminfo(5)). Nil when either is not as
    /// those say.
    public init?(loadAverages: String, memory: String, processors: Int) {
        let averages = loadAverages.cut(at: " ").prefix(3).compactMap { Double($0) }
        guard averages.count == 3, let total = Self.kibibytes("MemTotal", in: memory),
            let free = Self.kibibytes("MemFree", in: memory)
        else { return nil }
        self.init(
            averages: averages, processors: processors, memoryTotalBytes: total << 10, memoryFreeBytes: free << 10)
    }

    private static func kibibytes(_ name: String, in text: String) -> UInt64? {
        let line = text.cut(at: "\n").first { $0.begins(with: name + ":") }
        guard let words = line?.cut(at: " "), words.count == 3, let count = UInt64(words[1]),
            count < 1 << 50
        else { return nil }
        return count
    }

    private static let names = ["1min", "5min", "15min"]

    /// `/system/stats.json`.
    public var document: JSONDocument {
        let load = self
        return JSONDocument(stretches: [
            .piece { sink in
                sink.object { sink in
                    for (name, average) in zip(Self.names, load.averages) {
                        sink.name("avg_load_" + name)
                        sink.value(.number(average))
                    }
                    sink.member("cpus_total", load.processors)
                    sink.member("mem_free_bytes", load.memoryFreeBytes)
                    sink.member("mem_total_bytes", load.memoryTotalBytes)
                }
            }
        ])
    }

    /// `system/load_1min` and its siblings.
    public var metrics: [Metric] {
        zip(Self.names, averages).map { Metric("system/load_" + $0, $1) } + [
            Metric("system/cpus_total", Double(processors)),
            Metric("system/mem_total_bytes", Double(memoryTotalBytes)),
            Metric("system/mem_free_bytes", Double(memoryFreeBytes)),
        ]
    }
}

/// One of the parts of a process that take turns with their mail: `/__processes__`.
public struct ServedProcess: Hashable, Sendable {
    /// As paths name it: `master`, `slave(1)`.
    public var id: String
    /// Events that wait for it. Other servers list them; here they are counted.
    public var waiting: Int

    public init(_ id: String, waiting: Int = 0) {
        self.id = id
        self.waiting = waiting
    }

    /// `/__processes__`, sorted by id.
    public static func document(_ processes: [ServedProcess]) -> JSONDocument {
        let sorted = processes.sorted { $0.id < $1.id }
        return JSONDocument(stretches: [
            .piece { sink in
                sink.beginArray()
                for process in sorted {
                    sink.object { sink in
                        sink.every("events", [Int]()) { _, _ in }
                        sink.member("id", process.id)
                        sink.member("waiting", process.waiting)
                    }
                }
                sink.endArray()
            }
        ])
    }
}
