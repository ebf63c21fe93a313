import AuditFormat
import AuditTrail
import Auditing
import Containers
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer
import Observation
import Testing

/// The audit against the kernel: what containers really are, not facts somebody wrote down.
@Suite("The isolation audit", .serialized)
struct AuditTests {
    private let host: TestHost

    init() throws { host = try TestHost() }

    private func facts(
        of id: ContainerID, _ change: (inout ObservationTarget) -> Void = { _ in }
    ) throws -> ContainerFacts {
        let all = try host.containerizer.list()
        let status = try #require(all.first { $0.record.request.id == id })
        var target = try DeclaredContainer.target(
            status, among: all.map(\.record), of: host.containerizer, in: try ProcessTable.read(),
            launcher: TestHost.launcherPath)
        change(&target)
        return try observer().observe(target)
    }

    private func observer() throws -> ContainerObserver {
        try ContainerObserver(table: try ProcessTable.read(), host: HostProbe.abilities())
    }

    private func found(_ facts: ContainerFacts) -> [Finding] {
        AuditCatalogue.findings(about: facts, profile: .standard).filter { $0.verdict != .pass }
            .filter { $0.verdict != .notApplicable }
    }

    private func sleeping(_ change: (inout ContainerRequest) -> Void = { _ in }) throws -> ContainerID {
        let request = host.request(["/bin/sleep", "600"], change)
        _ = try host.containerizer.launch(request, layers: [host.layer], attachment: Attachment())
        return request.id
    }

    @Test("the default container is clean, and everything about it could be observed")
    func clean() throws {
        let id = try sleeping()
        let facts = try facts(of: id)
        #expect(found(facts).isEmpty, "\(found(facts).map { ($0.id, $0.verdict, $0.summary) })")
        #expect(facts.processes.value?.count == 2)
    }

    @Test("it is clean while somebody is inside, and without an init")
    func cleanWithExec() throws {
        let id = try sleeping { $0.isolation.hasInit = false }
        let output = try OwnedDescriptor.pipe()
        let error = try OwnedDescriptor.pipe()
        let joined = try host.containerizer.exec(
            id, ProcessRequest(arguments: ["/bin/sleep", "600"], environment: ["PATH=/bin"]),
            attachment: Attachment(streams: [1: output.write, 2: error.write]))
        let facts = try facts(of: id)
        #expect(found(facts).isEmpty, "\(found(facts).map { ($0.id, $0.verdict, $0.summary, $0.evidence) })")
        try joined.send(9)
        _ = try joined.wait()
    }

    @Test("the filters in the kernel are, byte for byte and call for call, those that were planned")
    func filters() throws {
        let id = try sleeping()
        let filters = try #require(try facts(of: id).filters.value)
        #expect(filters.count == 2 && filters.count { $0.isInit } == 1)
        for filter in filters {
            #expect(filter.differences == [] && filter.compared == 3 * 1_024)
            #expect((filter.allowed["native"] ?? 0) > 10)
            #expect(filter.allowed["i386"] == nil && filter.allowed["x32"] == nil)
        }
        // A plan that differs by one answer is told apart.
        let changed = try facts(of: id) { target in
            // The last instruction is one of the answers, and its operand says which: none of ours kills a thread.
            guard let count = target.plannedFilter?.count else { return }
            target.plannedFilter?.replaceSubrange((count - 4)..., with: [0, 0, 0, 0])
        }
        #expect(found(changed).map(\.id) == ["BH-CON-041"])
    }

