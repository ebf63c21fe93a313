import AuditFormat
import Auditing

/// Facts of the container that `bulkhead run` makes when nothing is asked for, as the kernel tells them.
enum CleanContainer {
    static let namespaces = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"]
    static let capabilities: UInt64 = 0x405fb

    static func inode(_ kind: String, host: Bool = false) -> UInt64 {
        UInt64(namespaces.firstIndex(of: kind) ?? 0) + (host ? 4_026_531_000 : 4_026_532_000)
    }

    static var thread: ThreadFacts {
        ThreadFacts(
            id: 102, users: [200_000, 200_000, 200_000, 200_000], groups: [200_000, 200_000, 200_000, 200_000],
            permitted: capabilities, effective: capabilities, bounding: capabilities, noNewPrivileges: true,
            seccompMode: 2, seccompFilters: 1,
            namespaces: Dictionary(uniqueKeysWithValues: namespaces.map { ($0, inode($0)) }),
            label: "bulkhead (enforce)")
    }

    static var ownInit: TaskFacts {
        var thread = thread
        thread.id = 101
        (thread.permitted, thread.effective, thread.bounding) = (0x20, 0x20, 0x1ff_ffff_ffff)
        return process(101, "bulkhead-init", isInit: true, thread)
    }

    static func process(_ id: Int32, _ name: String, isInit: Bool = false, _ thread: ThreadFacts) -> TaskFacts {
        TaskFacts(
            id: id, name: name, isInit: isInit,
            userMap: [MappedRange(inside: 0, outside: 200_000, count: 65_536)],
            groupMap: [MappedRange(inside: 0, outside: 200_000, count: 65_536)],
            limits: [
                LimitFacts("nofile", soft: 1_024, hard: 65_536), LimitFacts("memlock", soft: 65_536, hard: 65_536),
                LimitFacts("core", soft: 0, hard: 0), LimitFacts("nproc", soft: nil, hard: nil),
            ], executable: ExecutableFacts("/bin/app", isWritten: false), controlGroup: "/bulkhead/c1",
            threads: [thread])
    }

    static let quiet = ["nosuid", "nodev", "noexec"]

    static var mounts: [MountFacts] {
        [
            MountFacts(
                id: 10, parent: 1, device: "0:41", target: "/", options: ["rw", "nosuid", "nodev"], type: "overlay"),
            MountFacts(id: 11, parent: 10, device: "0:42", target: "/proc", options: ["rw"] + quiet, type: "proc"),
            MountFacts(id: 12, parent: 10, device: "0:43", target: "/sys", options: ["ro"] + quiet, type: "sysfs"),
            MountFacts(
                id: 13, parent: 12, device: "0:44", target: "/sys/fs/cgroup", options: ["ro"] + quiet, type: "cgroup2"),
            MountFacts(
                id: 14, parent: 10, device: "0:45", target: "/dev", options: ["rw", "nosuid", "noexec"], type: "tmpfs"),
            MountFacts(
                id: 16, parent: 11, device: "0:42", root: "/sys", target: "/proc/sys", options: ["ro"] + quiet,
                type: "proc"),
            MountFacts(
                id: 15, parent: 11, device: "0:6", root: "/null", target: "/proc/keys", options: ["ro", "nosuid"],
                type: "devtmpfs"),
        ]
    }

    static var facts: ContainerFacts {
        var facts = ContainerFacts(
            subject: Subject(
                .container, id: "c1", name: "web", maker: "bulkhead", image: "web@sha256:aa", process: 101),
            host: HostSurroundings(securityModules: ["apparmor"], controllers: ["cpu", "memory", "pids"]))
        facts.processes = .seen([ownInit, process(102, "app", thread)])
        facts.namespaces = .seen(
            namespaces.map { ContainerNamespace(kind: $0, inode: inode($0), hostInode: inode($0, host: true)) })
        facts.mounts = .seen(mounts)
        facts.paths = .seen([
            PathFacts("/proc/keys", wanted: .masked, state: .masked, seen: "character device 1:3"),
            PathFacts("/proc/diskstats", wanted: .masked, state: .masked, seen: "character device 1:3"),
            PathFacts("/proc/acpi", wanted: .masked, state: .absent, seen: "absent"),
            PathFacts("/proc/sys", wanted: .readOnly, state: .readOnly, seen: "read-only"),
        ])
        facts.controlGroup = .seen(
            ControlGroupFacts(
                path: "/sys/fs/cgroup/bulkhead/c1",
                values: [
                    "pids.max": "1024", "memory.max": "67108864", "memory.swap.max": "0", "cpu.max": "50000 100000",
                ], above: [["pids.max": "max"]]))
        facts.devices = .seen([DeviceFacts("/dev/null", kind: "c", major: 1, minor: 3)])
        facts.devicePolicy = .seen(DevicePolicyFacts(programs: [7], extra: [], source: "BPF_PROG_QUERY"))
        facts.descriptors = .seen([
            DescriptorFacts(
                process: 102, name: "0", target: "/dev/null", kind: "device 1:3", mount: 14, isInside: true),
            // Init's own: the exit record.
            DescriptorFacts(process: 101, name: "12", target: "/run/exit", kind: "file", mount: 99, isInside: false),
        ])
        facts.listeners = .seen([ListenerFacts("tcp", address: "127.0.0.1", port: 9)])
        facts.filters = .seen([
            FilterFacts(
                threads: [102], programs: ["aa"], instructions: [300], dangerous: [], allowed: ["native": 300],
                differences: [], compared: 3_072)
        ])
        facts.secretVariables = .seen([])
        facts.published = .seen([])
        facts.outsidePeers = .seen([])
        facts.entries = .seen([EntryFacts(number: 2, program: "sh", user: "1000:1000")])
        facts.hasOwnKeyring = true
        facts.declared = DeclaredFacts(
            capabilities: capabilities, maskedPaths: ["/proc/keys", "/proc/diskstats", "/proc/acpi"],
            readOnlyPaths: ["/proc/sys"], controlGroup: ["pids.max": "1024", "memory.swap.max": "0"],
            controlGroupPath: "/bulkhead/c1", userMap: [MappedRange(inside: 0, outside: 200_000, count: 65_536)],
            imageDigest: "sha256:aa",
            imageTrust: ImageTrustFacts(isSigned: true, detail: "signed by aa", policy: "p"))
        return facts
    }
}
