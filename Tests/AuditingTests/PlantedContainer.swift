import AuditFormat
import Auditing
import Testing

/// One misconfiguration: what is changed of the clean container, what must be found of it, and where the evidence is.
struct PlantedContainer: Sendable, CustomTestStringConvertible {
    var id: RuleID
    var profile: AuditProfile
    /// What the first piece of evidence must hold.
    var value: String
    /// Rules that are about the very same thing from another side.
    var along: Set<RuleID>
    var plant: @Sendable (inout ContainerFacts) -> Void

    init(
        _ id: RuleID, _ value: String, in profile: AuditProfile = .standard, along: Set<RuleID> = [],
        _ plant: @escaping @Sendable (inout ContainerFacts) -> Void
    ) {
        self.id = id
        self.profile = profile
        self.value = value
        self.along = along
        self.plant = plant
    }

    var testDescription: String { "\(id) \(profile.rawValue)" }
}

extension Observed {
    /// Changes what was seen.
    mutating func edit(_ body: (inout Value) -> Void) {
        guard case .seen(var value) = self else { return }
        body(&value)
        self = .seen(value)
    }
}

extension HostSurroundings {
    mutating func plantSELinux(_ mode: PolicyMode) { (securityModules, selinux) = (["selinux"], mode) }
}

extension ContainerFacts {
    mutating func shareWithHost(_ kind: String) {
        let host = CleanContainer.inode(kind, host: true)
        namespaces.edit { namespaces in
            for index in namespaces.indices where namespaces[index].kind == kind { namespaces[index].inode = host }
        }
        processes.edit { processes in
            for process in processes.indices { processes[process].threads[0].namespaces[kind] = host }
        }
    }

    /// On a host with SELinux and nothing else.
    mutating func plantSELinux(_ label: String, _ mode: PolicyMode, _ domain: DomainFacts?) {
        host.plantSELinux(mode)
        domains = domain.map { .seen([$0]) }
        editThread { $0.label = label }
    }

    mutating func editTask(_ body: (inout TaskFacts) -> Void) { processes.edit { body(&$0[1]) } }
    mutating func editThread(_ body: (inout ThreadFacts) -> Void) { processes.edit { body(&$0[1].threads[0]) } }
    mutating func addMount(_ mount: MountFacts) { mounts.edit { $0.append(mount) } }
    mutating func open(_ path: String) {
        paths.edit { paths in
            for index in paths.indices where paths[index].path == path {
                paths[index].state = .open
                paths[index].seen = "the kernel's own (proc)"
            }
        }
    }
}

extension PlantedContainer {
    private static func volume(
        _ path: String, root: String, options: [String] = ["rw", "nosuid", "nodev"], type: String = "ext4"
    ) -> MountFacts {
        MountFacts(
            id: 50, parent: 10, device: "8:1", root: root, target: "/data", options: options, type: type,
            hostPath: path)
    }

    static let all: [PlantedContainer] = [
        namespaces, privileges, filters, mounts, devices, limits, descriptors, programs, reach,
    ].flatMap { $0 }

    private static let kinds: [(String, String)] = [
        ("pid", "BH-CON-001"), ("net", "BH-CON-002"), ("ipc", "BH-CON-003"), ("uts", "BH-CON-004"),
        ("mnt", "BH-CON-005"), ("cgroup", "BH-CON-006"), ("user", "BH-CON-007"), ("time", "BH-CON-008"),
    ]

    private static let namespaces: [PlantedContainer] = kinds.map { kind, id in
        PlantedContainer(RuleID(rawValue: id), "\(kind):[\(CleanContainer.inode(kind, host: true))]") {
            $0.shareWithHost(kind)
        }
    }

