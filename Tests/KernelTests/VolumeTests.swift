import Containers
import Diagnostics
import LinuxKernel
import Testing

@Suite("Volumes and file systems in memory", .serialized)
struct VolumeTests {
    @Test("a volume is never setuid and has no devices; read-only and noexec hold when asked for")
    func attributes() throws {
        let host = try TestHost()
        let source = try host.directory("data", mode: 0o777)
        for (readOnly, noExecute) in [(false, false), (true, false), (false, true)] {
            let running = try host.detached(["sleep", "600"]) {
                $0.volumes = [
                    VolumeRequest(source: source, target: "/data", readOnly: readOnly, noExecute: noExecute)
                ]
            }
            let mount = try #require(try running.task().mounts()["/data"])
            #expect(mount.options.isSuperset(of: ["nosuid", "nodev"]))
            #expect(mount.options.contains("ro") == readOnly)
            #expect(mount.options.contains("noexec") == noExecute)
            let outcome = try host.exec(
                running.record.request.id,
                ["sh", "-c", "cp /bin/busybox /data/true; /data/true && echo ran; rm -f /data/true"])
            #expect(outcome.output == (readOnly || noExecute ? "" : "ran\n"))
        }
    }

    @Test("host root's files are root's inside, and what root writes inside is root's outside")
    func owners() throws {
        let host = try TestHost()
        let source = try host.directory("data", mode: 0o777)
        let directory = try OwnedDescriptor.open(RawPath(source), [.directory])
        try directory.open("roots", [.writeOnly, .create], mode: 0o600).write("secret")
        try directory.open("users", [.writeOnly, .create], mode: 0o600).changeOwner(uid: 1_000, gid: 1_000)
        let outcome = try host.shell("cd /data; stat -c '%n %u:%g' *; cat roots; echo; touch new; chown 33:44 users") {
            $0.volumes = [VolumeRequest(source: source, target: "/data")]
        }
        #expect(outcome.output == "roots 0:0\nusers 1000:1000\nsecret\n")
        #expect(try directory.status(of: "new").uid == 0)
        #expect(try directory.status(of: "users").uid == 33)
        #expect(try directory.status(of: "users").gid == 44)
    }

    @Test(
        "a volume that is confined to a directory is shown from nowhere else, wherever links lead",
        arguments: [
            ("plain", true), ("within", true), ("plain/../within", false), ("absolute", false), ("out", false),
            ("out/secret", false), ("through/inner", false), ("magic", false), ("to-root", false),
        ])
    func confined(_ name: String, _ isShown: Bool) throws {
        let host = try TestHost()
        let root = try host.directory("data", mode: 0o777)
        let outside = try host.directory("outside/inner", mode: 0o777)
        try Directories.makeAll(root + "/plain", mode: 0o777)
        let directory = try OwnedDescriptor.open(RawPath(root), [.directory])
        for (link, target) in [
            ("within", "plain"), ("absolute", root + "/plain"), ("out", "../outside"), ("through", "../outside"),
            ("magic", "/proc/self/root"), ("to-root", "/"),
        ] { try directory.makeLink(RawPath(link), to: RawPath(target)) }
        let volume = VolumeRequest(source: "\(root)/\(name)", target: "/data", confinedTo: root)
        do {
            let outcome = try host.shell("touch /data/mark && echo shown") { $0.volumes = [volume] }
            #expect(isShown && outcome.output == "shown\n")
        } catch {
            #expect(!isShown && (error as? Failure)?.code == "launch.cannot-open", "\(error)")
        }
        #expect(HostFacts.exists(root + "/plain/mark") == isShown)
        #expect(!HostFacts.exists(outside + "/mark") && !HostFacts.exists(outside + "/../mark"))
    }

