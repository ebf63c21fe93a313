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
    @Option(help: .init("An empty file system in memory. Repeatable.", valueName: "target"))
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
    @Option(help: .init("none (a loopback of its own) or host, if the agent's policy allows it.", valueName: "network"))
    var network: String?
    @Option(
        help: .init(
            "A file the agent fetches into the sandbox first; archives are unpacked. Repeatable.", valueName: "address")
    )
    var fetch: [String] = []
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
