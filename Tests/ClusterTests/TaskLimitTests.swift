import ClusterModel
import Diagnostics
import LinuxKernel
import Testing

/// Limits of tasks, asked for on the command line, carried through master and agent: what the kernel's own files say of
/// them outside, and what they do inside.
@Suite("Limits of tasks, end to end", .serialized, .endsWhenStuck)
struct TaskLimitControllerTests {
    /// A control group of a container, as the host sees it.
    struct Group {
        let path: String

        func read(_ file: String) throws -> String {
            try TextFile.read("\(path)/\(file)").split(separator: "\n").joined(separator: "\n")
        }

        /// `key 12` of a file of such lines, or all `key=12` of one together.
        func count(_ key: String, in file: String) throws -> UInt64 {
            let words = try TextFile.read("\(path)/\(file)").split(whereSeparator: \.isWhitespace)
            var sum: UInt64 = 0
            for (index, word) in words.enumerated() {
                if word == key, index + 1 < words.count { sum += UInt64(words[index + 1]) ?? 0 }
                if word.hasPrefix(key + "=") { sum += UInt64(word.dropFirst(key.count + 1)) ?? 0 }
            }
            return sum
        }

        /// How much a counter grows in a second, once it grows: the most of up to five times in which it grows by
        /// `amount`, of which the first to reach `least` is the last. A machine that stands still makes it less and
        /// never more, as its time begins before the first reading and ends after the last one.
        func growth(
            _ key: String, in file: String, over amount: UInt64, reaching least: Double
        ) async throws -> Double {
            let idle = try count(key, in: file)
            try await eventually("\(key) grows") { try count(key, in: file) > idle + amount / 8 }
            var highest = 0.0
            for _ in 0..<5 where highest < least {
                let start = HostFacts.monotonicClock()
                let from = try count(key, in: file)
                try await eventually("\(key) grows by \(amount)", within: .seconds(120)) {
                    try count(key, in: file) >= from + amount
                }
                let grown = Double(try count(key, in: file) - from)
                highest = max(highest, grown / (HostFacts.monotonicClock() - start))
            }
            return highest
        }
    }

    private func start(_ cluster: LocalCluster, _ name: String, _ flags: [String], _ script: String) async throws
        -> Group
    {
        let words = ["task", "run", "-d", "--name", name, "--memory", "64m"] + flags
        let (status, _) = try await cluster.run(words + ["busybox", "sh", "-c", script])
        #expect(status == 0)
        let task = try #require(try await cluster.client().tasks().tasks.first { $0.name == name })
        let containers = task.statuses.compactMap { $0.containerStatus?.container }
        let container = try #require(containers.last)
        return Group(path: "/sys/fs/cgroup/bulkhead/\(container.leaf)")
    }

    private func end(_ cluster: LocalCluster, _ name: String, _ group: Group) async throws {
        #expect(try await cluster.run(["task", "kill", name, "--grace", "0s"]).status == 0)
        try await eventually("the control group is gone") { !HostFacts.exists(group.path) }
    }

    /// One cluster for all: in the VM its start takes longer than what is looked at. Nothing else may run meanwhile
    /// that measures processors or disks (Tests/run sees to it).
    @Test("limits of tasks are in the kernel's files, hold, are seen from inside, and cannot be changed there")
    func limits() async throws {
        try await withCluster { cluster in
            try await settings(cluster)
            try await processes(cluster)
            try await processors(cluster)
            try await writes(cluster)
            try await memoryFilesystem(cluster)
        }
    }

