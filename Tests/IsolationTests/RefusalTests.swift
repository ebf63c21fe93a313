import Containers
import Diagnostics
import HostProbe
import LaunchPlanning
import SeccompFormat
import Testing

@testable import Isolation

/// A request and a host as values; nothing here touches the machine.
enum Fixture {
    struct FixedFilters: FilterCompiling {
        func filter(
            _ seccomp: IsolationRequest.Seccomp, capabilities: UInt64, kernel: KernelVersion,
            emulated: Set<EmulatedCall>
        ) throws(Failure) -> TaskFilter {
            TaskFilter(program: FilterProgram(bytes: [UInt8](repeating: 0, count: 16), name: "default"), flags: 0)
        }
        func initFilter() throws(Failure) -> FilterProgram {
            FilterProgram(bytes: [0, 0, 0, 0, 0, 0, 0, 0], name: "init")
        }
    }

    static func host(controllers: Set<String> = ["cpu", "memory", "io", "pids", "cpuset"]) -> HostAbilities {
        let kind: ControlGroupLayout.Kind = controllers.isEmpty ? .hybrid : .unified
        var features = Dictionary(uniqueKeysWithValues: Feature.allCases.map { ($0, Ability.enforced) })
        for (feature, controller) in [
            (Feature.memory, "memory"), (.swap, "memory"), (.cpu, "cpu"), (.cpuset, "cpuset"), (.io, "io"),
            (.pids, "pids"),
        ] where !controllers.contains(controller) {
            features[feature] = Ability(
                .unavailable, why: "cgroup version 1 holds the \(controller) controller on this host",
                remedy: "boot with systemd.unified_cgroup_hierarchy=1 (or cgroup_no_v1=all)")
        }
        return HostAbilities(
            kernel: KernelVersion(release: "6.1.0"),
            groups: ControlGroupLayout(kind: kind, mountPoint: "/sys/fs/cgroup", controllers: controllers),
            features: features, hardLimits: ["nofile": 20_000], capabilities: .max)
    }

    static func context(
        host: HostAbilities = host(), _ change: (inout ContainerRequest) -> Void = { _ in }
    ) -> LaunchContext {
        var request = ContainerRequest(
            id: ContainerID(number: 7), name: "seven", image: ImageIdentity(reference: "busybox", digest: "sha256:7"),
            process: ProcessRequest(arguments: ["id", "-u"], environment: ["PATH=/bin"], workingDirectory: "/tmp"))
        request.isolation.identities = IdentityRange(base: 1_000_000, count: 65_536)
        request.isolation.capabilities = CapabilitySet.rootDefault.rawValue
        change(&request)
        return LaunchContext(
            request: request, host: host,
            root: RootTree(
                assembly: .overlay(layers: ["/s/layers/a", "/s/layers/b"], upper: "/s/c/7/upper", work: "/s/c/7/work"),
                attributes: [.noSetuid, .noDevices], mapped: true),
            filters: FixedFilters(), hasReader: true)
    }
}

