import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

@Suite("Secrets", .serialized)
struct SecretTests {
    /// Text that is nowhere on this machine but where a test puts it; its halves are joined when it runs.
    static let value = "open-" + String(KernelRandom.number(), radix: 36) + "-sesame"

    static func secret(
        _ name: String = "key", target: String? = "/run/secrets/key", variable: String? = nil, uid: UInt32? = nil,
        mode: UInt32 = 0o400, value: String = Self.value
    ) -> SecretRequest {
        SecretRequest(
            name: name, source: .inline, target: target, variable: variable, uid: uid, mode: mode,
            value: SecretValue(Array(value.utf8)))
    }

    @Test("a file is the task's own, read-only, in memory, and nobody else's in the container")
    func file() throws {
        let host = try TestHost()
        let script = """
            stat -c '%a %u:%g' /run/secrets/key; cat /run/secrets/key; echo
            echo x 2>/dev/null > /run/secrets/key || echo kept
            rm /run/secrets/key 2>/dev/null || echo kept; chmod 777 /run/secrets/key 2>/dev/null || echo kept
            grep ' /run/secrets/key ' /proc/self/mountinfo | cut -d ' ' -f 6; grep -c ramfs /proc/self/mountinfo
            """
        for uid: UInt32 in [0, 1_000] {
            let outcome = try host.shell(script) {
                $0.secrets = [Self.secret()]
                ($0.process.uid, $0.process.gid) = (uid, uid)
            }
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(lines.prefix(5) == ["400 \(uid):\(uid)", Self.value, "kept", "kept", "kept"], "\(outcome)")
            #expect(lines.dropFirst(5).first?.hasPrefix("ro,nosuid,nodev,noexec") == true, "\(lines)")
            #expect(lines.last == "1")
        }
        let other = try host.shell("cat /run/secrets/key || echo denied; stat -c %a:%u /s/b") {
            $0.secrets = [
                Self.secret(), Self.secret("b", target: "/s/b", uid: 5, mode: 0o440, value: "b"),
            ]
            ($0.process.uid, $0.process.gid) = (1_000, 1_000)
            $0.secrets?[0].uid = 0
        }
        #expect(other.output == "denied\n440:5\n")
    }

    @Test("a variable is in the task's environment, over one of the same name, and in no joined process's")
    func variable() throws {
        let host = try TestHost()
        let outcome = try host.shell("env | grep ^TOKEN=; ls /run/secrets 2>/dev/null") {
            $0.process.environment.append("TOKEN=plain")
            $0.secrets = [Self.secret(target: nil, variable: "TOKEN")]
        }
        #expect(outcome.output == "TOKEN=\(Self.value)\n")
        let (id, running) = try Self.started(host, [Self.secret(variable: "TOKEN")])
        let joined = try host.exec(id, ["sh", "-c", "env | grep -c TOKEN; cat /run/secrets/key"])
        #expect(joined.output == "0\n" + Self.value)
        _ = running
    }

    private static func started(
        _ host: TestHost, _ secrets: [SecretRequest]
    ) throws -> (ContainerID, RunningContainer) {
        let running = try host.detached(["sh", "-c", "echo started; sleep 600"]) { $0.secrets = secrets }
        return (running.record.request.id, running)
    }

    /// Every file of the runtime's that holds `text`: records and whatever else is in the state directory, and what
    /// containers have in the store. In records slashes have backslashes.
    private static func files(of host: TestHost, holding text: String) throws -> [String] {
        try files(below: host.places.volatile, holding: Array(text.utf8))
            + files(below: host.places.store + "/containers", holding: Array(text.utf8))
    }

    private static func files(below path: String, holding text: [UInt8]) throws -> [String] {
        var found: [String] = []
        let directory = try OwnedDescriptor.open(RawPath(path), [.directory])
        for entry in try directory.entries() {
            let place = path + "/" + entry.name.description
            let kind = try directory.status(of: entry.name).kind
            if kind == .directory { found += try files(below: place, holding: text) }
            guard kind == .regular else { continue }
            let content = try directory.open(entry.name, [.noFollow]).readAll(limit: 64 << 20)
            if content.firstRange(of: text) != nil { found.append(place) }
        }
        return found
    }

    @Test("no file of ours holds it, while the container runs and afterwards, and the record says where it came from")
    func nowhere() throws {
        let host = try TestHost()
        let (id, _) = try Self.started(host, [Self.secret(variable: "TOKEN")])
        #expect(try host.exec(id, ["cat", "/run/secrets/key"]).output == Self.value)
        #expect(try Self.files(of: host, holding: Self.value).isEmpty)
        #expect(try Self.files(of: host, holding: "secrets/key").count == 1, "the record itself")
        let record = try #require(try host.containerizer.status(of: id)?.record)
        #expect(record.request.secrets == [Self.secret(variable: "TOKEN").withoutValue])
        for process in try host.group(id).processes() {
            let line = try TextFile.read("/proc/\(process)/cmdline")
            #expect(!line.contains(Self.value))
        }
        // Another process of ours knows nothing but the record, and needs nothing else.
        let again = NativeContainerizer(
            places: host.places, launcherPath: TestHost.launcherPath, host: host.containerizer.host)
        #expect(try again.status(of: id)?.state == .running)
        try again.remove(id, force: true)
        #expect(try Self.files(of: host, holding: Self.value).isEmpty)
    }

    @Test("a plan is explained without it")
    func explained() throws {
        let host = try TestHost()
        let request = host.request(["true"]) { $0.secrets = [Self.secret(variable: "TOKEN")] }
        let text = try host.containerizer.plan(request, layers: [host.layer], hasReader: false).explain()
        #expect(!text.contains(Self.value))
        #expect(text.contains("secret key in memory (mode 0400, owner 0:0)"))
    }

    @Test("what cannot be is refused by name, without the value")
    func refused() throws {
        let host = try TestHost()
        let cases: [(String, SecretRequest)] = [
            ("volume.bad-target", Self.secret(target: "/proc/x")), ("volume.bad-target", Self.secret(target: "x")),
            ("volume.bad-target", Self.secret(target: "/a/../b")),
            ("secret.bad", Self.secret(target: nil)), ("secret.bad", Self.secret(target: nil, variable: "A=B")),
            ("secret.bad", Self.secret(uid: 70_000)), ("secret.bad", Self.secret(mode: 0o4755)),
            ("secret.bad", Self.secret(target: nil, variable: "A", value: Self.value + "\0")),
            ("secret.bad", Self.secret(value: Self.value + String(repeating: "x", count: 512 << 10))),
        ]
        for (code, secret) in cases {
            let failure = try #require(throws: Failure.self) { try host.run(["true"]) { $0.secrets = [secret] } }
            #expect(failure.code.rawValue == code, "\(failure)")
            #expect(!failure.description.contains(Self.value))
        }
        let twice = try #require(throws: Failure.self) {
            try host.run(["true"]) { $0.secrets = [Self.secret("a"), Self.secret("b")] }
        }
        #expect(twice.code == "secret.bad")
        #expect(try host.containerizer.list().isEmpty)
    }
}
