import AuditFormat
import Auditing
import Containers
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer
import Observation
import Testing

/// SELinux with the policy of Tests/VirtualMachine/selinux: Tests/run boots a VM of its own for these, since a kernel
/// has AppArmor or SELinux. One after another, as one of them has the host enforce nothing for a moment.
@Suite("SELinux", .serialized)
struct ContainerSELinuxTests {
    static let task = "system_u:system_r:container_t:s0:c1,c2"
    static let files = "system_u:object_r:container_file_t:s0:c1,c2"
    private let host: TestHost

    init() throws {
        try #require(SELinux.state() == .enforcing)
        host = try TestHost()
    }

    /// Both labels, not as the kernel writes them.
    private func labelled(_ request: inout ContainerRequest) {
        request.isolation.securityLabel = "system_u:system_r:container_t:s0:c2,c1"
        request.isolation.mountLabel = "system_u:object_r:container_file_t:s0:c2,c1"
    }

    private func label(of process: Int32) throws -> String {
        try TextFile.read("/proc/\(process)/attr/current").filter { $0 != "\0" && !$0.isWhitespace }
    }

    // MARK: Processes

    @Test("the task runs under the label, as do all who join it, also from another program; init and we do not")
    func processes() throws {
        let (id, group, running) = try host.started("sleep 600 & sleep 601", labelled)
        try Deadline(seconds: 120).wait("the task") { group.processes().count >= 3 }
        for process in group.processes() {
            let seen = try label(of: process)
            #expect(process == running.process.id ? seen.contains(":host_t:") : seen == Self.task, "\(seen)")
        }
        let other = NativeContainerizer(
            places: host.places, launcherPath: TestHost.launcherPath, host: HostProbe.abilities(store: host.scratch))
        for containerizer in [host.containerizer, other] {
            let inside = try host.exec(id, ["cat", "/proc/self/attr/current"], by: containerizer)
            #expect(inside.output.hasPrefix(Self.task) && inside.code == 0, "\(inside)")
        }
        let status = try #require(try other.list().first)
        #expect(status.record.request.isolation.securityLabel == Self.task)
    }

    @Test("containers that share a network have a label each")
    func pods() throws {
        let first = try host.started("sleep 600", labelled)
        let second = try host.started("sleep 600") {
            $0.isolation.network = .container(first.id)
            $0.isolation.securityLabel = "system_u:system_r:container_t:s0:c3"
            $0.isolation.mountLabel = "system_u:object_r:container_file_t:s0:c3"
        }
        #expect(try host.exec(first.id, ["cat", "/proc/self/attr/current"]).output.hasPrefix(Self.task))
        let seen = try host.exec(second.id, ["cat", "/proc/self/attr/current"])
        #expect(seen.output.hasPrefix("system_u:system_r:container_t:s0:c3"), "\(seen)")
    }

    @Test("the task can use its own keyring, which is made under its label")
    func keyring() throws {
        let outcome = try host.shell("cat /proc/keys") {
            labelled(&$0)
            $0.isolation.maskedPaths = []
        }
        #expect(outcome.output.contains("_ses"), "\(outcome)")
    }

    // MARK: Files

    @Test("every file system made for the container has its label, by the kernel's own answer")
    func mounts() throws {
        let (id, _, running) = try host.started("echo x > /root/new; sleep 600") {
            labelled(&$0)
            $0.temporaryFilesystems = [TemporaryFilesystem(target: "/memory")]
            $0.secrets = [SecretRequest(name: "s", source: .inline, target: "/secret", value: SecretValue([1]))]
        }
        try Deadline(seconds: 120).wait("the file") { HostFacts.exists("/proc/\(running.process.id)/root/root/new") }
        let places = [
            "/", "/bin/busybox", "/root/new", "/dev", "/dev/pts", "/dev/shm", "/dev/null", "/memory", "/secret",
            "/etc/hosts", "/etc/hostname", "/etc/resolv.conf",
        ]
        for place in places {
            #expect(try SELinux.label(of: "/proc/\(running.process.id)/root\(place)") == Self.files, "\(place)")
        }
        let script = "cat /etc/hosts /secret && echo > /memory/x && echo > /dev/shm/x"
        let used = try host.exec(id, ["sh", "-c", script])
        #expect(used.code == 0, "\(used.error)")
    }

    @Test("no file of the host's type or of another container's categories can be touched, its own can")
    func walls() throws {
        let volumes = try [("own", Self.files), ("other", "system_u:object_r:container_file_t:s0:c3"),
            ("host", "system_u:object_r:host_file_t:s0")
        ].map { name, label in
            let path = try host.directory(name, mode: 0o777)
            let directory = try OwnedDescriptor.open(RawPath(path), [.directory])
            let file = try directory.open("file", [.writeOnly, .create], mode: 0o666)
            try file.write("\(name)\n")
            try file.changeMode(0o666)
            for object in [file, directory] { try object.setAttribute("security.selinux", to: Array(label.utf8)) }
            return VolumeRequest(source: path, target: "/" + name, mapped: false)
        }
        let script = "for d in own other host; do cat /$d/file; echo x >> /$d/file && echo wrote $d; done"
        let held = try host.shell(script) {
            labelled(&$0)
            $0.volumes = volumes
        }
        #expect(held.output == "own\nwrote own\n", "\(held)")
        #expect(held.error.split(separator: "\n").filter { $0.hasSuffix("Permission denied") }.count == 4, "\(held)")
        // The control: it is SELinux that holds the labelled one.
        let free = try host.shell(script) { $0.volumes = volumes }
        #expect(free.output == "own\nx\nwrote own\nother\nwrote other\nhost\nwrote host\n", "\(free)")
    }

