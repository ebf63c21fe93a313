import AuditFormat
import Auditing
import Testing

@Suite("Rules about containers")
struct ContainerRuleTests {
    private func findings(_ facts: ContainerFacts, _ profile: AuditProfile) -> [Finding] {
        AuditCatalogue.findings(about: facts, profile: profile)
    }

    @Test("the default container is clean")
    func clean() {
        let findings = findings(CleanContainer.facts, .standard)
        #expect(findings.count > 40)
        for finding in findings {
            #expect([.pass, .notApplicable].contains(finding.verdict), "\(finding.id): \(finding.summary)")
        }
    }

    @Test("a misconfiguration is found with its evidence, and nothing else is", arguments: PlantedContainer.all)
    func planted(_ planted: PlantedContainer) throws {
        // What a profile finds of the clean container too is none of this misconfiguration's doing.
        let before = Set(findings(CleanContainer.facts, planted.profile).filter { $0.verdict == .finding }.map(\.id))
        var facts = CleanContainer.facts
        planted.plant(&facts)
        let found = findings(facts, planted.profile).filter { $0.verdict == .finding }
        let finding = try #require(found.first { $0.id == planted.id }, "found \(found.map(\.id))")
        let evidence = try #require(finding.evidence.first)
        #expect(evidence.value.contains(planted.value), "\(evidence.value)")
        #expect(!evidence.source.isEmpty)
        let others = Set(found.map(\.id)).subtracting(before).subtracting(planted.along).subtracting([planted.id])
        #expect(others.isEmpty, "also found \(others.sorted())")
    }

    @Test(
        "a directory made for the container is no path of the host, unless it shows another than was declared",
        arguments: [("/srv/run/sandbox", Verdict.pass), ("/srv/run", .finding)])
    func ownVolume(_ shown: String, _ verdict: Verdict) throws {
        var facts = CleanContainer.facts
        facts.declared?.volumes["/mnt/sandbox"] = "/srv/run/sandbox"
        facts.declared?.ownVolumes = ["/mnt/sandbox"]
        facts.mounts.edit {
            $0.append(
                MountFacts(
                    id: 60, parent: 10, device: "8:1", root: shown, target: "/mnt/sandbox",
                    options: ["rw", "nosuid", "nodev"], type: "ext4", hostPath: shown))
        }
        let found = findings(facts, .podBaseline)
        #expect(found.first { $0.id == "BH-CON-074" }?.verdict == verdict)
    }

    @Test("every rule about containers has a planted misconfiguration")
    func complete() {
        let planted = Set(PlantedContainer.all.map(\.id))
        for rule in AuditCatalogue.container.map(\.rule) {
            #expect(planted.contains(rule.id), "\(rule.id) \(rule.title)")
        }
    }