    private static let privileges: [PlantedContainer] = [
        PlantedContainer("BH-CON-009", "0 0 1", along: ["BH-CON-011"]) {
            $0.editTask { $0.userMap = [MappedRange(inside: 0, outside: 0, count: 1)] }
        },
        PlantedContainer("BH-CON-010", "shared with other") {
            $0.namespaces.edit { $0[3].sharedWith = ["other"] }
        },
        PlantedContainer("BH-CON-011", "0 300000 65536") {
            $0.editTask { $0.groupMap = [MappedRange(inside: 0, outside: 300_000, count: 65_536)] }
        },
        PlantedContainer("BH-CON-012", "net:[\(CleanContainer.inode("net", host: true))]") {
            $0.editThread { $0.namespaces["net"] = CleanContainer.inode("net", host: true) }
        },
        PlantedContainer("BH-CON-020", "CAP_SYS_ADMIN") { $0.editThread { $0.effective |= 1 << 21 } },
        PlantedContainer("BH-CON-021", "CAP_NET_RAW") { $0.editThread { $0.bounding |= 1 << 13 } },
        PlantedContainer("BH-CON-022", "CAP_CHOWN") { $0.editThread { $0.inheritable = 1 } },
        PlantedContainer("BH-CON-023", "0") { $0.editThread { $0.noNewPrivileges = false } },
        PlantedContainer(
            "BH-CON-024", "every capability", along: ["BH-CON-020", "BH-CON-040"]
        ) { facts in
            facts.editThread {
                $0.effective = 0x1ff_ffff_ffff
                $0.seccompMode = 0
            }
        },
        PlantedContainer("BH-CON-025", "root inside", in: .podRestricted, along: ["BH-CON-031"]) { _ in },
        PlantedContainer("BH-CON-026", "CAP_KILL CAP_SYS_PTRACE") { facts in
            facts.processes.edit { $0[0].threads[0].effective |= 1 << 19 }
        },
        PlantedContainer("BH-CON-027", "unconfined") { $0.editThread { $0.label = "unconfined" } },
        PlantedContainer("BH-CON-027", "p (complain)") { $0.editThread { $0.label = "p (complain)" } },
        PlantedContainer("BH-CON-028", "kernel_t:s0, which may load a policy", along: ["BH-CON-027"]) { facts in
            let label = "system_u:system_r:kernel_t:s0"
            facts.plantSELinux(label, .enforcing, DomainFacts(label, deeds: ["load a policy"]))
        },
        PlantedContainer("BH-CON-028", "a permissive domain", along: ["BH-CON-027"]) { facts in
            let label = "system_u:system_r:container_t:s0"
            facts.plantSELinux(label, .enforcing, DomainFacts(label, isPermissive: true))
        },
        PlantedContainer("BH-CON-028", "not asked about", along: ["BH-CON-027"]) { facts in
            let label = "system_u:system_r:container_t:s0"
            facts.plantSELinux(label, .enforcing, DomainFacts("system_u:system_r:other_t:s0"))
        },
        PlantedContainer("BH-CON-028", "permissive", along: ["BH-CON-027"]) { facts in
            facts.plantSELinux("system_u:system_r:container_t:s0", .permissive, nil)
        },
        PlantedContainer("BH-CON-028", "no policy", along: ["BH-CON-027"]) { facts in
            facts.plantSELinux("kernel", .empty, nil)
        },
        PlantedContainer("BH-CON-030", "CAP_NET_RAW", in: .podBaseline) { $0.editThread { $0.effective |= 1 << 13 } },
        PlantedContainer("BH-CON-031", "CAP_CHOWN", in: .podRestricted, along: ["BH-CON-025"]) { _ in },
    ]

    private static let filters: [PlantedContainer] = [
        PlantedContainer("BH-CON-040", "0") { $0.editThread { $0.seccompMode = 0 } },
        PlantedContainer("BH-CON-041", "native call 41: allow, planned EPERM") { facts in
            facts.filters.edit { $0[0].differences = ["native call 41: allow, planned EPERM"] }
        },
        PlantedContainer("BH-CON-042", "bpf mount") { $0.filters.edit { $0[0].dangerous = ["bpf", "mount"] } },
        PlantedContainer("BH-CON-043", "12 calls of i386") { $0.filters.edit { $0[0].allowed["i386"] = 12 } },
        PlantedContainer("BH-CON-044", "native call 99") { facts in
            facts.filters.edit { $0[0].handed = ["native call 99"] }
            facts.callHolders = .seen([
                CallHolderFacts(process: 9, name: "stranger", descriptor: "5", isInside: false)
            ])
        },
        PlantedContainer("BH-CON-044", "native call 98") { facts in
            facts.declared = nil
            facts.filters.edit { $0[0].handed = ["native call 98"] }
            facts.callHolders = .seen([])
        },
        PlantedContainer("BH-CON-044", "no process") { facts in
            facts.declared?.emulated = ["mknod"]
            facts.emulators = .seen([])
            facts.callHolders = .seen([])
        },
        PlantedContainer("BH-CON-044", "no listener") { facts in
            facts.declared?.emulated = ["mknod"]
            facts.emulators = .seen([7])
            facts.callHolders = .seen([CallHolderFacts(process: 8, name: "other", descriptor: "5", isInside: false)])
        },
    ]

