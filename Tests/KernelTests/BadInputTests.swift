import Containers
import Diagnostics
import LinuxKernel
import Testing

/// What a person is told who asks for what cannot be had: one sentence each, word for word, and nothing left behind.
@Suite("A request that cannot be carried out is refused in one sentence", .serialized)
struct BadInputTests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        var title: String
        var code: Failure.Code
        var sentence: String
        var change: @Sendable (inout ContainerRequest) -> Void
        var testDescription: String { title }
    }

    static let refusals: [Refusal] = [
        Refusal(
            title: "no command", code: "container.no-command",
            sentence:
                "cannot start the container: neither the image nor you named a command; give a command after the image"
        ) { $0.process.arguments = [] },
        Refusal(
            title: "a program the image does not have", code: "launch.program-not-found",
            sentence:
                "cannot execute nonesuch: ENOENT (2); name a program of the image, by its full path if it is not in "
                + "PATH"
        ) { $0.process.arguments = ["nonesuch"] },
        Refusal(
            title: "a program that is a directory", code: "launch.program-not-executable",
            sentence: "cannot execute /etc: EACCES (13); the file must be executable for the task's user, and not on a "
                + "noexec mount"
        ) { $0.process.arguments = ["/etc"] },
        Refusal(
            title: "a program for another machine", code: "launch.program-not-executable",
            sentence:
                "cannot execute /bin/foreign: ENOEXEC (8); use an image for this machine's architecture; a script "
                + "needs a first line with #!"
        ) { $0.process.arguments = ["/bin/foreign"] },
        Refusal(
            title: "a working directory its user cannot enter", code: "launch.working-directory",
            sentence:
                "cannot change to the working directory /closed: EACCES (13); choose a directory the task's user can "
                + "enter"
        ) {
            $0.process.workingDirectory = "/closed"
            $0.process.uid = 1_000
        },
        Refusal(
            title: "a host name with a space", code: "isolation.bad-hostname",
            sentence:
                "cannot set the hostname two words: a hostname has 1 to 64 letters, digits, '-', '_' and '.'; give "
                + "another --hostname"
        ) { $0.isolation.hostname = "two words" },
        Refusal(
            title: "a host name that is too long", code: "isolation.bad-hostname",
            sentence:
                "cannot set the hostname \(String(repeating: "x", count: 65)): a hostname has 1 to 64 letters, digits, "
                + "'-', '_' and '.'; give another --hostname"
        ) { $0.isolation.hostname = String(repeating: "x", count: 65) },
        Refusal(
            title: "a resource limit that does not exist", code: "isolation.unknown-ulimit",
            sentence:
                "cannot set the resource limit speed: there is no such limit; known are cpu, fsize, data, stack, core, "
                + "rss, nproc, nofile, memlock, as, locks, sigpending, msgqueue, nice, rtprio, rttime, see getrlimit(2)"
        ) { $0.isolation.resourceLimits = [NamedLimit(name: "speed", soft: 1, hard: 1)] },
        Refusal(
            title: "a user beyond the container's ids", code: "isolation.unmapped-id",
            sentence: "cannot run as id 65536: the container has the ids 0 to 65535; choose an id in that range"
        ) { $0.process.uid = 65_536 },
        Refusal(
            title: "a group beyond the container's ids", code: "isolation.unmapped-id",
            sentence: "cannot run as id 4294967295: the container has the ids 0 to 65535; choose an id in that range"
        ) { $0.process.groups = [.max] },
        Refusal(
            title: "a sysctl of the host", code: "isolation.refused-sysctl",
            sentence:
                "cannot set the sysctl kernel.core_pattern: it does not belong to a namespace of the container; only "
                + "net.*, fs.mqueue.* and the kernel.msg*, kernel.sem and kernel.shm* sysctls are a container's"
        ) { $0.isolation.sysctls = ["kernel.core_pattern": "|/bin/sh"] },
        Refusal(
            title: "the host's root as a volume", code: "volume.refused-source",
            sentence:
                "cannot mount the volume /: the host's root opens the host to the container; give a directory made for "
                + "this purpose"
        ) { $0.volumes = [VolumeRequest(source: "/", target: "/host")] },
        Refusal(
            title: "a relative source", code: "volume.bad-source",
            sentence:
                "cannot mount the volume data: the source is not an absolute path; give the host directory or file as "
                + "an absolute path"
        ) { $0.volumes = [VolumeRequest(source: "data", target: "/data")] },
        Refusal(
            title: "a source that is not there", code: "launch.cannot-open",
            sentence:
                "cannot open what the container is to see /no/such/place: open on /no/such/place returned ENOENT (2); "
                + "make it first"
        ) { $0.volumes = [VolumeRequest(source: "/no/such/place", target: "/data")] },
        Refusal(
            title: "a file where a directory was meant", code: "launch.cannot-open",
            sentence:
                "cannot open what the container is to see /etc/passwd: open on /etc/passwd returned ENOTDIR (20); give "
                + "a path of the kind the container wants to see"
        ) { $0.volumes = [VolumeRequest(source: "/etc/passwd", target: "/data")] },
    ]

    @Test("word for word", arguments: refusals)
    func refused(_ refusal: Refusal) throws {
        let host = try TestHost()
        let image = try host.image()
        try image.open("bin/foreign", [.writeOnly, .create], mode: 0o755).write([0x7f, 0x45, 0x4c, 0x46, 9, 9, 9, 9])
        try image.makeDirectory("closed", mode: 0o700)
        do {
            _ = try host.run(["true"], refusal.change)
            Issue.record("it ran")
        } catch {
            let failure = try #require(error as? Failure)
            #expect(failure.code == refusal.code)
            #expect(failure.description == refusal.sentence)
            #expect(failure.alsoFailed.isEmpty)
        }
        let left = try Traces(of: host)
        #expect(left.lines.isEmpty, "\(left)")
    }

    @Test(
        "places that belong to the runtime or open the host are refused as volumes",
        arguments: [
            ("/proc", "/x"), ("/proc/1/root", "/x"), ("/sys", "/x"), ("/sys/fs/cgroup", "/x"), ("/dev", "/x"),
            ("/dev/shm", "/x"), ("//", "/x"), ("/./proc", "/x"), ("/proc/", "/x"), ("/tmp/../proc", "/x"),
            ("/tmp", "/"),
            ("/tmp", "/proc"), ("/tmp", "/proc/sys"), ("/tmp", "/sys/kernel"), ("/tmp", "/dev"), ("/tmp", "/./dev"),
            ("/tmp", "/a/../proc"), ("/tmp", "relative"), ("/tmp", ""),
        ])
    func volumes(_ source: String, _ target: String) throws {
        let host = try TestHost()
        do {
            _ = try host.shell("true") { $0.volumes = [VolumeRequest(source: source, target: target)] }
            Issue.record("\(source) was mounted at \(target)")
        } catch {
            let code = (error as? Failure)?.code.rawValue ?? "\(error)"
            #expect(code.hasPrefix("volume.") || "\(error)".contains("it leads to /proc"), "\(error)")
        }
    }

    @Test("a source that is a link to a place that opens the host is refused too")
    func linkedSource() throws {
        let host = try TestHost()
        for target in ["/", "/proc", "/sys", "/dev"] {
            let path = try host.directory("links") + "/link\(target.count)\(target.dropFirst())"
            try OwnedDescriptor.open("/", [.directory]).makeLink(RawPath(path), to: RawPath(target))
            do {
                let outcome = try host.shell("ls /x") {
                    $0.volumes = [VolumeRequest(source: path, target: "/x", mapped: false)]
                }
                Issue.record("\(target) was mounted through a link: \(outcome.output)")
            } catch {
                #expect((error as? Failure)?.code == "launch.cannot-open", "\(error)")
                #expect("\(error)".contains("open (it leads to \(target))"), "\(error)")
            }
        }
    }
}
