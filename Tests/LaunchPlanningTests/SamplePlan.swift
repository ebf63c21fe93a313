import LaunchPlanning

/// Contributions of a container as the isolators would make them, small enough to be read at a glance.
enum Sample {
    static let filter = FilterProgram(bytes: [6, 0, 0, 0, 0, 0, 0xff, 0x7f], name: "default")

    static func task() -> PlanContribution {
        var task = PlanContribution(isolator: "task")
        task.add(
            .execute(arguments: ["sh", "-c", "echo hi\n"], environment: ["PATH=/bin", "TOKEN=hunter2"]), at: .execute)
        task.add(.closeDescriptors(keep: 0), at: .closeDescriptors)
        task.add(.standardStreams(input: nil, output: "stream:1", error: nil), at: .terminal)
        task.open("stream:1", .stream(1))
        task.add(.workingDirectory("/srv"), at: .workingDirectory)
        return task
    }

    static func privileges() -> PlanContribution {
        var privileges = PlanContribution(isolator: "privileges")
        privileges.add(.installFilter(flags: 0, program: filter), at: .filter)
        privileges.add(.noNewPrivileges, at: .noNewPrivileges)
        privileges.add(
            .credentials(
                Credentials(
                    uid: 1_000, gid: 100, groups: [100, 7], bounding: 0x21, effective: 0x1, permitted: 0x1,
                    inheritable: 0, ambient: 0)), at: .credentials)
        return privileges
    }

    static func namespaces() -> PlanContribution {
        var namespaces = PlanContribution(isolator: "namespaces")
        namespaces.namespaces = [.user, .mount, .pid, .uts, .time]
        namespaces.userMap = [IDMapping(inside: 0, outside: 200_000, count: 65_536)]
        namespaces.groupMap = [IDMapping(inside: 0, outside: 300_000, count: 65_536)]
        namespaces.timeOffsets = "monotonic -5 0\nboottime -5 0\n"
        namespaces.inControlGroup = true
        namespaces.add(.becomeRoot, at: .becomeRoot)
        namespaces.add(.beginSession(parentDeathSignal: 0), at: .session)
        namespaces.add(.setHostname("box"), at: .identity)
        return namespaces
    }

    static func filesystem() -> PlanContribution {
        var filesystem = PlanContribution(isolator: "filesystem")
        let layers = RootTree(
            assembly: .overlay(layers: ["/a", "/b"], upper: "/u", work: "/w"), attributes: [.noDevices], mapped: true)
        filesystem.open("root", .rootTree(layers))
        filesystem.open("null", .nullDevice)
        filesystem.open(
            "volume:/data",
            .hostTree(path: "/srv/data", kind: .directory, attributes: [.noSetuid], recursive: true, mapped: true))
        filesystem.add(.propagation(.private), at: .root)
        filesystem.add(.attachRoot(tree: "root", anchor: "/run/anchor"), at: .root)
        filesystem.add(
            .mount(
                type: "proc", target: "/proc", attributes: [.noSetuid, .noDevices, .noExecute],
                resolve: [.create, .noLinks], options: ["hidepid=2"]), at: .kernelFilesystems)
        filesystem.add(
            .attach(tree: "volume:/data", target: "/data", kind: .directory, resolve: [.create]), at: .volumes)
        filesystem.add(.mask("/proc/kcore", with: "null"), at: .paths)
        filesystem.add(.sealPath("/proc/sys", attributes: [.readOnly], resolve: []), at: .paths)
        filesystem.add(.enterRoot, at: .enterRoot)
        return filesystem
    }

    static func resources() -> PlanContribution {
        var resources = PlanContribution(isolator: "resources")
        resources.add(.limit(ResourceLimit(resource: 7, soft: 1_024, hard: 4_096)), at: .resources)
        resources.add(.limit(ResourceLimit(resource: 4, soft: .max, hard: .max)), at: .resources)
        resources.memoryScore = -5
        resources.open("exit-record", .exitRecord)
        resources.open("log:0", .log(0))
        resources.open("log:1", .log(1))
        resources.add(
            .divide(
                Division(
                    isInit: true, pumps: true, hasTerminal: false, exitRecord: "exit-record", logs: ["log:0", "log:1"],
                    logBytesMax: 65_536, outputSink: nil, errorSink: nil, initFilter: .none)), at: .divide)
        return resources
    }

