import AuditFormat
import Auditing
import Testing

@Suite("Rules about hosts and images")
struct HostAndImageRuleTests {
    static let goodSettings: [String: String] = [
        "/proc/sys/kernel/unprivileged_bpf_disabled": "2", "/proc/sys/kernel/kptr_restrict": "1",
        "/proc/sys/kernel/dmesg_restrict": "1", "/proc/sys/vm/unprivileged_userfaultfd": "0",
        "/proc/sys/fs/protected_symlinks": "1", "/proc/sys/fs/protected_hardlinks": "1",
        "/proc/sys/fs/suid_dumpable": "0", "/proc/sys/kernel/randomize_va_space": "2",
        "/proc/sys/kernel/core_pattern": "core.%p", "/proc/sys/fs/protected_fifos": "1",
        "/proc/sys/fs/protected_regular": "2", "/proc/sys/kernel/yama/ptrace_scope": "1",
    ]
    static let features = [
        "user-namespaces", "seccomp", "device-filter", "pids", "memory", "cpu", "idmapped-layers",
    ]

    static var host: HostState {
        HostState(
            subject: Subject(.host, id: "h"), surroundings: HostSurroundings(securityModules: ["apparmor"]),
            settings: goodSettings.sorted { $0.key < $1.key }.map { HostState.Setting($0.key, .seen($0.value)) } + [
                HostState.Setting("/sys/devices/system/cpu/vulnerabilities/mds", .seen("Mitigation: Clear CPU buffers"))
            ],
            places: .seen([HostState.Place("/usr/bin/bulkhead", owner: 0, mode: 0o755, forbidden: 0o022)]),
            walls: features.map { HostState.Wall($0, state: "enforced", why: "") })
    }

    struct PlantedHost: Sendable, CustomTestStringConvertible {
        var id: RuleID
        var plant: @Sendable (inout HostState) -> Void
        var testDescription: String { id.rawValue }
    }

    static let plantedWalls: [PlantedHost] = features.map { feature in
        PlantedHost(id: RuleID(rawValue: "BH-HOST-00\(wallNumbers[feature] ?? 0)")) { host in
            for wall in host.walls.indices where host.walls[wall].feature == feature {
                host.walls[wall].state = "unavailable"
            }
        }
    }

    static let weakSettings: [(String, String, String)] = [
        ("010", "/proc/sys/kernel/unprivileged_bpf_disabled", "0"), ("011", "/proc/sys/kernel/kptr_restrict", "0"),
        ("012", "/proc/sys/kernel/dmesg_restrict", "0"), ("013", "/proc/sys/vm/unprivileged_userfaultfd", "1"),
        ("014", "/proc/sys/fs/protected_symlinks", "0"), ("014", "/proc/sys/fs/protected_hardlinks", "0"),
        ("017", "/proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P"),
        ("018", "/proc/sys/fs/protected_fifos", "0"), ("018", "/proc/sys/fs/protected_regular", "0"),
        ("019", "/proc/sys/kernel/yama/ptrace_scope", "0"), ("015", "/proc/sys/fs/suid_dumpable", "1"),
        ("016", "/proc/sys/kernel/randomize_va_space", "1"),
        ("022", "/sys/devices/system/cpu/vulnerabilities/mds", "Vulnerable: no microcode"),
    ]

    static let plantedSettings: [PlantedHost] = weakSettings.map { number, path, value in
        PlantedHost(id: RuleID(rawValue: "BH-HOST-" + number)) { host in
            for index in host.settings.indices where host.settings[index].path == path {
                host.settings[index].value = .seen(value)
            }
        }
    }

    static let plantedHosts: [PlantedHost] = [
        plantedWalls, plantedSettings,
        [
            PlantedHost(id: "BH-HOST-020") { $0.surroundings.securityModules = ["landlock"] },
            PlantedHost(id: "BH-HOST-020") { $0.surroundings.plantSELinux(.permissive) },
            PlantedHost(id: "BH-HOST-020") { $0.surroundings.plantSELinux(.empty) },
            PlantedHost(id: "BH-HOST-021") { $0.places.edit { $0[0].mode = 0o777 } },
        ],
    ].flatMap { $0 }