    // MARK: What is refused

    @Test(
        "a label that the policy does not know is refused by name, and nothing is left",
        arguments: ["system_u:system_r:nonesuch_t:s0", "system_u:system_r:container_t:s0:c900", "x:y:z", "a:b"])
    func unknown(_ label: String) throws {
        for isFile in [false, true] {
            let failure = try #require(throws: Failure.self) {
                try host.run(["true"]) {
                    if isFile { $0.isolation.mountLabel = label } else { $0.isolation.securityLabel = label }
                }
            }
            #expect(["isolation.unknown-label", "isolation.bad-label"].contains(failure.code.rawValue), "\(failure)")
            #expect(failure.description.contains(label))
        }
        #expect(try host.containerizer.list().isEmpty)
    }

    @Test("a label that nobody may be executed under is refused, with where to look")
    func transition() throws {
        let failure = try #require(throws: Failure.self) {
            try host.run(["true"]) { $0.isolation.securityLabel = "system_u:system_r:alien_t:s0" }
        }
        #expect(failure.description.contains("ausearch") && failure.description.contains("alien_t"), "\(failure)")
    }

    @Test("where SELinux only reports, a label is refused, and applied for whoever accepts that")
    func permissive() throws {
        func refusal(_ containerizer: NativeContainerizer, _ label: String) throws -> Failure {
            try #require(throws: Failure.self) {
                let request = host.request(["true"]) { $0.isolation.securityLabel = label }
                _ = try containerizer.launch(request, layers: [host.layer], attachment: Attachment())
            }
        }
        // One domain.
        let lax = try refusal(host.containerizer, "system_u:system_r:lax_t:s0")
        #expect(lax.code == "host.cannot-enforce" && lax.description.contains("only reports"), "\(lax)")
        // The whole host.
        try TextFile.write("0", to: "/sys/fs/selinux/enforce")
        defer { enforce() }
        let loose = NativeContainerizer(
            places: host.places, launcherPath: TestHost.launcherPath, host: HostProbe.abilities(store: host.scratch))
        #expect(loose.host.ability(.selinux).state == .weakened)
        #expect(try refusal(loose, Self.task).code == "host.cannot-enforce")
        let request = host.request(["sleep", "600"]) {
            labelled(&$0)
            $0.isolation.allowedUnenforced = ["selinux"]
        }
        let running = try loose.launch(request, layers: [host.layer], attachment: Attachment())
        let inside = try host.exec(running.record.request.id, ["cat", "/proc/self/attr/current"], by: loose)
        #expect(inside.output.hasPrefix(Self.task), "\(inside)")
        let finding = try #require(try found(running.record.request.id).first { $0.id == "BH-CON-028" })
        #expect(finding.evidence.first?.value == "permissive", "\(finding)")
        let state = HostObserver.observe(loose.host, programs: [], store: host.scratch, state: host.scratch)
        let module = AuditCatalogue.findings(about: state, profile: .standard).first { $0.id == "BH-HOST-020" }
        #expect(module?.verdict == .finding && module?.summary.contains("permissive") == true)
    }

    private func enforce() {
        do { try TextFile.write("1", to: "/sys/fs/selinux/enforce") } catch { Issue.record("\(error)") }
    }

    // MARK: The audit

    private func found(_ id: ContainerID) throws -> [Finding] {
        let all = try host.containerizer.list()
        let table = try ProcessTable.read()
        let target = try DeclaredContainer.target(
            try #require(all.first { $0.record.request.id == id }), among: all.map(\.record), of: host.containerizer,
            in: table, launcher: TestHost.launcherPath)
        let facts = try ContainerObserver(table: table, host: HostProbe.abilities()).observe(target)
        return AuditCatalogue.findings(about: facts, profile: .standard).filter {
            $0.verdict != .pass && $0.verdict != .notApplicable
        }
    }

    @Test("the audit finds nothing of a labelled container, and says that the host has the module")
    func clean() throws {
        let (id, _, _) = try host.started("sleep 600", labelled)
        let found = try found(id)
        #expect(found.isEmpty, "\(found.map { ($0.id, $0.summary, $0.evidence) })")
        let state = HostObserver.observe(
            host.containerizer.host, programs: [], store: host.scratch, state: host.scratch)
        let finding = AuditCatalogue.findings(about: state, profile: .standard).first { $0.id == "BH-HOST-020" }
        #expect(finding?.verdict == .pass)
        #expect(finding?.evidence.last?.value == "selinux: enforcing")
    }

    @Test(
        "a domain that holds nobody is found by what it may do, whatever it is called",
        arguments: [
            (nil, "may load a policy"), ("system_u:system_r:spc_t:s0", "may load a policy"),
            ("system_u:system_r:lax_t:s0", "a permissive domain"),
        ] as [(String?, String)])
    func unconfined(_ label: String?, _ words: String) throws {
        let (id, _, _) = try host.started("sleep 600") {
            $0.isolation.securityLabel = label
            $0.isolation.allowedUnenforced = ["selinux"]
        }
        let found = try found(id).filter { $0.id != "BH-CON-100" }
        #expect(found.map(\.id) == ["BH-CON-028"], "\(found.map { ($0.id, $0.summary) })")
        #expect(found.first?.evidence.first?.value.contains(words) == true, "\(found)")
    }
}