    @Test("what could not be observed is unknown, never a pass", arguments: AuditProfile.allCases)
    func unknown(_ profile: AuditProfile) {
        var facts = ContainerFacts(subject: CleanContainer.facts.subject, host: CleanContainer.facts.host)
        facts.declared = CleanContainer.facts.declared
        for finding in findings(facts, profile) {
            #expect(
                finding.verdict != .pass && finding.verdict != .finding
                    || ["BH-CON-141", "BH-CON-142"].contains(finding.id), "\(finding)")
        }
        #expect(findings(facts, profile).contains { $0.verdict == .unknown })
    }

    @Test("what nobody could compare with the host's is unknown, never its own", arguments: CleanContainer.namespaces)
    func hiddenHost(_ kind: String) {
        var facts = CleanContainer.facts
        facts.namespaces.edit { spaces in
            for index in spaces.indices where spaces[index].kind == kind { spaces[index].hostInode = nil }
        }
        let unknown = Set(findings(facts, .standard).filter { $0.verdict == .unknown }.map(\.id))
        let order = ["pid", "net", "ipc", "uts", "mnt", "cgroup", "user", "time"]
        let own = RuleID(rawValue: "BH-CON-00\((order.firstIndex(of: kind) ?? 0) + 1)")
        #expect(unknown.isSuperset(of: [own, "BH-CON-010", "BH-CON-012"]), "\(unknown.sorted())")
    }

    @Test("a keyring that nobody can tell is unknown, and one that no call reaches is good")
    func keyrings() {
        var facts = CleanContainer.facts
        facts.hasOwnKeyring = nil
        func verdict() -> Verdict? { findings(facts, .standard).first { $0.id == "BH-CON-029" }?.verdict }
        #expect(verdict() == .pass)
        facts.filters.edit { $0[0].dangerous = ["request_key"] }
        #expect(verdict() == .unknown)
        facts.editThread { $0.seccompMode = 0 }
        #expect(verdict() == .unknown)
        facts.shareWithHost("user")
        #expect(verdict() == .finding)
    }

    @Test("a local socket to a container that was named is no finding")
    func namedPeer() {
        var facts = CleanContainer.facts
        facts.outsidePeers = .seen([
            OutsidePeerFacts(process: 102, descriptor: "3", name: "@x", peerProcess: 900, peerOwner: "c2")
        ])
        func verdict() -> Verdict? { findings(facts, .standard).first { $0.id == "BH-CON-123" }?.verdict }
        #expect(verdict() == .finding)
        facts.declared?.sharesWith = ["c2"]
        #expect(verdict() == .pass)
    }

    @Test("what other runtimes cover paths with is no volume: their own null device, memory nobody can write")
    func covers() {
        var facts = CleanContainer.facts
        // The null device is that of the container's own /dev.
        func cover(_ target: String, root: String, _ option: String) -> MountFacts {
            MountFacts(
                id: 60, parent: 11, device: root == "/" ? "0:45" : "0:44", root: root, target: target,
                options: [option], type: "tmpfs")
        }
        facts.addMount(
            MountFacts(id: 61, parent: 10, device: "0:44", target: "/dev", options: ["rw", "nosuid"], type: "tmpfs"))
        facts.addMount(cover("/proc/timer_list", root: "/null", "rw"))
        facts.addMount(cover("/sys/firmware", root: "/", "ro"))
        // Ours is of a file system that is mounted nowhere, as secrets are.
        facts.addMount(
            MountFacts(
                id: 62, parent: 11, device: "0:46", root: "/null", target: "/proc/keys",
                options: ["ro", "nosuid", "noexec"], type: "tmpfs"))
        for profile in [AuditProfile.standard, .podBaseline] {
            let found = findings(facts, profile).filter { $0.verdict == .finding }.map(\.id)
            #expect(found.isEmpty, "\(found)")
        }
    }

    @Test("a listener that was asked for and is there is good, and one that could not be looked for is unknown")
    func listener() {
        var facts = CleanContainer.facts
        func verdict() -> Verdict? { findings(facts, .standard).first { $0.id == "BH-CON-044" }?.verdict }
        #expect(verdict() == .pass)
        facts.declared?.emulated = ["mknod"]
        facts.filters.edit { $0[0].handed = ["native call 133"] }
        facts.emulators = .seen([7])
        #expect(verdict() == .unknown)
        facts.callHolders = .hidden("/proc/7/fd cannot be read")
        #expect(verdict() == .unknown)
        facts.callHolders = .seen([CallHolderFacts(process: 7, name: "answers", descriptor: "5", isInside: false)])
        #expect(verdict() == .pass)
        facts.emulators = .hidden("its file cannot be read")
        #expect(verdict() == .unknown)
        facts.emulators = nil
        #expect(verdict() == .finding)
        facts.declared = nil
        #expect(verdict() == .pass)
        facts.filters = .hidden("its threads cannot be read")
        #expect(verdict() == .unknown)
    }

    @Test("a finding that the user asked for names the flag")
    func overrides() {
        var facts = CleanContainer.facts
        facts.shareWithHost("net")
        facts.declared?.network = "host"
        let finding = findings(facts, .standard).first { $0.id == "BH-CON-002" }
        #expect(finding?.override == "--network host")
        facts.declared?.network = "none"
        #expect(findings(facts, .standard).first { $0.id == "BH-CON-002" }?.override == nil)
    }

    @Test("ids are unique, and every rule says what to do and what may come of it")
    func catalogue() {
        let rules = AuditCatalogue.rules
        #expect(Set(rules.map(\.id)).count == rules.count)
        for rule in rules {
            #expect(!rule.title.hasSuffix(".") && !rule.risk.isEmpty && !rule.remedy.isEmpty && !rule.profiles.isEmpty)
            #expect(rule.id.rawValue.contains(/^BH-(CON|HOST|IMG|DRIFT|CLU)-[0-9]{3}$/), "\(rule.id)")
            #expect(!rule.mappings.text.isEmpty, "\(rule.id) is in nobody else's catalogue")
        }
    }

    @Test("every number of the CIS benchmark's section 5 has a rule, or a reason in Docs/Reference/Audit.md")
    func benchmark() {
        let notAsked: Set = ["5.1", "5.15", "5.30"]
        let asked = Set(AuditCatalogue.rules.flatMap(\.mappings.cisDocker))
        for number in 1...32 {
            #expect(asked.contains("5.\(number)") != notAsked.contains("5.\(number)"), "5.\(number)")
        }
    }

    @Test("facts cross JSON unchanged")
    func coding() throws {
        let document = try AuditDocument(encoding: CleanContainer.facts)
        #expect(try document.decoded(as: ContainerFacts.self) == CleanContainer.facts)
    }
}