@Suite("Requests a host cannot hold, or that would hand it over, are refused")
struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var code: Failure.Code
        var field: String?
        var host = Fixture.host()
        var change: @Sendable (inout ContainerRequest) -> Void
    }

    static let bare = Fixture.host(controllers: [])
    static let cases: [Case] = [
        Case(testDescription: "memory without its controller", code: "host.cannot-enforce", field: "memory", host: bare)
        {
            $0.limits.memory = 64 << 20
        },
        Case(testDescription: "cpus without its controller", code: "host.cannot-enforce", field: "cpus", host: bare) {
            $0.limits.cpus = 0.5
        },
        Case(
            testDescription: "pids asked for without its controller", code: "host.cannot-enforce", field: "pids",
            host: bare
        ) {
            $0.limits.pidsAsked = true
        },
        Case(testDescription: "io without its controller", code: "host.cannot-enforce", field: "io", host: bare) {
            $0.limits.io = [IOLimit(kind: .readBytes, device: nil, perSecond: 1)]
        },
        Case(testDescription: "no id range", code: "isolation.no-ids", field: "identities") {
            $0.isolation.identities = IdentityRange(base: 0, count: 65_536)
        },
        Case(testDescription: "a user outside the range", code: "isolation.unmapped-id", field: "user") {
            $0.process.uid = 65_536
        },
        Case(testDescription: "a group outside the range", code: "isolation.unmapped-id", field: "user") {
            $0.process.groups = [4_294_967_295]
        },
        Case(testDescription: "a host name with a line break", code: "isolation.bad-hostname", field: "hostname") {
            $0.isolation.hostname = "a\nb"
        },
        Case(testDescription: "a sysctl of the host", code: "isolation.refused-sysctl", field: "sysctl") {
            $0.isolation.sysctls = ["kernel.core_pattern": "|/bin/sh"]
        },
        Case(testDescription: "a sysctl that hides another", code: "isolation.refused-sysctl", field: "sysctl") {
            $0.isolation.sysctls = ["kernel.shm_rmid_forced": "1\nkernel.core_pattern=x"]
        },
        Case(testDescription: "a sysctl with a path in it", code: "isolation.refused-sysctl", field: "sysctl") {
            $0.isolation.sysctls = ["net/../kernel/core_pattern": "x"]
        },
        Case(
            testDescription: "a network sysctl on the host's network", code: "isolation.refused-sysctl", field: "sysctl"
        ) {
            $0.isolation.network = .host
            $0.isolation.sysctls = ["net.ipv4.ip_forward": "1"]
        },
        Case(testDescription: "an unknown resource limit", code: "isolation.unknown-ulimit", field: "ulimit") {
            $0.isolation.resourceLimits = [NamedLimit(name: "files", soft: 1, hard: 1)]
        },
        Case(testDescription: "a volume over the root", code: "volume.bad-target", field: "volume") {
            $0.volumes = [VolumeRequest(source: "/srv", target: "/")]
        },
        Case(testDescription: "a volume over /proc", code: "volume.bad-target", field: "volume") {
            $0.volumes = [VolumeRequest(source: "/srv", target: "/proc/sys")]
        },
        Case(testDescription: "a volume out of the root", code: "volume.bad-target", field: "volume") {
            $0.volumes = [VolumeRequest(source: "/srv", target: "/a/../../b")]
        },
        Case(testDescription: "the host's root as a volume", code: "volume.refused-source", field: "volume") {
            $0.volumes = [VolumeRequest(source: "/", target: "/host")]
        },
        Case(testDescription: "the host's /dev as a volume", code: "volume.refused-source", field: "volume") {
            $0.volumes = [VolumeRequest(source: "/dev/shm", target: "/host")]
        },
        Case(
            testDescription: "new privileges under a filter", code: "isolation.filter-needs-no-new-privileges",
            field: "security-opt"
        ) {
            $0.isolation.noNewPrivileges = false
        },
        Case(testDescription: "no command", code: "container.no-command", field: "command") {
            $0.process.arguments = []
        },
        Case(testDescription: "a command without a name", code: "launch.program-not-found", field: "command") {
            $0.process.arguments = [""]
        },
    ]

    @Test("with the field at fault and what to do", arguments: cases)
    func refused(_ item: Case) throws {
        let context = Fixture.context(host: item.host, item.change)
        let failure = #expect(throws: Failure.self) { try ContainerPlan.build(context) }
        #expect(failure?.code == item.code)
        #expect(failure?.field == item.field)
        #expect(failure?.remedy?.isEmpty == false || item.code == "isolation.no-ids")
    }

    @Test("what the user accepts to go without is not refused")
    func accepted() throws {
        let context = Fixture.context(host: Self.bare) {
            $0.limits.memory = 64 << 20
            $0.isolation.allowedUnenforced = ["memory"]
        }
        _ = try ContainerPlan.build(context)
    }

    @Test("the default process limit is not refused where only a weaker one exists, and the weaker one is there")
    func processFallback() throws {
        let plan = try ContainerPlan.build(Fixture.context(host: Self.bare))
        let processes = ResourceLimit(resource: 6, soft: 1_024, hard: 1_024)
        #expect(plan.steps.contains { $0.step == .limit(processes) })
        let enforced = try ContainerPlan.build(Fixture.context())
        #expect(!enforced.steps.contains { $0.step == .limit(processes) })
    }
}
