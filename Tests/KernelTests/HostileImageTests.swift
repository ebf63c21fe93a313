import Containers
import Diagnostics
import LinuxKernel
import Testing

/// Images that try to send the runtime's own work elsewhere (security facts, section 1.2).
@Suite("An image cannot lead the runtime astray", .serialized)
struct HostileImageTests {
    static let places = ["proc", "sys", "dev"]

    @Test("/proc, /sys and /dev as links are refused, wherever they lead", arguments: places)
    func links(_ place: String) throws {
        for target in ["/tmp", "../../../../../../../../CANARY", "CANARY", "proc", "/etc/passwd", "/nowhere"] {
            let host = try TestHost()
            let canary = try Canary(beside: host)
            let image = try host.image()
            try image.removeDirectory(RawPath(place))
            try image.makeLink(RawPath(place), to: RawPath(target.replacing("CANARY", with: canary.path)))
            try expectRefusal(host)
            #expect(try canary.isUnchanged())
        }
    }

    @Test("/proc, /sys and /dev as files are refused", arguments: places)
    func files(_ place: String) throws {
        let host = try TestHost()
        let image = try host.image()
        try image.removeDirectory(RawPath(place))
        try image.open(RawPath(place), [.writeOnly, .create], mode: 0o644).write("a file")
        try expectRefusal(host)
    }

    @Test("links inside the image's /dev change nothing, for /dev is the runtime's")
    func insideDevices() throws {
        let host = try TestHost()
        let canary = try Canary(beside: host)
        let image = try host.image()
        for name in ["pts", "shm", "mqueue", "null", "ptmx", "console", "fd"] {
            try image.makeLink(RawPath("dev/" + name), to: RawPath(canary.path))
        }
        let outcome = try host.shell("echo x > /dev/null; ls /dev/pts; ls -A /dev/shm; stat -c %t:%T /dev/null") {
            $0.process.terminal = nil
        }
        #expect(outcome.output == "ptmx\n1:3\n")
        #expect(try canary.isUnchanged())
    }

    @Test(
        "generated files written through links of the image stay inside",
        arguments: ["hosts", "hostname", "resolv.conf"])
    func generatedFiles(_ name: String) throws {
        for target in [
            "CANARY/hosts", "../../../../../../../../CANARY/hosts", "passwd", "/proc/self/attr/exec", "/dev/null",
        ] {
            let host = try TestHost()
            let canary = try Canary(beside: host)
            try host.image().makeLink(
                RawPath("etc/" + name), to: RawPath(target.replacing("CANARY", with: canary.path)))
            do {
                _ = try host.shell("cat /etc/\(name); echo changed > /etc/\(name)")
            } catch {
                #expect((error as? Failure)?.code == "launch.step-failed", "\(error)")
            }
            #expect(try canary.isUnchanged(), "\(target)")
        }
    }

    @Test("a link to a file that is not there yet, as images with resolvers of their own have, is gone through inside")
    func linksToNothing() throws {
        for (link, place) in [
            ("../run/systemd/resolve/stub-resolv.conf", "/run/systemd/resolve/stub-resolv.conf"),
            ("/../../run/resolv.conf", "/run/resolv.conf"), ("../../../home/x/../y", nil), ("other", "/etc/other"),
        ] {
            let host = try TestHost()
            try host.image().makeLink("etc/resolv.conf", to: RawPath(link))
            do {
                let outcome = try host.shell("cat /etc/resolv.conf \(place ?? "")") {
                    $0.isolation.nameServers = ["192.0.2.1"]
                }
                #expect(outcome.output == "nameserver 192.0.2.1\nnameserver 192.0.2.1\n", "\(link)")
            } catch {
                // Through a directory that is not there nothing leads back up.
                #expect(place == nil && (error as? Failure)?.code == "launch.step-failed", "\(error)")
            }
        }
        let host = try TestHost()
        let image = try host.image()
        for number in 0..<12 { try image.makeLink(RawPath("etc/l\(number)"), to: RawPath("l\(number + 1)")) }
        try image.makeLink("etc/resolv.conf", to: "l0")
        try expectRefusal(host, hasRemedy: false)
    }

    @Test("a directory or a fifo where a generated file belongs does not hang a launch")
    func oddFiles() throws {
        let host = try TestHost()
        try host.image().makeNode("etc/hosts", kind: .fifo, mode: 0o644)
        #expect(try host.shell("cat /etc/hosts").output.hasPrefix("127.0.0.1"))
        try host.image().makeDirectory("etc/hostname", mode: 0o755)
        try expectRefusal(host)
    }

    @Test(
        "a root directory of an owner whom no container has is nobody's, not another container's",
        arguments: [4_294_967_294, 65_536, 200_000] as [UInt32])
    func strangeOwner(_ owner: UInt32) throws {
        let host = try TestHost()
        try host.image().changeOwner(of: ".", uid: owner, gid: owner)
        #expect(try host.shell("stat -c %u:%g /; touch /file && stat -c %u /file").output == "65534:65534\n0\n")
    }

    @Test("a script whose interpreter is /proc/self/exe runs into the sealed launcher, which stays as it is")
    func interpreter() throws {
        let host = try TestHost()
        let launcher = try OwnedDescriptor.open(RawPath(TestHost.launcherPath)).readAll(limit: 8 << 20)
        try host.image().open("bin/trap", [.writeOnly, .create], mode: 0o755).write("#!/proc/self/exe\n")
        #expect(try host.run(["/bin/trap"]).exit.code == 126)
        let writes = try host.shell("for i in 1 2; do (echo x > /proc/$i/exe) 2> /dev/null && echo wrote; done")
        #expect(writes.output == "")
        #expect(try OwnedDescriptor.open(RawPath(TestHost.launcherPath)).readAll(limit: 8 << 20) == launcher)
    }

    @Test("a working directory by descriptor leads nowhere, at a launch and at an exec")
    func workingDirectory() throws {
        let host = try TestHost()
        let canary = try Canary(beside: host)
        let leak = try Leak(of: canary.path)
        let running = try host.detached(["sleep", "600"])
        for number in 3..<20 {
            for path in ["/proc/self/fd/\(number)", "/proc/1/fd/\(number)", "/proc/self/fd/\(number)/.."] {
                try expectInside { try host.shell("pwd; ls") { $0.process.workingDirectory = path }.output }
                try expectInside {
                    try host.exec(running.record.request.id, ["sh", "-c", "pwd; ls"]) { $0.workingDirectory = path }
                        .output
                }
            }
        }
        withExtendedLifetime(leak) {}
        #expect(try canary.isUnchanged())
    }

    private func expectInside(_ body: () throws -> String) throws {
        do {
            let output = try body()
            #expect(!output.contains("ptmx") && !output.contains("unreachable"), "\(output)")
        } catch {
            #expect(error is Failure)
        }
    }

    private func expectRefusal(_ host: TestHost, hasRemedy: Bool = true) throws {
        do {
            _ = try host.shell("true")
            Issue.record("the container started")
        } catch {
            let failure = try #require(error as? Failure)
            #expect(failure.code == "launch.step-failed")
            #expect((failure.remedy != nil) == hasRemedy, "\(failure)")
        }
        #expect(try host.containerizer.list().isEmpty)
    }
}