    @Test("a volume that is confined stays so while another container exchanges it for a link")
    func confinedUnderAttack() throws {
        let host = try TestHost.withProbe()
        let canary = try Canary(beside: host)
        let shared = try host.directory("shared", mode: 0o777)
        try Directories.makeAll(shared + "/door", mode: 0o777)
        let directory = try OwnedDescriptor.open(RawPath(shared), [.directory])
        try directory.makeLink("gate", to: RawPath(canary.path))
        _ = try host.detached([Probe.program, "race", "exchange", "/vol/door", "/vol/gate"]) {
            $0.volumes = [VolumeRequest(source: shared, target: "/vol")]
        }
        var started = 0
        for _ in 0..<60 {
            do {
                let outcome = try host.shell("ls /data; touch /data/mark") {
                    $0.volumes = [VolumeRequest(source: shared + "/door", target: "/data", confinedTo: shared)]
                }
                #expect(["", "mark\n"].contains(outcome.output))
                started += 1
            } catch {
                #expect((error as? Failure)?.code == "launch.cannot-open", "\(error)")
            }
        }
        #expect(started > 0)
        #expect(try canary.isUnchanged())
    }

    @Test("an unmapped volume belongs to nobody inside, and containers' files there do not share owners")
    func unmapped() throws {
        let host = try TestHost()
        let source = try host.directory("data", mode: 0o777)
        let directory = try OwnedDescriptor.open(RawPath(source), [.directory])
        try directory.changeMode(0o777)
        try directory.open("roots", [.writeOnly, .create], mode: 0o600).write("secret")
        let volume = VolumeRequest(source: source, target: "/data", mapped: false)
        let running = try ["first", "second"].map { name in
            try host.detached(["sh", "-c", "touch /data/\(name); sleep 600"]) { $0.volumes = [volume] }
        }
        for (name, container) in zip(["first", "second"], running) {
            try Deadline(seconds: 120).wait("the file") { HostFacts.exists("\(source)/\(name)") }
            #expect(
                try directory.status(of: RawPath(name)).uid == container.record.request.isolation.identities.base)
        }
        #expect(try directory.status(of: "first").uid != directory.status(of: "second").uid)
        let outcome = try host.shell("stat -c %u /data/roots; cat /data/roots") { $0.volumes = [volume] }
        #expect(outcome.output == "65534\n")
    }

    @Test("containers with other ids share a volume: each sees the same owners, and the host none of their ids")
    func shared() throws {
        let host = try TestHost()
        let source = try host.directory("data")
        let directory = try OwnedDescriptor.open(RawPath(source), [.directory])
        try directory.changeMode(0o777)
        let volume = VolumeRequest(source: source, target: "/data")
        let running = try (0..<2).map { _ in try host.detached(["sleep", "600"]) { $0.volumes = [volume] } }
        let ids = running.map(\.record.request.id)
        #expect(Set(running.map(\.record.request.isolation.identities.base)).count == 2)
        let write = "umask 077; echo first > /data/roots"
        #expect(try host.exec(ids[0], ["sh", "-c", write]).code == 0)
        let user = try host.exec(ids[0], ["sh", "-c", "umask 077; echo mine > /data/users"]) {
            ($0.uid, $0.gid) = (1_000, 1_000)
        }
        #expect(user.code == 0)
        let seen = try host.exec(
            ids[1], ["sh", "-c", "cd /data; stat -c '%n %u:%g' roots users; cat roots; echo second >> roots"])
        #expect(seen.output == "roots 0:0\nusers 1000:1000\nfirst\n")
        #expect(try host.exec(ids[0], ["cat", "/data/roots"]).output == "first\nsecond\n")
        #expect(try directory.status(of: "roots").uid == 0 && directory.status(of: "users").uid == 1_000)
    }

    @Test("a file can be a volume, and writing it writes the host's")
    func files() throws {
        let host = try TestHost()
        let source = try host.directory("data") + "/settings"
        try OwnedDescriptor.open(RawPath(source), [.writeOnly, .create], mode: 0o644).write("from the host\n")
        let outcome = try host.shell("cat /etc/new/settings; echo from inside > /etc/new/settings") {
            $0.volumes = [VolumeRequest(source: source, target: "/etc/new/settings", isFile: true)]
        }
        #expect(outcome.output == "from the host\n")
        #expect(try TextFile.read(source) == "from inside\n")
        let hosts = try host.shell("cat /etc/hosts") {
            $0.volumes = [VolumeRequest(source: source, target: "/etc/hosts", isFile: true, readOnly: true)]
        }
        #expect(hosts.output == "from inside\n")
    }

    @Test("a volume inside another is seen, in whatever order they are named")
    func nested() throws {
        let host = try TestHost()
        let outer = try host.directory("outer")
        let inner = try host.directory("inner")
        try OwnedDescriptor.open(RawPath(inner + "/here"), [.writeOnly, .create], mode: 0o644).write("x")
        for volumes in [
            [VolumeRequest(source: outer, target: "/a"), VolumeRequest(source: inner, target: "/a/b/c")],
            [VolumeRequest(source: inner, target: "/a/b/c"), VolumeRequest(source: outer, target: "/a")],
        ] {
            #expect(try host.shell("ls /a/b/c") { $0.volumes = volumes }.output == "here\n")
        }
    }

    @Test("what is mounted below a file system in memory is seen, and what is written there reaches the host")
    func nestedInMemory() throws {
        let host = try TestHost()
        let directory = try host.directory("kept", mode: 0o777)
        let file = try host.directory("files") + "/conf"
        try OwnedDescriptor.open(RawPath(file), [.writeOnly, .create], mode: 0o644).write("from the host\n")
        let script = "echo x > /data/keep/new; cat /run/conf; grep -c -e ' /tmp ' -e ' /tmp/a ' /proc/self/mountinfo; "
            + "cat /etc/hostname"
        let outcome = try host.shell(script) {
            $0.volumes = [
                VolumeRequest(source: directory, target: "/data/keep"),
                VolumeRequest(source: file, target: "/run/conf", isFile: true),
            ]
            $0.temporaryFilesystems = ["/tmp/a", "/tmp", "/run", "/data", "/etc"].map {
                TemporaryFilesystem(target: $0)
            }
        }
        #expect(outcome.output == "from the host\n2\ncontainer\n")
        #expect(try TextFile.read(directory + "/new") == "x\n")
    }

    @Test("a read-only file system in memory has places for what is mounted below it, and is read-only all the same")
    func nestedInReadOnlyMemory() throws {
        let host = try TestHost()
        let directory = try host.directory("kept", mode: 0o777)
        let script = "echo x > /data/keep/new; cat /etc/hostname; "
            + "for d in /data /data/in /etc; do (: > $d/x) 2> /dev/null && echo $d; done; true"
        let outcome = try host.shell(script) {
            $0.volumes = [VolumeRequest(source: directory, target: "/data/keep")]
            $0.temporaryFilesystems = ["/data/in", "/data", "/etc"].map {
                TemporaryFilesystem(target: $0, readOnly: true)
            }
        }
        #expect(outcome.output == "container\n" && outcome.exit.code == 0, "\(outcome)")
        #expect(try TextFile.read(directory + "/new") == "x\n")
    }

    @Test("below a read-only volume only what has a place there is mounted; the rest is told what it lacks")
    func nestedInReadOnlyVolume() throws {
        let host = try TestHost()
        let outer = try host.directory("outer", mode: 0o777)
        let inner = try host.directory("inner", mode: 0o777)
        let volumes = [
            VolumeRequest(source: outer, target: "/a", readOnly: true), VolumeRequest(source: inner, target: "/a/b"),
        ]
        let failure = #expect(throws: Failure.self) { try host.shell("true") { $0.volumes = volumes } }
        #expect(failure?.code == "launch.step-failed", "\(String(describing: failure))")
        #expect(failure?.remedy?.hasPrefix("its place is missing in what is mounted read-only above it") == true)
        #expect(!HostFacts.exists(outer + "/b"))
        try Directories.make(outer + "/b", mode: 0o755)
        let script = "echo x > /a/b/new; (: > /a/x) 2> /dev/null || echo no"
        #expect(try host.shell(script) { $0.volumes = volumes }.output == "no\n")
        #expect(try TextFile.read(inner + "/new") == "x\n")
        #expect(!HostFacts.exists(outer + "/x"))
    }

    @Test("a volume's target that is a link of the image is followed inside the image only")
    func linkedTarget() throws {
        let host = try TestHost()
        let canary = try Canary(beside: host)
        let source = try host.directory("data")
        try OwnedDescriptor.open(RawPath(source + "/here"), [.writeOnly, .create], mode: 0o644).write("x")
        let image = try host.image()
        try image.makeLink("inside", to: "/../../home")
        try image.makeLink("outside", to: RawPath(canary.path))
        #expect(
            try host.shell("ls /home") { $0.volumes = [VolumeRequest(source: source, target: "/inside")] }.output
                == "here\n")
        do {
            _ = try host.shell("true") { $0.volumes = [VolumeRequest(source: source, target: "/outside/x")] }
        } catch {
            #expect((error as? Failure)?.code == "launch.step-failed")
        }
        #expect(try canary.isUnchanged())
    }

    @Test("a link in a volume does not lead out of the container")
    func linkedSource() throws {
        let host = try TestHost()
        let canary = try Canary(beside: host)
        let source = try host.directory("data")
        try OwnedDescriptor.open(RawPath(source), [.directory]).makeLink("out", to: RawPath(canary.path))
        let outcome = try host.shell("cat /data/out/ptmx; echo x > /data/out/ptmx; ls /data/out/") {
            $0.volumes = [VolumeRequest(source: source, target: "/data")]
        }
        #expect(outcome.output == "")
        #expect(try canary.isUnchanged())
    }

    @Test("a file system in memory has the size and mode asked for, and cannot be executed from unless asked")
    func temporary() throws {
        let host = try TestHost()
        let script = """
            stat -c %a /scratch; cp /bin/busybox /scratch/true 2>/dev/null; /scratch/true 2>/dev/null && echo ran
            dd if=/dev/zero of=/scratch/fill bs=1M count=8 2>/dev/null || echo full
            """
        let small = try host.shell(script) {
            $0.temporaryFilesystems = [TemporaryFilesystem(target: "/scratch", bytesMax: 4 << 20, mode: 0o750)]
        }
        #expect(small.output == "750\nfull\n")
        let usual = try host.shell("stat -f -c '%b %S %c' /scratch") {
            $0.temporaryFilesystems = [TemporaryFilesystem(target: "/scratch")]
        }
        #expect(usual.output == "16384 4096 65536\n", "64 MiB, and as many files as that may cost")
        let open = try host.shell(script) {
            $0.temporaryFilesystems = [TemporaryFilesystem(target: "/scratch", execute: true)]
        }
        #expect(open.output == "1777\nran\n")
        let closed = try host.shell("touch /scratch/x || echo no") {
            $0.temporaryFilesystems = [TemporaryFilesystem(target: "/scratch", readOnly: true)]
        }
        #expect(closed.output == "no\n")
    }

    @Test("a read-only root can be written nowhere but in volumes, and its generated files stay readable")
    func readOnlyRoot() throws {
        let host = try TestHost()
        let script =
            "for d in / /tmp /etc /bin /root /run /var; do (: > $d/x) 2>/dev/null && echo $d; done; cat /etc/hostname"
        let outcome = try host.shell(script) {
            $0.isolation.readOnlyRoot = true
            $0.temporaryFilesystems = [TemporaryFilesystem(target: "/tmp")]
        }
        #expect(outcome.output == "/tmp\ncontainer\n")
        let running = try host.detached(["sleep", "600"]) { $0.isolation.readOnlyRoot = true }
        #expect(try running.task().mounts()["/"]?.options.contains("ro") == true)
    }

    @Test("what a container writes is its own, and the image stays as it was")
    func copyOnWrite() throws {
        let host = try TestHost()
        let before = try Canary.fingerprint(host.layer + "/etc")
        #expect(try host.shell("rm /etc/passwd; echo x > /etc/group; mv /bin/yes /bin/no; echo $?").output == "0\n")
        #expect(try Canary.fingerprint(host.layer + "/etc") == before)
        #expect(
            try host.shell("cat /etc/passwd | head -n 1; ls /bin/yes").output
                == "root:x:0:0:root:/root:/bin/sh\n/bin/yes\n")
    }

    @Test("shared memory has the size asked for")
    func sharedMemory() throws {
        let host = try TestHost()
        let outcome = try host.shell("df -k /dev/shm | tail -n 1 | awk '{print $2}'") {
            $0.isolation.sharedMemoryBytes = 8 << 20
        }
        #expect(outcome.output == "8192\n")
        #expect(try host.shell("df -k /dev/shm | tail -n 1 | awk '{print $2}'").output == "65536\n")
    }
}