    static let wallNumbers = [
        "user-namespaces": 1, "seccomp": 2, "device-filter": 3, "pids": 4, "memory": 5, "cpu": 6, "idmapped-layers": 7,
    ]

    @Test("a good host is clean")
    func cleanHost() {
        for finding in AuditCatalogue.findings(about: Self.host, profile: .standard) {
            #expect(finding.verdict == .pass, "\(finding.id): \(finding.summary)")
        }
    }

    @Test("a file that cannot be read is unknown, also where the other one of its rule is good")
    func hiddenSetting() throws {
        var host = Self.host
        for index in host.settings.indices where host.settings[index].path == "/proc/sys/fs/protected_hardlinks" {
            host.settings[index].value = .hidden("EACCES")
        }
        let finding = AuditCatalogue.findings(about: host, profile: .standard).first { $0.id == "BH-HOST-014" }
        #expect(finding?.verdict == .unknown)
    }

    @Test("what weakens a host is found, and nothing else is", arguments: plantedHosts)
    func plantedHost(_ planted: PlantedHost) {
        var host = Self.host
        planted.plant(&host)
        let found = AuditCatalogue.findings(about: host, profile: .standard).filter { $0.verdict == .finding }
        #expect(found.map(\.id) == [planted.id])
        #expect(found.first?.evidence.isEmpty == false)
    }

    static var image: ImageFacts {
        ImageFacts(
            subject: Subject(.image, id: "sha256:aa", name: "app@sha256:aa"), files: .seen([]), user: "1000",
            secretVariables: [], hasHealthcheck: true, isPinned: true,
            trust: .seen(ImageTrustFacts(isSigned: true, detail: "signed by aa", policy: "p")))
    }

    struct PlantedImage: Sendable, CustomTestStringConvertible {
        var id: RuleID
        var profile: AuditProfile
        var plant: @Sendable (inout ImageFacts) -> Void
        var testDescription: String { id.rawValue }
    }

    static let plantedImages: [PlantedImage] = [
        file("002", .cisDocker5, .setuid), file("003", .cisDocker5, .capability),
        file("008", .cisDocker5, .remoteShell), file("004", .standard, .device),
        file("005", .standard, .worldWritable), file("006", .standard, .secret),
        PlantedImage(id: "BH-IMG-001", profile: .cisDocker5) { $0.user = "root:root" },
        PlantedImage(id: "BH-IMG-007", profile: .standard) { $0.secretVariables = ["API_TOKEN"] },
        PlantedImage(id: "BH-IMG-009", profile: .cisDocker5) { $0.hasHealthcheck = false },
        PlantedImage(id: "BH-IMG-010", profile: .cisDocker5) { $0.isPinned = false },
        PlantedImage(id: "BH-IMG-011", profile: .standard) {
            $0.trust = .seen(ImageTrustFacts(isSigned: false, detail: "nothing", policy: "permissive"))
        },
    ]

    static func file(_ number: String, _ profile: AuditProfile, _ kind: ImageFacts.File.Kind) -> PlantedImage {
        PlantedImage(id: RuleID(rawValue: "BH-IMG-" + number), profile: profile) {
            $0.files = .seen([ImageFacts.File("/x", kind, "mode 4755")])
        }
    }

    @Test("what an image should not have is found, and nothing else is", arguments: plantedImages)
    func plantedImage(_ planted: PlantedImage) {
        var image = Self.image
        #expect(AuditCatalogue.findings(about: image, profile: planted.profile).allSatisfy { $0.verdict == .pass })
        planted.plant(&image)
        let found = AuditCatalogue.findings(about: image, profile: planted.profile).filter { $0.verdict == .finding }
        #expect(found.map(\.id) == [planted.id])
    }