    static let contributions = [task(), privileges(), namespaces(), filesystem(), resources()]

    /// Every operation there is, with values no two fields share. It is no plan that could be carried out.
    static let everyStep: [Step] = [
        .join("root", types: [.network, .uts]), .unshare([.time, .pid]), .becomeRoot,
        .beginSession(parentDeathSignal: 9), .setUmask(0o27), .propagation(.slave),
        .attachRoot(tree: "root", anchor: "/anchor"),
        .mount(
            type: "tmpfs", target: "/tmp", attributes: [.noLinkFollow, .noAccessTime], resolve: [.optional],
            options: ["size=1", "ro", ""]),
        .attach(tree: "null", target: "/x", kind: .file, resolve: [.create]),
        .sealPath("/sealed", attributes: [.readOnly], resolve: [.noLinks]), .mask("/masked", with: "null"),
        .makeDirectory("/made", mode: 0o1777, uid: 3, gid: 4),
        .rootAttributes(set: [.readOnly], clear: [.noSetuid], recursive: true), .enterRoot, .setHostname("host"),
        .setDomainname("dömain"), .sysctl(name: "net/x", value: "1 2"),
        .limit(ResourceLimit(resource: 3, soft: 5, hard: .max)), .loopbackUp, .newKeyring,
        .divide(
            Division(
                isInit: true, pumps: true, hasTerminal: true, exitRecord: nil, logs: ["log:0", "log:1"],
                logBytesMax: 1 << 40, outputSink: "root", errorSink: nil, initFilter: filter,
                outputBytesMax: (1 << 40) + 1, errorBytesMax: 78)),
        .terminal(rows: 24, columns: 80, uid: 11, gid: 12),
        .standardStreams(input: nil, output: "null", error: "root"),
        .credentials(
            Credentials(
                uid: 1, gid: 2, groups: [30, 40], bounding: 1 << 40, effective: 6, permitted: 7, inheritable: 8,
                ambient: 9)),
        .noNewPrivileges, .workingDirectory("/work dir"), .closeDescriptors(keep: 2, gaps: [4]),
        .installFilter(flags: 2, program: filter),
        .setPropagation("/p", .shared, recursive: true),
        .setAttributes("/q", set: [.strictAccessTime], clear: [.noExecute], recursive: true),
        .makeNode(
            NodeRequest(path: "/dev/x", kind: .block, mode: 0o1640, major: 21, minor: 22, uid: 23, gid: 24)),
        .makeLink("/dev/y", destination: "../z"),
        .runHook(
            HookRequest(
                title: "hook #0", program: "/hook", arguments: ["hook", "a"], environment: ["C=2"], state: "null",
                milliseconds: 25)),
        .awaitStart(listener: "root"), .bindConsole,
        .schedule(
            SchedulingRequest(policy: 6, flags: 1 << 33, nice: -3, priority: 4, runtime: 31, deadline: 32, period: 33)),
        .ioPriority(8_194), .personality(8),
        .memoryPolicy(mode: 0x8002, nodes: [1, 1 << 40]), .detach("/host proc"), .enterDirectory("/own"),
        .findProgram(arguments: ["find"], environment: ["D=3"]), .changeRoot, .takeRoot("null"),
        .ownStreams(uid: 34, gid: 35), .listeningFilter(flags: 36, program: filter),
        .setLabel(file: "attr/exec", value: "label"),
        .confineWrites(to: ["/data", "/tmp"]),
        .execute(arguments: ["prog", "", "three"], environment: ["A=1", "B=ü"]),
    ]
    static let executeIndex = everyStep.count - 1

    static let everyPlan = LaunchPlan(
        spawn: SpawnOptions(namespaces: [], userMap: [], groupMap: [], inControlGroup: false),
        descriptors: ["root": .exitRecord, "null": .nullDevice, "log:0": .log(0), "log:1": .log(1)],
        steps: everyStep.map { PlannedStep(stage: .execute, isolator: "every", step: $0) })
}

/// A generator whose numbers depend on nothing but its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