    private static let mounts: [PlantedContainer] = [
        PlantedContainer("BH-CON-060", "/data is the host's /etc, writable") {
            $0.addMount(volume("/etc", root: "/etc"))
        },
        PlantedContainer("BH-CON-061", "/data from /run/docker.sock") {
            $0.addMount(volume("/run/docker.sock", root: "/run/docker.sock"))
        },
        PlantedContainer("BH-CON-062", "/ shared:7") { $0.mounts.edit { $0[0].propagation = ["shared:7"] } },
        PlantedContainer("BH-CON-063", "/data ext4 rw,nodev") {
            $0.addMount(volume("/srv", root: "/srv", options: ["rw", "nodev"]))
        },
        PlantedContainer("BH-CON-064", "/data ext4 rw,nosuid") {
            $0.addMount(volume("/srv", root: "/srv", options: ["rw", "nosuid"]))
        },
        PlantedContainer("BH-CON-063", "/data tmpfs rw,nodev") {
            $0.addMount(
                MountFacts(
                    id: 50, parent: 10, device: "0:9", target: "/data", options: ["rw", "nodev"], type: "tmpfs"))
        },
        PlantedContainer("BH-CON-064", "/data fuse.sshfs rw,nosuid") {
            $0.addMount(
                MountFacts(
                    id: 50, parent: 10, device: "0:9", target: "/data", options: ["rw", "nosuid"], type: "fuse.sshfs"))
        },
        // What a runtime keeps in memory of another mount namespace, and a type that nobody thought of.
        PlantedContainer("BH-CON-063", "/etc/hosts tmpfs rw,nodev") {
            $0.addMount(part("/etc/hosts", ["rw", "nodev"]))
        },
        PlantedContainer("BH-CON-064", "/data f2fs rw,nosuid") {
            $0.addMount(
                MountFacts(
                    id: 50, parent: 10, device: "0:9", target: "/data", options: ["rw", "nosuid"], type: "f2fs"))
        },
        PlantedContainer("BH-CON-065", "/ overlay rw") { $0.mounts.edit { $0[0].options = ["rw"] } },
        PlantedContainer("BH-CON-066", "/ overlay rw", in: .cisDocker5) { _ in },
        PlantedContainer("BH-CON-067", "/proc/keys is the kernel's own") { $0.open("/proc/keys") },
        PlantedContainer("BH-CON-068", "/proc/sys is the kernel's own") { $0.open("/proc/sys") },
        PlantedContainer("BH-CON-069", "/sys sysfs rw") { $0.mounts.edit { $0[2].options[0] = "rw" } },
        PlantedContainer("BH-CON-070", "/sys/fs/cgroup cgroup2 rw") { $0.mounts.edit { $0[3].options[0] = "rw" } },
        PlantedContainer("BH-CON-072", "/data debugfs") {
            $0.addMount(
                MountFacts(id: 50, parent: 10, device: "0:7", target: "/data", options: ["rw"], type: "debugfs"))
        },
        PlantedContainer("BH-CON-075", "/data proc rw, shows /proc") {
            $0.addMount(
                MountFacts(id: 50, parent: 10, device: "0:42", target: "/data", options: ["rw"], type: "proc"))
        },
        PlantedContainer("BH-CON-075", "/data sysfs ro, shows /sys/firmware") {
            $0.addMount(
                MountFacts(
                    id: 50, parent: 10, device: "0:43", root: "/firmware", target: "/data", options: ["ro"],
                    type: "sysfs"))
        },
        PlantedContainer("BH-CON-073", "/proc/diskstats is the kernel's own") { $0.open("/proc/diskstats") },
        PlantedContainer("BH-CON-074", "/data is the host's /srv", in: .podBaseline) {
            $0.addMount(volume("/srv", root: "/srv"))
        },
        PlantedContainer("BH-CON-074", "/data is /run/app of another's memory", in: .podBaseline) {
            $0.declared = nil
            $0.addMount(part("/data", ["rw", "nosuid", "nodev"], of: "/run/app"))
        },
    ]

    /// A part of a file system in memory that no table of the host tells.
    private static func part(_ target: String, _ options: [String], of root: String = "/userdata/hosts") -> MountFacts {
        MountFacts(id: 50, parent: 10, device: "0:9", root: root, target: target, options: options, type: "tmpfs")
    }

    private static let devices: [PlantedContainer] = [
        PlantedContainer("BH-CON-080", "/dev/sda b 8:0") {
            $0.devices.edit { $0.append(DeviceFacts("/dev/sda", kind: "b", major: 8, minor: 0)) }
        },
        PlantedContainer("BH-CON-081", "no program") {
            $0.devicePolicy = .seen(DevicePolicyFacts(programs: [], extra: nil, source: "BPF_PROG_QUERY"))
        },
        PlantedContainer("BH-CON-082", "b 8:0 rwm") { $0.devicePolicy.edit { $0.extra = ["b 8:0 rwm"] } },
    ]