    @Test("every rule about hosts and images has a planted case")
    func complete() {
        let planted = Set(Self.plantedHosts.map(\.id) + Self.plantedImages.map(\.id))
        #expect(Set(AuditCatalogue.host.map(\.rule.id) + AuditCatalogue.image.map(\.rule.id)) == planted)
    }

    @Test("a file nobody could read leaves its rule unknown")
    func unknown() {
        var host = Self.host
        host.settings[0].value = .hidden("EACCES")
        #expect(AuditCatalogue.findings(about: host, profile: .standard).count { $0.verdict == .unknown } == 1)
        var image = Self.image
        image.files = .hidden("EIO")
        #expect(AuditCatalogue.findings(about: image, profile: .standard).contains { $0.verdict == .unknown })
    }
}

@Suite("Drift")
struct DriftTests {
    private func drift(_ change: (inout ContainerFacts) -> Void) throws -> Finding {
        let before = CleanContainer.facts
        var now = before
        change(&now)
        return Drift.finding(
            now, since: before, documents: (try AuditDocument(encoding: before), try AuditDocument(encoding: now)))
    }

    @Test("a container that is as it was has not drifted, also when a process came and went")
    func same() throws {
        let finding = try drift { facts in
            facts.processes.edit { $0.append(CleanContainer.process(150, "cron", CleanContainer.thread)) }
            facts.descriptors.edit { $0.removeAll() }
        }
        #expect(finding.verdict == .pass, "\(finding)")
    }

    @Test("a limit that was lifted is found with what it was")
    func limit() throws {
        let finding = try drift { facts in facts.controlGroup.edit { $0.values["pids.max"] = "max" } }
        #expect(finding.verdict == .finding)
        #expect(finding.evidence.first?.value == "\"max\"" && finding.evidence.first?.declared == "\"1024\"")
    }

    @Test("what programs have not always looked at is no change")
    func later() throws {
        let finding = try drift { facts in
            facts.controlGroup.edit { $0.legacy = [LegacyGroupFacts(path: "/g", values: ["pids.max": "1"])] }
        }
        #expect(finding.verdict == .pass, "\(finding)")
    }

    @Test("a process with other walls than any at the baseline is found")
    func walls() throws {
        let finding = try drift { facts in
            var thread = CleanContainer.thread
            thread.effective |= 1 << 21
            facts.processes.edit { $0.append(CleanContainer.process(150, "x", thread)) }
        }
        #expect(finding.verdict == .finding && finding.evidence.first?.value.contains("CAP_SYS_ADMIN") == true)
    }

    @Test("what could not be seen this time is unknown, not unchanged")
    func hidden() throws {
        let changes: [(inout ContainerFacts) -> Void] = [
            { $0.filters = .hidden("it may not be traced") }, { $0.processes = .hidden("it may not be read") },
            { $0.mounts = .hidden("it may not be read") }, { $0.descriptors = .hidden("it may not be read") },
        ]
        for change in changes {
            let finding = try drift(change)
            #expect(finding.verdict == .unknown && finding.summary.contains("it may not be"), "\(finding)")
        }
        // Nobody has ever seen it, which is said; but a filter that nobody ever saw may be any.
        var before = CleanContainer.facts
        before.published = .hidden("only who made it knows")
        var document = try AuditDocument(encoding: before)
        let ports = Drift.finding(before, since: before, documents: (document, document))
        #expect(ports.verdict == .pass && ports.summary.hasSuffix("neither time was seen: published"), "\(ports)")
        before.filters = .hidden("it may not be traced")
        document = try AuditDocument(encoding: before)
        #expect(Drift.finding(before, since: before, documents: (document, document)).verdict == .unknown)
    }

    @Test("a container that was not there is unknown, not unchanged")
    func missing() throws {
        let document = try AuditDocument(encoding: CleanContainer.facts)
        let finding = Drift.finding(CleanContainer.facts, since: nil, documents: (document, document))
        #expect(finding.verdict == .unknown)
    }
}
