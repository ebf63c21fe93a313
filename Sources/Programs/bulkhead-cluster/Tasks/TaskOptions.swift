import ArgumentParser

/// What `task run` takes of a task itself: the names are those of `bulkhead run` and Docker.
struct TaskOptions: ParsableArguments {
    @Option(help: .init("Processors, such as 0.5 or 2: a share, and a bound.", valueName: "number"))
    var cpus = "0.5"
    @Option(name: [.short, .long], help: .init("Memory, such as 64m or 1g.", valueName: "size"))
    var memory = "128m"
    @Option(help: .init("Disk of the sandbox, such as 1g.", valueName: "size"))
    var disk: String?
    @Option(
        name: [.short, .long], parsing: .unconditionalSingleValue,
        help: .init("A variable; without '=' ours of that name. Repeatable.", valueName: "name=value"))
    var env: [String] = []
    @Option(
        name: [.short, .long], parsing: .unconditionalSingleValue,
        help: .init(
            "A directory of the agent's host, or of the sandbox when relative. Repeatable.",
            valueName: "source:target[:ro]"))
    var volume: [String] = []
    @Option(
        help: .init(
            "A secret the agent's operator keeps, as a variable or a file (usual: /run/secrets/NAME). Repeatable.",
            valueName: "name[/key][:env=VAR|:file=PATH]"))
    var secret: [String] = []
    @Option(
        help: .init(
            "An empty file system in memory; options size= (usual 64m), mode=, exec, ro. Repeatable.",
            valueName: "target[:option,…]"))
    var tmpfs: [String] = []
    @Option(name: [.short, .long], help: .init("User the task runs as, by name or number.", valueName: "user"))
    var user: String?
    @Option(name: [.short, .long], help: .init("Working directory in the container.", valueName: "path"))
    var workdir: String?
    @Option(name: [.customShort("h"), .long], help: .init("Host name in the container.", valueName: "name"))
    var hostname: String?
    @Option(help: .init("Program in place of the image's own.", valueName: "path"))
    var entrypoint: String?
    @Option(name: [.short, .long], help: .init("A label of the task. Repeatable.", valueName: "key[=value]"))
    var label: [String] = []
    @Option(help: .init("A capability to add, if the agent's policy allows it. Repeatable.", valueName: "name"))
    var capAdd: [String] = []
    @Option(help: .init("A capability to drop, or ALL. Repeatable.", valueName: "name"))
    var capDrop: [String] = []
    @Flag(help: "The container's file system cannot be written to.")
    var readOnly = false
    @Option(
        help: .init(
            "none (a loopback of its own), bridge, bridge:NAME, cni:NAME, or host if the agent's policy allows it.",
            valueName: "network"))
    var network: String?
    @Option(
        name: [.customShort("p"), .long], parsing: .unconditionalSingleValue,
        help: .init(
            "A port of the agent that leads to one of the task's; without it one the offer has. Ranges too. "
                + "Repeatable.", valueName: "[port:]port[/udp]"))
    var publish: [String] = []
    @Option(
        help: .init(
            "A file the agent fetches into the sandbox first; archives are unpacked. Repeatable.", valueName: "address")
    )
    var fetch: [String] = []
}