    private func settings(_ cluster: LocalCluster) async throws {
        let flags = ["--cpus", "0.5", "--cpuset", "0", "--pids", "20", "--io-write-bps", "4m", "--io-read-iops", "50"]
        let group = try await start(cluster, "all", flags, "sleep 1000")
        #expect(try group.read("cpu.max") == "50000 100000")
        #expect(try group.read("memory.max") == "\(64 << 20)")
        #expect(try group.read("memory.oom.group") == "1")
        #expect(try group.read("pids.max") == "20")
        #expect(try group.read("cpuset.cpus") == "0")
        #expect(try group.read("cpuset.cpus.effective") == "0")
        let io = try group.read("io.max")
        #expect(io.hasSuffix(" rbps=max wbps=\(4 << 20) riops=50 wiops=max"), "\(io)")
        let look = """
            nproc; grep Cpus_allowed_list /proc/self/status | tr -d '\\t'; cd /sys/fs/cgroup; \
            cat pids.max memory.max cpuset.cpus; echo max > pids.max || echo refused
            """
        let inside = try await cluster.run(["task", "exec", "all", "sh", "-c", look]).text
        #expect(inside == "1\nCpus_allowed_list:0\n20\n\(64 << 20)\n0\nrefused\n")
        #expect(try group.read("pids.max") == "20")
        try await weight(cluster, disk: String(io.prefix { $0 != " " }))
        try await end(cluster, "all", group)
    }

    /// What weighs a disk is the operator's to turn on.
    private func weight(_ cluster: LocalCluster, disk: String) async throws {
        try TextFile.write("\(disk) enable=1", to: "/sys/fs/cgroup/io.cost.qos")
        defer {
            #expect(throws: Never.self) { try TextFile.write("\(disk) enable=0", to: "/sys/fs/cgroup/io.cost.qos") }
        }
        let group = try await start(cluster, "weighed", ["--cpus", "0.1", "--io-weight", "50"], "sleep 1000")
        #expect(try group.read("io.weight") == "default 50")
        try await end(cluster, "weighed", group)
    }

    /// It forks without end; its neighbour goes on.
    private func processes(_ cluster: LocalCluster) async throws {
        let forks = "sh -c 'while sleep 1000 & do :; done'; exec sleep 1000"
        let group = try await start(cluster, "forks", ["--cpus", "0.2", "--pids", "16"], forks)
        try await eventually("the kernel refuses a fork") { try group.count("max", in: "pids.events") > 0 }
        #expect(try #require(UInt64(try group.read("pids.current"))) <= 16)
        let neighbour = ["task", "run", "--cpus", "0.1", "busybox", "echo", "alive"]
        #expect(try await cluster.run(neighbour).text == "alive\n")
        try await end(cluster, "forks", group)
    }

    /// It wants two processors.
    private func processors(_ cluster: LocalCluster) async throws {
        let spin = "while :; do :; done & while :; do :; done"
        let group = try await start(cluster, "spins", ["--cpus", "0.5", "--cpuset", "0"], spin)
        let share = try await group.growth("usage_usec", in: "cpu.stat", over: 1_500_000, reaching: 0.4e6) / 1e6
        #expect((0.4...0.6).contains(share), "it used \(share) processors of 0.5")
        #expect(try group.count("nr_throttled", in: "cpu.stat") > 10)
        try await end(cluster, "spins", group)
    }

    /// It writes as fast as it may, in its root and in its sandbox.
    private func writes(_ cluster: LocalCluster) async throws {
        let rate: UInt64 = 4 << 20
        let script = """
            for d in /root /mnt/mesos/sandbox; do \
            (while :; do dd if=/dev/zero of=$d/file bs=256k count=64 oflag=direct 2> /dev/null; done) & done; wait
            """
        let group = try await start(cluster, "writes", ["--cpus", "0.5", "--io-write-bps", "4m"], script)
        let growth = try await group.growth("wbytes", in: "io.stat", over: 4 * rate, reaching: 0.8 * Double(rate))
        let share = growth / Double(rate)
        #expect((0.8...1.2).contains(share), "it wrote \(share) times what it may")
        try await end(cluster, "writes", group)
    }

    private func memoryFilesystem(_ cluster: LocalCluster) async throws {
        let fill = "dd if=/dev/zero of=/t/file bs=1M count=24 2> /dev/null; sleep 1000"
        let group = try await start(cluster, "fills", ["--cpus", "0.5", "--tmpfs", "/t"], fill)
        try await eventually("24 MiB are counted as its memory") {
            try group.count("shmem", in: "memory.stat") >= 24 << 20
        }
        try await end(cluster, "fills", group)
    }
}
