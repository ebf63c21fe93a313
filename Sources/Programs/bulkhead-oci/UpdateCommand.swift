import Bundles
import Diagnostics
import LinuxKernel
import RuntimeSpec

/// Limits of a running container, changed.
enum UpdateCommand {
    static let command = Command(
        "change the limits of a container", usage: "ID",
        options: OptionTable(
            values: [
                ["resources", "r"], ["blkio-weight"], ["cpu-period"], ["cpu-quota"], ["cpu-burst"], ["cpu-share"],
                ["cpu-rt-period"], ["cpu-rt-runtime"], ["cpu-idle"], ["cpuset-cpus"], ["cpuset-mems"], ["memory"],
                ["memory-reservation"], ["memory-swap"], ["pids-limit"], ["kernel-memory"], ["kernel-memory-tcp"],
                ["l3-cache-schema"], ["mem-bw-schema"],
            ])
    ) { (invocation) throws(Failure) in
        let id = try invocation.options.word("container id", of: "update")
        try refuse(invocation.options)
        var resources = ResourceSpec()
        if let path = invocation.options.value("resources") { resources = try document(path) }
        try add(invocation.options, to: &resources)
        try invocation.runtime.update(id, resources)
        return 0
    }

    /// What other runtimes have and this one would otherwise pass over.
    private static func refuse(_ options: Options) throws(Failure) {
        for name in ["l3-cache-schema", "mem-bw-schema"] where options.value(name) != nil {
            throw Failure(
                "usage", doing: "use --\(name)",
                cause: "this runtime divides no cache and no memory bandwidth (Intel RDT)", remedy: "leave it out",
                field: name)
        }
        for name in ["kernel-memory", "kernel-memory-tcp"] {
            guard let text = options.value(name), text != "0", text != "-1" else { continue }
            throw Failure(
                "usage", doing: "use --\(name) \(Untrusted.shown(text))", cause: "Linux holds no such limit any more",
                remedy: "limit --memory, which counts the kernel's part too", field: name)
        }
    }

    private static func document(_ path: String) throws(Failure) -> ResourceSpec {
        let bytes: [UInt8]
        do throws(KernelError) {
            let file = path == "-" ? try OwnedDescriptor.standardStream(0) : try OwnedDescriptor.open(RawPath(path))
            bytes = try file.readAll(limit: 1 << 20)
        } catch { throw error.failure("update.resources", doing: "read the resources", on: path) }
        let name = path == "-" ? "the resources on standard input" : path
        return try ResourceSpec(try SpecObject(parsing: bytes, document: name))
    }

    private static func add(_ options: Options, to resources: inout ResourceSpec) throws(Failure) {
        if let weight = try options.number("blkio-weight", as: UInt16.self) { resources.disks.weight = weight }
        if let value = try options.number("cpu-period", as: UInt64.self) { resources.processor.period = value }
        if let value = try options.number("cpu-quota", as: Int64.self) { resources.processor.quota = value }
        if let value = try options.number("cpu-burst", as: UInt64.self) { resources.processor.burst = value }
        if let value = try options.number("cpu-share", as: UInt64.self) { resources.processor.shares = value }
        if let value = try options.number("cpu-rt-period", as: UInt64.self) {
            resources.processor.realtimePeriod = value
        }
        if let value = try options.number("cpu-rt-runtime", as: Int64.self) {
            resources.processor.realtimeRuntime = value
        }
        if let value = try options.number("cpu-idle", as: Int64.self) { resources.processor.idle = value }
        if let value = options.value("cpuset-cpus") { resources.processor.processors = value }
        if let value = options.value("cpuset-mems") { resources.processor.memories = value }
        if let value = try size(options, "memory") { resources.memory.limit = value }
        if let value = try size(options, "memory-reservation") { resources.memory.reservation = value }
        if let value = try size(options, "memory-swap") { resources.memory.swap = value }
        if let value = try options.number("pids-limit", as: Int64.self) {
            guard value >= -1 else {
                throw Failure(
                    "usage", doing: "use --pids-limit \(value)", cause: "it is less than -1, which is no limit",
                    field: "pids-limit")
            }
            // None at all is no limit that a container with a process can have; the first is the least.
            resources.pids = value == 0 ? 1 : value
        }
    }

    /// Bytes; -1 is no limit.
    private static func size(_ options: Options, _ name: String) throws(Failure) -> Int64? {
        guard let text = options.value(name) else { return nil }
        if text == "-1" { return -1 }
        guard let bytes = SizeText.bytes(text) else {
            throw Failure("usage", doing: "use --\(name) \(Untrusted.shown(text))", cause: "it is no size", field: name)
        }
        return Int64(bytes)
    }
}