/// What narrows a task further than what it has, and what opens it where the agent's policy allows that: `bulkhead
/// run` has the same names.
struct TaskWallOptions: ParsableArguments {
    @Option(help: .init("Whole GPUs, for itself alone: agents offer them with --cdi-resource.", valueName: "count"))
    var gpus: UInt32?
    @Option(
        help: .init(
            "An amount of any other resource that agents offer, such as fpgas=1. Repeatable.",
            valueName: "name=amount"))
    var resource: [String] = []
    @Option(
        help: .init(
            "A device of the agent's host, if the agent's policy allows it. Repeatable.",
            valueName: "/dev/name[:/dev/inside][:rw]|vendor.com/class=name"))
    var device: [String] = []
    @Option(
        name: [.customLong("cpuset"), .customLong("cpuset-cpus")],
        help: .init("Processors of the agent's host it may run on, such as 0-1,3.", valueName: "list"))
    var cpuset: String?
    @Option(
        name: [.customLong("pids"), .customLong("pids-limit")],
        help: .init("Processes and threads it may have (usual 1024).", valueName: "count"))
    var pids: String?
    @Option(
        name: [.customLong("io-read-bps"), .customLong("device-read-bps")],
        help: .init("Bytes read a second, such as 10m or /dev/sda:10m. Repeatable.", valueName: "rate"))
    var ioReadBps: [String] = []
    @Option(
        name: [.customLong("io-write-bps"), .customLong("device-write-bps")],
        help: .init("Bytes written a second. Repeatable.", valueName: "rate"))
    var ioWriteBps: [String] = []
    @Option(
        name: [.customLong("io-read-iops"), .customLong("device-read-iops")],
        help: .init("Reads a second, such as 100 or /dev/sda:100. Repeatable.", valueName: "rate"))
    var ioReadIops: [String] = []
    @Option(
        name: [.customLong("io-write-iops"), .customLong("device-write-iops")],
        help: .init("Writes a second. Repeatable.", valueName: "rate"))
    var ioWriteIops: [String] = []
    @Option(help: .init("Share of the disk against other tasks, 1 to 100 (usual 100).", valueName: "share"))
    var ioWeight: String?
    @Option(help: .init("A limit of its processes. Repeatable.", valueName: "name=soft[:hard]"))
    var ulimit: [String] = []
    @Option(help: .init("A kernel setting of the container's own. Repeatable.", valueName: "name=value"))
    var sysctl: [String] = []
    @Option(help: .init("Size of /dev/shm (usual 64m).", valueName: "size"))
    var shmSize: String?
    @Option(help: .init("Killed earlier when memory runs out: 0 to 1000.", valueName: "score"))
    var oomScoreAdj: String?
    @Option(
        help: .init(
            "seccomp=NAME|strict, apparmor=NAME, no-new-privileges, proc=subset; what opens a wall if the agent's "
                + "policy allows it. Repeatable.",
            valueName: "option"))
    var securityOpt: [String] = []
    @Option(help: .init("System calls answered for it: mknod, sysinfo. Repeatable.", valueName: "call,…"))
    var emulate: [String] = []
    @Option(help: .init("A line for /etc/hosts. Repeatable.", valueName: "name:address"))
    var addHost: [String] = []
    @Option(help: .init("A name server. Repeatable.", valueName: "address"))
    var dns: [String] = []
    @Option(help: .init("Signal that asks it to stop (usual: the image's, else TERM).", valueName: "signal"))
    var stopSignal: String?

    /// As the agent takes them: options of Docker's command line.
    var parameters: [(key: String, values: [String])] {
        [
            ("device", device), ("cpuset-cpus", single(cpuset)), ("pids-limit", single(pids)),
            ("device-read-bps", ioReadBps), ("device-write-bps", ioWriteBps), ("device-read-iops", ioReadIops),
            ("device-write-iops", ioWriteIops), ("io-weight", single(ioWeight)), ("ulimit", ulimit), ("sysctl", sysctl),
            ("shm-size", single(shmSize)), ("oom-score-adj", single(oomScoreAdj)), ("security-opt", securityOpt),
            ("emulate", emulate), ("add-host", addHost), ("dns", dns), ("stop-signal", single(stopSignal)),
        ]
    }

    private func single(_ value: String?) -> [String] { value.map { [$0] } ?? [] }
}

/// How the agent looks after a task.
struct TaskCareOptions: ParsableArguments {
    @Option(help: .init("A command that tells whether the task is well: exit code 0.", valueName: "line"))
    var healthCmd: String?
    @Option(help: .init("The same by HTTP in the container: 8080 or 8080/healthy.", valueName: "port[/path]"))
    var healthHttp: String?
    @Option(help: .init("The same by a connection in the container.", valueName: "port"))
    var healthTcp: String?
    @Option(help: .init("Time between two probes.", valueName: "time"))
    var healthInterval = "10s"
    @Option(help: .init("Time a probe may take.", valueName: "time"))
    var healthTimeout = "20s"
    @Option(help: .init("Failures in a row after which the task is killed.", valueName: "count"))
    var healthRetries: UInt32 = 3
    @Option(help: .init("Time after the start in which failures do not count.", valueName: "time"))
    var healthStartPeriod = "10s"
    @Option(help: .init("The longest the task may run.", valueName: "time"))
    var timeout: String?
    @Option(help: .init("Time from the polite signal to the end when the task is killed.", valueName: "time"))
    var stopTimeout: String?
}

/// Where a task may run.
struct PlacementOptions: ParsableArguments {
    @Option(help: .init("Role whose share of the cluster it takes.", valueName: "role"))
    var role = "*"
    @Option(
        help: .init(
            """
            Only on agents whose attribute is that: 'rack=r12', 'rack!=r12', 'rack~r1' (contains it), 'gpu' (has it), \
            '!gpu'; also 'hostname=…' and 'agent=…'. Repeatable; all must hold.
            """,
            valueName: "rule"))
    var constraint: [String] = []
}
