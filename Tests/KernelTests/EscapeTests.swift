import Containers
import LinuxKernel
import NativeContainerizer
import ProbeFormat
import SeccompFormat
import Testing

/// Every way out the probe knows, judged by the product's own catalogue (security facts, section 1.4).
@Suite("A container cannot get out", .serialized)
struct EscapeTests {
    private static let checksMin = 650

    @Test("the list of rules has every attempt of the probe, and no other")
    func listed() throws {
        let host = try TestHost.withProbe()
        let tried = Set(try host.probe().verdicts.map { "BH-PRB-\($0.check.name)" })
        let listed = Set(EscapeCatalogue.rules.map(\.id.rawValue)).subtracting(["BH-PRB-control"])
        #expect(tried.subtracting(listed) == [] && listed.subtracting(tried) == [])
    }

    private func expectBlocked(_ result: EscapeResult, _ place: String) {
        #expect(result.verdicts.count >= Self.checksMin)
        #expect(result.needsRefused.isEmpty, "\(place): \(result.needsRefused)")
        for verdict in result.open + result.unknown {
            Issue.record("\(place): \(verdict.check.name) is \(verdict.outcome.name): \(verdict.mechanism)")
        }
    }

    @Test("neither root nor another user inside can", arguments: [UInt32(0), 1_000])
    func start(_ user: UInt32) throws {
        let host = try TestHost.withProbe()
        expectBlocked(try host.probe { ($0.process.uid, $0.process.gid) = (user, user) }, "start as user \(user)")
    }

    @Test("nor can a command that joins, also after the runtime was started again")
    func exec() throws {
        let host = try TestHost.withProbe()
        let record = try host.detached([Probe.program, "hold"]).record
        expectBlocked(try host.probe(in: record.request, by: host.containerizer), "exec")
        let restarted = NativeContainerizer(
            places: host.places, launcherPath: TestHost.launcherPath, host: host.containerizer.host)
        expectBlocked(try host.probe(in: record.request, by: restarted), "exec after a restart")
    }

    @Test("nor can a member of a pod")
    func pod() throws {
        let host = try TestHost.withProbe()
        let holder = try host.detached([Probe.program, "hold"]).record.request.id
        expectBlocked(try host.probe { $0.isolation.network = .container(holder) }, "pod")
    }

    @Test("nor under the strict profile, with processes only in /proc, and without our init")
    func variants() throws {
        let host = try TestHost.withProbe()
        let result = try host.probe {
            $0.isolation.seccomp = .strict
            $0.isolation.procView = .processes
            $0.isolation.readOnlyRoot = true
            $0.temporaryFilesystems = [TemporaryFilesystem(target: "/tmp", execute: true)]
        }
        #expect(result.open.isEmpty, "\(result.open.map(\.check.name))")
    }

    @Test("a deliberately weak container can, so the test can fail")
    func control() throws {
        let host = try TestHost.withProbe()
        let result = try host.probe {
            $0.isolation.capabilities = (1 << 41) - 1
            $0.isolation.noNewPrivileges = false
            $0.isolation.seccomp = .unconfined
            $0.isolation.appArmor = .unconfined
            $0.isolation.maskedPaths = []
            $0.isolation.readOnlyPaths = []
            // Which nobody inside reaches, whatever he holds: the first process is one of the attempts' own then.
            $0.isolation.hasInit = false
        }
        #expect(result.missedByControl == [])
        #expect(result.verdicts.count { $0.check.opensInControl } >= 100)
        #expect(result.open.count >= 150)
        // Even without any wall of ours the host's own root stays out of reach.
        let never: Set = [
            "mapped-to-host-root", "above-openat", "clock-settime", "write-core-pattern", "dev-mem", "kernel-threads",
        ]
        #expect(result.open.map(\.check.name).filter(never.contains) == [])
    }

    @Test("one wall taken down opens what it held up, and is seen")
    func oneWall() throws {
        let host = try TestHost.withProbe()
        let unmasked = try host.probe { $0.isolation.maskedPaths = [] }
        #expect(unmasked.open.map(\.check.name).contains("list-kernel"))
        #expect(!unmasked.open.map(\.check.name).contains("unshare-user"))
        let raw = try host.probe { $0.isolation.capabilities |= 1 << 13 }
        #expect(raw.open.map(\.check.name).contains("raw-icmp"))
        #expect(!raw.open.map(\.check.name).contains("list-kernel"))
    }

    @Test("each refusal is told with the wall that made it")
    func walls() throws {
        let host = try TestHost.withProbe()
        let result = try host.probe()
        func wall(_ name: String) -> EscapeOutcome? { result.verdicts.first { $0.check.name == name }?.outcome }
        for name in [
            "mount-tmpfs", "unshare-user", "clone3", "bpf", "i386-getpid", "x32-getpid", "socket-alg-high-bits",
        ] {
            #expect(wall(name) == .blocked(.seccomp), "\(name)")
        }
        #expect(wall("write-core-pattern") == .blocked(.userNamespace))
        #expect(wall("write-kernel-shmmax") == .blocked(.readOnlyMount))
        // Where AppArmor is, it refuses what is masked before the mask is seen.
        let hasAppArmor = HostFacts.exists("/sys/module/apparmor/parameters/enabled")
        let hidden: [EscapeWall] = hasAppArmor ? [.mask, .userNamespace] : [.mask]
        #expect(hidden.map { EscapeOutcome.blocked($0) }.contains { $0 == wall("read-kallsyms") })
        #expect(wall("smuggled-null") == .blocked(.noDeviceMount))
        #expect(wall("raw-icmp") == .blocked(.capability))
        #expect(wall("dev-mem") == .blocked(.absent))
        #expect(wall("above-root") == .blocked(.root))
        #expect(wall("clear-no-new-privs") == .blocked(.noNewPrivileges))
    }

    @Test("another user cannot become root again, with a setuid program or without")
    func setuid() throws {
        let host = try TestHost.withProbe()
        let root = try OwnedDescriptor.open(RawPath(host.layer), [.directory])
        try root.changeMode(of: "bin/bulkhead-probe", 0o6755)
        let outcome = try host.run([Probe.program, "setuid-root"]) { ($0.process.uid, $0.process.gid) = (1_000, 1_000) }
        #expect(try ProbeOutput(outcome.output).answers.map(\.result) == [.errno(1)])
        let nowhere = try host.shell("grep -E '^(Uid|Gid|CapEff|CapPrm):' /proc/self/status") {
            $0.process.uid = 1_000
            $0.process.gid = 1_000
        }
        #expect(nowhere.output.contains("Uid:\t1000\t1000\t1000\t1000"))
        #expect(nowhere.output.contains("CapEff:\t0000000000000000"))
    }
}
