import Containers
import Diagnostics
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

    @Test("mounts below others come after them, whatever they are, and no mount of ours is hidden by a user's")
    func nestedMounts() throws {
        let plan = try ContainerPlan.build(
            Fixture.context {
                $0.volumes = [
                    VolumeRequest(source: "/srv/keep", target: "/data/./keep"),
                    VolumeRequest(source: "/srv/conf", target: "/run//conf", isFile: true),
                    VolumeRequest(source: "/srv/hosts", target: "/etc/./hosts", isFile: true),
                ]
                $0.temporaryFilesystems = ["/data/keep/in/", "/tmp/a", "/tmp", "/run", "/data", "/etc"].map {
                    TemporaryFilesystem(target: $0)
                }
            })
        let targets = plan.steps.filter { $0.stage == .volumes }.compactMap { planned -> String? in
            switch planned.step {
            case .attach(_, let target, _, _), .mount(_, let target, _, _, _): target
            default: nil
            }
        }
        #expect(
            targets == [
                "/tmp", "/run", "/data", "/etc", "/data/./keep", "/run//conf", "/etc/./hosts", "/tmp/a",
                "/data/keep/in/", "/etc/hostname", "/etc/resolv.conf",
            ])
    }

    @Test("a file system in memory that is to be read-only is so from the start, or when all below it is mounted")
    func readOnlyAbove() throws {
        let targets = ["/data", "/data/in", "/run/", "/etc", "/database"]
        let plan = try ContainerPlan.build(
            Fixture.context {
                $0.volumes = [VolumeRequest(source: "/srv/keep", target: "/data/./keep")]
                $0.secrets = [
                    SecretRequest(name: "key", source: .inline, target: "/run/key", value: SecretValue([1]))
                ]
                $0.temporaryFilesystems = targets.map { TemporaryFilesystem(target: $0, readOnly: true) }
                $0.temporaryFilesystems.append(TemporaryFilesystem(target: "/w"))
            })
        let early = plan.steps.compactMap { planned -> String? in
            guard case .mount("tmpfs", let target, let attributes, _, _) = planned.step, planned.stage == .volumes,
                attributes.contains(.readOnly)
            else { return nil }
            return target
        }
        #expect(early == ["/database", "/data/in"])
        let late = plan.steps.filter { $0.stage == .paths && $0.isolator == "volumes" }.map(\.step)
        let wanted = ["/data", "/run/", "/etc"].map {
            Step.setAttributes($0, set: .readOnly, clear: [], recursive: false)
        }
        #expect(late == wanted)
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
