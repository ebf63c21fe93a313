import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel

/// Limits, as `run` and `update` take them.
struct ResourceOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "Processors the container may use, such as 0.5 or 2; 0: no limit.")
    var cpus: String?

    @Option(parsing: .unconditional, help: "Share of the processors against other containers, 1 to 10000 (usual 100).")
    var cpuWeight: String?

    @Option(
        name: [.customShort("c"), .long], parsing: .unconditional,
        help: "The same in Docker's old scale, 2 to 262144 (usual 1024).")
    var cpuShares: String?

    @Option(
        name: [.customShort("m", allowingJoined: true), .long], parsing: .unconditional,
        help: "Memory limit, such as 64m or 1.5g; 0: no limit. Over it the container is killed.")
    var memory: String?

    @Option(parsing: .unconditional, help: "Memory and swap together; -1: no limit on swap. Without it: no swap.")
    var memorySwap: String?

    @Option(
        parsing: .unconditional, help: "Processes and threads the container may have (usual 1024); 0 or -1: no limit.")
    var pids: String?

    @Option(parsing: .unconditional, help: "The same, as Docker calls it.")
    var pidsLimit: String?

    @Option(
        name: [.customLong("cpuset"), .customLong("cpuset-cpus")], parsing: .unconditional,
        help: "Processors the container may run on, such as 0-1,3.")
    var cpuset: String?

    @Option(
        name: [.customLong("io-read-bps"), .customLong("device-read-bps")], parsing: .unconditionalSingleValue,
        help: .init("Bytes read a second, such as 10m or /dev/sda:10m.", valueName: "rate"))
    var ioReadBps: [String] = []

    @Option(
        name: [.customLong("io-write-bps"), .customLong("device-write-bps")], parsing: .unconditionalSingleValue,
        help: .init("Bytes written a second.", valueName: "rate"))
    var ioWriteBps: [String] = []

    @Option(
        name: [.customLong("io-read-iops"), .customLong("device-read-iops")], parsing: .unconditionalSingleValue,
        help: .init("Reads a second, such as 100 or /dev/sda:100.", valueName: "rate"))
    var ioReadIops: [String] = []

    @Option(
        name: [.customLong("io-write-iops"), .customLong("device-write-iops")], parsing: .unconditionalSingleValue,
        help: .init("Writes a second.", valueName: "rate"))
    var ioWriteIops: [String] = []

    @Option(parsing: .unconditional, help: "Share of the disk against other containers, 1 to 10000 (usual 100).")
    var ioWeight: String?

    @Option(
        parsing: .unconditional,
        help: "Bytes its own files may take on the disk, such as 1g. Beyond that writing fails in the container.")
    var disk: String?

    @Option(parsing: .unconditional, help: "Files it may have on the disk, such as 10000.")
    var diskInodes: String?

    @Option(
        parsing: .unconditional,
        help: .init(
            "What holds the disk limits: quotas of the file system, or a file system of its own.",
            valueName: "quota|loop"))
    var diskBacking: String?

    /// Facts of the host that values are checked against.
    struct Machine {
        var processors: Int
        /// /sys/devices/system/cpu/online
        var online: String

        static func current() throws(Failure) -> Machine {
            do throws(KernelError) {
                let online = try TextFile.read("/sys/devices/system/cpu/online", limit: 4_096)
                return Machine(processors: HostFacts.processorCount(), online: online)
            } catch {
                throw error.failure("host.unreadable", doing: "read which processors this host has")
            }
        }
    }

    /// `base` with every limit that was given.
    func limits(changing base: ContainerLimits, on machine: Machine) throws(Failure) -> ContainerLimits {
        var limits = base
        if let cpus { limits.cpus = cpus == "0" ? nil : try ProcessorCount.parse(cpus, available: machine.processors) }
        if let cpuWeight {
            limits.cpuWeight = UInt64(try WholeNumber.parse(cpuWeight, flag: "cpu-weight", in: 1...10_000))
        }
        if let cpuShares {
            guard cpuWeight == nil else {
                throw .flag("cpu-shares", cpuShares, cause: "--cpu-weight says the same", remedy: "give one of them")
            }
            let shares = try WholeNumber.parse(cpuShares, flag: "cpu-shares", in: 2...262_144)
            limits.cpuWeight = UInt64(1 + (shares - 2) * 9_999 / 262_142)
        }
        if let cpuset {
            try ProcessorList.check(cpuset, online: machine.online)
            limits.cpuset = cpuset
        }
        try setProcesses(in: &limits)
        try setMemory(in: &limits)
        try setIO(in: &limits)
        try setDisk(in: &limits)
        return limits
    }

    private func setProcesses(in limits: inout ContainerLimits) throws(Failure) {
        guard let text = pidsLimit ?? pids else { return }
        // By the name it was given.
        let flag = pidsLimit == nil ? "pids" : "pids-limit"
        if let pids, pidsLimit != nil {
            throw .flag("pids", pids, cause: "--pids-limit says the same", remedy: "give one of them")
        }
        let count = try WholeNumber.parse(
            text, flag: flag, in: -1...4_194_304, remedy: "give a count, or 0 or -1 for no limit")
        limits.pids = count > 0 ? UInt64(count) : nil
        limits.pidsAsked = count > 0
    }

    private func setDisk(in limits: inout ContainerLimits) throws(Failure) {
        if let disk { limits.disk = try ByteSize.parse(disk, flag: "disk") }
        if let diskInodes {
            limits.diskInodes = UInt64(try WholeNumber.parse(diskInodes, flag: "disk-inodes", in: 1...4_000_000_000))
        }
        if let diskBacking {
            guard let backing = DiskBacking(rawValue: diskBacking) else {
                throw .flag("disk-backing", diskBacking, cause: "it is not known", remedy: "give quota or loop")
            }
            limits.diskBacking = backing
        }
        guard limits.diskBacking == nil || limits.disk != nil || limits.diskInodes != nil else {
            throw .flag(
                "disk-backing", diskBacking ?? "", cause: "there is no disk limit to hold", remedy: "give --disk too")
        }
    }

    /// Docker's smallest: below it not even our init would start.
    private static let memoryMin: UInt64 = 6 << 20

    private func setMemory(in limits: inout ContainerLimits) throws(Failure) {
        if let memory {
            let bytes = try ByteSize.parse(memory, flag: "memory")
            guard bytes == 0 || bytes >= Self.memoryMin else {
                throw .flag(
                    "memory", memory, cause: "it is too little", remedy: "give at least 6m, or 0 for no limit",
                    limit: "memory 6 MiB")
            }
            limits.memory = bytes == 0 ? nil : bytes
            // What is beyond a memory limit goes with it.
            if bytes == 0 { limits.swap = nil }
        }
        guard let memorySwap, memorySwap != "0" else { return }
        if memorySwap == "-1", limits.memory == nil { return }
        guard let memory = limits.memory else {
            throw .flag(
                "memory-swap", memorySwap, cause: "there is no memory limit to go with it", remedy: "give --memory too")
        }
        if memorySwap == "-1" {
            limits.swap = UInt64(Int64.max)
            return
        }
        let total = try ByteSize.parse(memorySwap, flag: "memory-swap")
        guard total >= memory else {
            throw .flag(
                "memory-swap", memorySwap, cause: "it is less than --memory",
                remedy: "it stands for memory and swap together; give at least \(memory)")
        }
        limits.swap = total - memory
    }

    private func setIO(in limits: inout ContainerLimits) throws(Failure) {
        let given: [([String], String, IOLimit.Kind)] = [
            (ioReadBps, "io-read-bps", .readBytes), (ioWriteBps, "io-write-bps", .writeBytes),
            (ioReadIops, "io-read-iops", .readOperations), (ioWriteIops, "io-write-iops", .writeOperations),
        ]
        for (rates, flag, kind) in given {
            for rate in rates {
                let limit = try IORateFlag.parse(rate, flag: flag, kind: kind)
                limits.io.removeAll { $0.kind == kind && $0.device == limit.device }
                limits.io.append(limit)
            }
        }
        if let ioWeight { limits.ioWeight = UInt64(try WholeNumber.parse(ioWeight, flag: "io-weight", in: 1...10_000)) }
    }
}