    private static let limits: [PlantedContainer] = [
        PlantedContainer("BH-CON-090", "max", along: ["BH-CON-094"]) {
            $0.controlGroup.edit { $0.values["pids.max"] = "max" }
        },
        PlantedContainer("BH-CON-091", "max", in: .cisDocker5) {
            $0.controlGroup.edit { $0.values["memory.max"] = "max" }
        },
        PlantedContainer("BH-CON-092", "max 100000", in: .cisDocker5) {
            $0.controlGroup.edit { $0.values["cpu.max"] = "max 100000" }
        },
        PlantedContainer("BH-CON-093", "max", along: ["BH-CON-094"]) {
            $0.controlGroup.edit { $0.values["memory.swap.max"] = "max" }
        },
        PlantedContainer("BH-CON-094", "2048") { $0.controlGroup.edit { $0.values["pids.max"] = "2048" } },
        PlantedContainer("BH-CON-095", "/user.slice") { $0.editTask { $0.controlGroup = "/user.slice" } },
        PlantedContainer("BH-CON-096", "nofile 1024:unlimited") {
            $0.editTask { $0.limits[0] = LimitFacts("nofile", soft: 1_024, hard: nil) }
        },
        PlantedContainer("BH-CON-097", "-500") { $0.editTask { $0.oomScoreAdjust = -500 } },
    ]

    private static func held(_ name: String, _ target: String, _ kind: String, inside: Bool?) -> DescriptorFacts {
        DescriptorFacts(
            process: 102, name: name, target: target, kind: kind, mount: inside == nil ? nil : 99, isInside: inside)
    }

    private static let descriptors: [PlantedContainer] = [
        PlantedContainer("BH-CON-110", "/, mount 99") {
            $0.descriptors.edit { $0.append(held("7", "/", "directory", inside: false)) }
        },
        PlantedContainer("BH-CON-111", "/root, mount 99") {
            $0.descriptors.edit { $0.append(held("cwd", "/root", "directory", inside: false)) }
        },
        PlantedContainer("BH-CON-112", "anon_inode:bpf-prog") {
            $0.descriptors.edit { $0.append(held("8", "anon_inode:bpf-prog", "other", inside: nil)) }
        },
        PlantedContainer("BH-CON-112", "anon_inode:[what-comes-next]") {
            $0.descriptors.edit { $0.append(held("8", "anon_inode:[what-comes-next]", "other", inside: nil)) }
        },
        PlantedContainer("BH-CON-112", "anon_inode:[pidfd]") {
            $0.descriptors.edit { $0.append(held("8", "anon_inode:[pidfd]", "process", inside: false)) }
        },
        PlantedContainer("BH-CON-112", "mnt:[4026531841]") {
            $0.descriptors.edit { $0.append(held("8", "mnt:[4026531841]", "namespace", inside: false)) }
        },
        PlantedContainer("BH-CON-113", "/etc/shadow, mount 99") {
            $0.descriptors.edit { $0.append(held("9", "/etc/shadow", "file", inside: false)) }
        },
        PlantedContainer("BH-CON-113", "/dev/mem, mount 99") {
            $0.descriptors.edit { $0.append(held("map_files/1-2", "/dev/mem", "device 1:1", inside: false)) }
        },
    ]

    private static let programs: [PlantedContainer] = [
        PlantedContainer("BH-CON-120", "tcp 0.0.0.0 port 8080", in: .cisDocker5) {
            $0.listeners.edit { $0.append(ListenerFacts("tcp", address: "0.0.0.0", port: 8_080)) }
        },
        PlantedContainer("BH-CON-130", "/memfd:x (app)") {
            $0.editTask { $0.executable = ExecutableFacts("/memfd:x", isDeleted: true, isMemory: true) }
        },
        PlantedContainer("BH-CON-131", "/tmp/miner (app)") {
            $0.editTask { $0.executable = ExecutableFacts("/tmp/miner", isWritten: true) }
        },
        PlantedContainer("BH-CON-132", "/usr/sbin/sshd (app)", in: .cisDocker5) {
            $0.editTask { $0.executable = ExecutableFacts("/usr/sbin/sshd", isWritten: false) }
        },
        PlantedContainer("BH-CON-140", "DB_PASSWORD", in: .nist800190) { $0.secretVariables = .seen(["DB_PASSWORD"]) },
        PlantedContainer("BH-CON-141", "web:latest", in: .cisDocker5) { $0.subject.image = "web:latest" },
        PlantedContainer("BH-CON-142", "asks for nothing", in: .cisDocker5) {
            $0.declared?.imageTrust = ImageTrustFacts(
                isSigned: false, detail: "the policy asks for nothing", policy: "permissive")
        },
    ]
}