    struct Planted: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var ids: [RuleID]
        var change: @Sendable (inout ContainerRequest) -> Void
        init(_ name: String, _ ids: [RuleID], _ change: @escaping @Sendable (inout ContainerRequest) -> Void) {
            testDescription = name
            self.ids = ids
            self.change = change
        }
    }

    static let weaker: [Planted] = [
        Planted("the host's network", ["BH-CON-002"]) { $0.isolation.network = .host },
        Planted("a capability", ["BH-CON-020"]) { $0.isolation.capabilities |= 1 << 13 },
        Planted("a capability that opens calls", ["BH-CON-020", "BH-CON-042"]) {
            $0.isolation.capabilities |= 1 << 25
        },
        Planted("no filter", ["BH-CON-040"]) { $0.isolation.seccomp = .unconfined },
        Planted("new privileges", ["BH-CON-023", "BH-CON-040"]) {
            $0.isolation.seccomp = .unconfined
            $0.isolation.noNewPrivileges = false
        },
        Planted("nothing masked", ["BH-CON-067", "BH-CON-073"]) { $0.isolation.maskedPaths = [] },
        Planted("nothing read-only", ["BH-CON-068"]) { $0.isolation.readOnlyPaths = [] },
        Planted("a device", ["BH-CON-080"]) {
            $0.isolation.devices = [
                DeviceRequest(path: "/dev/kmsg", kind: "c", major: 1, minor: 11, access: "rw")
            ]
            $0.isolation.allowedDevices = ["/dev/kmsg"]
        },
        Planted("a directory of the host", ["BH-CON-060"]) {
            $0.volumes = [VolumeRequest(source: "/usr", target: "/data", readOnly: true, mapped: false)]
        },
        Planted("core dumps", ["BH-CON-096"]) {
            $0.isolation.resourceLimits = [NamedLimit(name: "core", soft: 4_096, hard: 4_096)]
        },
    ]

    @Test("what was asked for is found, with the flag that asks for it, and nothing else is", arguments: weaker)
    func planted(_ planted: Planted) throws {
        let found = found(try facts(of: try sleeping(planted.change)))
        #expect(found.map(\.id) == planted.ids, "\(found.map { ($0.id, $0.summary, $0.evidence) })")
        for finding in found { #expect(finding.override != nil && !finding.evidence.isEmpty, "\(finding.id)") }
    }

    @Test("a local socket whose other end a process of the host holds is found, with who holds it")
    func outsidePeer() throws {
        let (outside, inside) = try OwnedDescriptor.packetPair()
        let request = host.request(["/bin/sleep", "600"]) { $0.process.interactive = true }
        _ = try host.containerizer.launch(request, layers: [host.layer], attachment: Attachment(streams: [0: inside]))
        let findings = found(try withExtendedLifetime(outside) { try facts(of: request.id) })
        #expect(findings.map(\.id) == ["BH-CON-123"], "\(findings.map { ($0.id, $0.summary) })")
        let evidence = try #require(findings.first?.evidence.first)
        #expect(evidence.value.contains("process \(HostFacts.processID())"), "\(evidence)")
        #expect(evidence.source.hasSuffix("/fd/0"), "\(evidence)")
    }

    @Test("two containers that share a network because one asked for it are clean")
    func sharing() throws {
        let first = try sleeping()
        let second = try sleeping { $0.isolation.network = .container(first) }
        for id in [first, second] {
            let found = found(try facts(of: id))
            #expect(found.isEmpty, "\(found.map { ($0.id, $0.summary, $0.evidence) })")
        }
    }

    /// A process of the host, prepared by util-linux.
    private func audited(_ words: [String]) throws -> [RuleID] {
        let process = try ToolProcess.start(
            "/usr/bin/unshare", words, environment: ["PATH=/usr/bin:/bin"], descriptors: [])
        defer {
            do {
                try process.signal(9)
                _ = try process.reap()
            } catch { Issue.record("\(error)") }
        }
        try Deadline(seconds: 120).wait("sleep to run") {
            do { return try TextFile.read("/proc/\(process.id)/comm").hasPrefix("sleep") } catch { return false }
        }
        let target = ForeignContainer.target(process: process.id, in: try ProcessTable.read())
        return found(try observer().observe(target)).map(\.id)
    }

    @Test("a process of the host has none of the walls, and each is missed by its name")
    func plainProcess() throws {
        // These tests may have mounts of their own; the process shall have the host's.
        let table = try ProcessTable.read()
        let mounts = try #require(table.host["mnt"])
        let inside = try #require(table.rows.first { $0.namespaces["mnt"] == mounts })
        let enter = ["--uts", "/usr/bin/nsenter", "--mount=/proc/\(inside.id)/ns/mnt", "/bin/sleep", "600"]
        let ids = Set(try audited(enter))
        let missed: Set<RuleID> = [
            "BH-CON-001", "BH-CON-002", "BH-CON-003", "BH-CON-005", "BH-CON-006", "BH-CON-007", "BH-CON-008",
            "BH-CON-020", "BH-CON-023", "BH-CON-040",
        ]
        #expect(missed.isSubset(of: ids), "found \(ids.sorted())")
        #expect(!ids.contains("BH-CON-004"))
    }

    @Test(
        "a namespace that a process left is not missed", arguments: [("--net", "BH-CON-002"), ("--ipc", "BH-CON-003")])
    func oneNamespace(_ flag: String, _ id: String) throws {
        #expect(try !audited([flag, "/bin/sleep", "600"]).contains(RuleID(rawValue: id)))
    }

    @Test("an open directory of the host is a leak")
    func leak() throws {
        let shell = "exec 7</etc; exec /usr/bin/unshare --mount /bin/sleep 600"
        let ids = try audited(["--uts", "/bin/sh", "-c", shell])
        #expect(ids.contains("BH-CON-110") && !ids.contains("BH-CON-005"), "found \(ids)")
    }

    @Test("a process that has ended leaves every rule unknown, not passed")
    func ended() throws {
        let id = try sleeping()
        let all = try host.containerizer.list()
        let status = try #require(all.first { $0.record.request.id == id })
        let target = try DeclaredContainer.target(
            status, among: [], of: host.containerizer, in: try ProcessTable.read(), launcher: TestHost.launcherPath)
        let observer = try observer()
        try host.containerizer.remove(id, force: true)
        let findings = AuditCatalogue.findings(about: observer.observe(target), profile: .standard)
        let passed = findings.filter { $0.verdict == .pass }.map(\.id)
        #expect(passed.isEmpty && findings.contains { $0.verdict == .unknown }, "passed \(passed)")
    }

    @Test("calls that were to be answered are, until the emulator is gone, and nobody else may listen")
    func emulated() throws {
        let id = try sleeping { $0.isolation.emulated = [.mknod] }
        #expect(found(try facts(of: id)).isEmpty)
        let unasked = found(try facts(of: id) { $0.emulators = nil })
        #expect(unasked.map(\.id) == ["BH-CON-044"])
        #expect(unasked.first?.evidence.contains { $0.value.hasSuffix("listens, outside") } == true, "\(unasked)")
        let process = try ProcessHandle.open(try #require(try host.containerizer.emulator(of: id)))
        try process.signal(9)
        #expect(try process.waitForEnd(milliseconds: 60_000))
        let finding = try #require(found(try facts(of: id)).first)
        #expect(finding.id == "BH-CON-044" && finding.summary.contains("has ended"))
    }

    @Test("launches, execs and refusals are in the log, with what was overridden and without what may be secret")
    func log() throws {
        let id = try sleeping {
            $0.isolation.network = .host
            $0.isolation.emulated = [.sysinfo]
            $0.process.environment.append("TOKEN=hidden")
        }
        _ = try host.exec(id, ["/bin/echo", "hidden"])
        #expect(throws: Failure.self) {
            try sleeping { $0.volumes = [VolumeRequest(source: "/proc", target: "/data")] }
        }
        let log = AuditLog(directory: host.places.auditLog)
        let result = try log.verify()
        #expect(result.fault == nil && result.entries == 3)
        let text = try TextFile.read(host.places.auditLog + "/log")
        let events = text.split(separator: "\n").compactMap { AuditLogEntry(line: Array($0.utf8)) }
        #expect(events.map(\.event) == ["launch", "exec", "refusal"])
        #expect(events.first?.details["overrides"] == "--network host, --emulate sysinfo")
        #expect(events.last?.details["code"] == "volume.refused-source")
        #expect(!text.contains("hidden"))
    }

    @Test("an exec that is repeated is counted, and one of another program or user is not taken for it")
    func repeatedExecs() throws {
        let id = try sleeping()
        for _ in 0..<3 { _ = try host.exec(id, ["true"]) }
        _ = try host.exec(id, ["echo"])
        _ = try host.exec(id, ["true"]) { $0.uid = 7 }
        let log = AuditLog(directory: host.places.auditLog)
        let execs = try #require(try log.entries(about: id.text)).filter { $0.event == "exec" }
        #expect(execs.map { $0.details["program"]?.text } == ["true", "echo", "true"])
        #expect(execs.map { $0.details["user"]?.text } == ["0:0", "0:0", "7:0"])
    }
}
