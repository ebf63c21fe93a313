import Containers
import Foundation
import LaunchPlanning
import Testing

@testable import Isolation

@Suite("The plan of a container")
struct PlanTests {
    /// Regenerate with BULKHEAD_WRITE_GOLDENS=1 and read the difference.
    @Test("is what the golden file says", arguments: ["default", "no-init", "host-network", "everything"])
    func golden(_ name: String) throws {
        let context = Fixture.context { request in
            switch name {
            case "no-init": request.isolation.hasInit = false
            case "host-network": request.isolation.network = .host
            case "everything": Self.everything(&request)
            default: break
            }
        }
        let text = try ContainerPlan.build(context).explain() + "\n"
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens/\(name).txt")
        if ProcessInfo.processInfo.environment["BULKHEAD_WRITE_GOLDENS"] != nil {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(text == (try String(contentsOf: file, encoding: .utf8)))
    }

    static func everything(_ request: inout ContainerRequest) {
        request.volumes = [
            VolumeRequest(source: "/srv/b", target: "/data/inner"),
            VolumeRequest(source: "/srv/a", target: "/data", readOnly: true, noExecute: true, mapped: false),
            VolumeRequest(source: "/srv/file", target: "/etc/resolv.conf", isFile: true),
        ]
        request.temporaryFilesystems = [TemporaryFilesystem(target: "/tmp", bytesMax: 1 << 20)]
        request.process.terminal = TerminalRequest(rows: 24, columns: 80)
        request.process.uid = 1_000
        request.process.gid = 1_000
        request.process.groups = [10]
        request.isolation.readOnlyRoot = true
        request.isolation.procView = .processes
        request.isolation.seccomp = .unconfined
        request.isolation.noNewPrivileges = true
        request.isolation.sysctls = ["net.ipv4.ip_forward": "1", "kernel.sem": "1 2 3 4"]
        request.isolation.domainname = "example"
        request.isolation.oomScore = 100
        request.isolation.resourceLimits = [NamedLimit(name: "nofile", soft: 10, hard: nil)]
        request.isolation.devices = [
            DeviceRequest(path: "/dev/net/tun", kind: "c", major: 10, minor: 200, access: "rw")
        ]
    }

    @Test("counters of heat are masked with the temperatures, where a host has them, and left with them")
    func heat() throws {
        var host = Fixture.host()
        let counters = "/sys/devices/system/cpu/cpu3/thermal_throttle"
        #expect(try !ContainerPlan.build(Fixture.context(host: host)).explain().contains("thermal_throttle"))
        host.throttleCounters = [0, 3]
        #expect(try ContainerPlan.build(Fixture.context(host: host)).explain().contains("mask \(counters)"))
        let open = Fixture.context(host: host) { $0.isolation.maskedPaths = [] }
        #expect(try !ContainerPlan.build(open).explain().contains("thermal_throttle"))
    }

    @Test("the same request gives the same plan")
    func deterministic() throws {
        let first = try ContainerPlan.build(Fixture.context(Self.everything))
        for _ in 0..<20 { #expect(try ContainerPlan.build(Fixture.context(Self.everything)) == first) }
    }

    @Test("a volume inside another one is mounted after it")
    func nestedVolumes() throws {
        let plan = try ContainerPlan.build(Fixture.context(Self.everything))
        let targets = plan.steps.compactMap { planned -> String? in
            if case .attach(let tree, let target, _, _) = planned.step, tree.text.hasPrefix("volume:") { return target }
            return nil
        }
        #expect(targets == ["/data", "/data/inner", "/etc/resolv.conf"])
    }

    @Test("an exec has the same credentials, privileges and filter as the container")
    func exec() throws {
        let context = Fixture.context()
        let container = try ContainerPlan.build(context)
        let exec = try ExecPlan.build(context, joining: 42)
        for stage in [Stage.credentials, .noNewPrivileges, .filter, .resources] {
            #expect(
                container.steps.filter { $0.stage == stage }.map(\.step)
                    == exec.steps.filter { $0.stage == stage }.map(\.step))
        }
        #expect(exec.spawn.namespaces == [])
    }

    @Test("a share of the processors becomes microseconds in each tenth of a second")
    func quota() {
        #expect(GroupSettings.quota(0.001) == 1_000)
        #expect(GroupSettings.quota(2) == 200_000)
    }
}
