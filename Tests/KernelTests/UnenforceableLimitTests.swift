import Containers
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer
import Testing

/// On a host whose version 1 hierarchies hold the controllers, as this one says of itself or is made to say.
@Suite("A limit that this host cannot hold")
struct UnenforceableLimitTests {
    struct Ask: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var feature: Feature
        var change: @Sendable (inout ContainerLimits) -> Void
    }

    static let asks = [
        Ask(testDescription: "memory", feature: .memory) { $0.memory = 64 << 20 },
        Ask(testDescription: "cpus", feature: .cpu) { $0.cpus = 0.5 },
        Ask(testDescription: "cpuset", feature: .cpuset) { $0.cpuset = "0" },
        Ask(testDescription: "io", feature: .io) {
            $0.io = [IOLimit(kind: .writeBytes, device: nil, perSecond: 1 << 20)]
        },
        Ask(testDescription: "pids", feature: .pids) {
            $0.pids = 64
            $0.pidsAsked = true
        },
    ]

    /// The same machine without controllers in its version 2 tree.
    static func runtime(_ host: TestHost) -> NativeContainerizer {
        var abilities = host.containerizer.host
        let lacking = Ability(
            .unavailable, why: "cgroup version 1 holds the controller on this host",
            remedy: "boot with systemd.unified_cgroup_hierarchy=1 (or cgroup_no_v1=all)")
        for feature in [Feature.memory, .swap, .cpu, .cpuset, .io, .pids] where abilities.groups.kind != .hybrid {
            abilities.features[feature] = lacking
        }
        abilities.groups.controllers = []
        return NativeContainerizer(
            places: host.containerizer.places, launcherPath: TestHost.launcherPath, host: abilities)
    }

    @Test("is refused with the remedy, and nothing is started or left", arguments: asks)
    func refused(ask: Ask) throws {
        let host = try TestHost()
        let runtime = Self.runtime(host)
        let request = host.request(["true"]) { ask.change(&$0.limits) }
        let failure = try #require(throws: Failure.self) {
            try runtime.launch(request, layers: [host.layer], attachment: Attachment())
        }
        #expect(failure.code == "host.cannot-enforce")
        #expect(failure.remedy?.contains("boot with systemd.unified_cgroup_hierarchy=1") == true)
        #expect(failure.remedy?.contains("--allow-unenforced \(ask.feature.rawValue)") == true)
        #expect(failure.field == ask.testDescription)
        #expect(try runtime.list().isEmpty)
        let mount = try #require(runtime.host.groups.mountPoint)
        #expect(!HostFacts.exists("\(mount)/bulkhead/\(request.id.text)"))
    }

    @Test("is gone without when the user accepts that", arguments: asks)
    func accepted(ask: Ask) throws {
        let host = try TestHost()
        let runtime = Self.runtime(host)
        let request = host.request(["sh", "-c", "exit 3"]) {
            ask.change(&$0.limits)
            $0.isolation.allowedUnenforced = [ask.feature.rawValue]
        }
        let running = try runtime.launch(request, layers: [host.layer], attachment: Attachment())
        #expect(try runtime.wait(for: request.id, running: running).code == 3)
    }

    @Test("is refused to a running container too, which keeps what it had")
    func update() throws {
        let host = try TestHost()
        let runtime = Self.runtime(host)
        let request = host.request(["sleep", "600"])
        _ = try runtime.launch(request, layers: [host.layer], attachment: Attachment())
        let failure = try #require(throws: Failure.self) {
            try runtime.update(request.id, limits: ContainerLimits(memory: 64 << 20))
        }
        #expect(failure.code == "host.cannot-enforce")
        #expect(try runtime.status(of: request.id)?.record.request.limits == request.limits)
        try runtime.remove(request.id, force: true)
    }
}
