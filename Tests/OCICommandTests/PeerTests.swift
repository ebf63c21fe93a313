import LinuxKernel
import Testing

/// podman, buildah and containerd, each with stores of its own in a directory of the test's.
@Suite("other people's tools with this as their runtime", .serialized)
struct PeerTests {
    private let place: String
    /// podman takes no longer path for it than 50 characters.
    private let runtimePlace: String
    private let variables: [String]
    private static let image = "docker.io/library/busybox:latest"

    init() throws {
        place = "\(ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp")/peer-\(KernelRandom.uuid())"
        runtimePlace = "/tmp/peer-\(String(KernelRandom.number(), radix: 16))"
        try Directories.makeAll(place, mode: 0o711)
        try Directories.makeAll(runtimePlace, mode: 0o711)
        variables = [
            "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "HOME=\(place)", "TMPDIR=\(place)",
            "BULKHEAD_LAUNCHER=\(TestBundle.launcher)",
        ]
    }

    private func remove() throws {
        try TreeRemoval.remove(place)
        try TreeRemoval.remove(runtimePlace)
    }

    private func archive() throws -> String {
        let folder = try #require(ProcessEnvironment.value("BULKHEAD_TEST_IMAGES"), "build the images: make images")
        return "\(folder)/busybox.tar"
    }

    private func call(_ program: String, _ arguments: [String]) throws -> ProgramAnswer {
        try ProgramAnswer.of(program, arguments, environment: variables)
    }

    /// The output of a call that must end with `status`.
    @discardableResult
    private func podman(_ arguments: String..., endsWith status: Int32 = 0) throws -> String {
        let own = [
            "--root", "\(place)/root", "--runroot", runtimePlace, "--tmpdir", "\(place)/tmp", "--storage-driver",
            "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", TestBundle.program,
        ]
        // Limits that any host lets be set, and no network of podman's.
        let modest = ["--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"]
        let words = arguments.first == "run" ? ["run"] + modest + arguments.dropFirst() : arguments
        let answer = try call("/usr/bin/podman", own + words)
        #expect(answer.status == status, "podman \(arguments.joined(separator: " ")): \(answer.errors)")
        return answer.output
    }

    private func loadIntoPodman() throws { try podman("load", "--quiet", "--input", try archive()) }

    private func removeFromPodman() throws {
        try podman("rm", "--all", "--force", "--time", "0")
        try remove()
    }

    @Test("podman runs a container and gives its output and its status")
    func podmanRun() throws {
        try loadIntoPodman()
        #expect(try podman("run", "--rm", Self.image, "sh", "-c", "echo out; exit 3", endsWith: 3) == "out\n")
        #expect(try podman("run", "--rm", Self.image, "/none", endsWith: 127).isEmpty)
        #expect(try podman("run", "--rm", "--user", "7:8", "--read-only", Self.image, "id", "-u") == "7\n")
        // Through a console socket that podman's monitor listens at.
        #expect(try podman("run", "--rm", "--tty", Self.image, "sh", "-c", "test -t 0 && echo yes") == "yes\r\n")
        try removeFromPodman()
    }

    @Test("podman lives with a container: exec, logs, pause, stats, stop, rm")
    func podmanLife() throws {
        try loadIntoPodman()
        try podman("run", "--detach", "--name", "one", Self.image, "sh", "-c", "echo logged; exec sleep 600")
        #expect(try podman("exec", "--env", "A=b", "one", "sh", "-c", "echo $A; echo $0", "x") == "b\nx\n")
        try podman("exec", "one", "sh", "-c", "exit 5", endsWith: 5)
        // Running it may be said before it has said anything.
        let deadline = Deadline(seconds: 120)
        var logged = try podman("logs", "one")
        while !logged.hasSuffix("\n") {
            try deadline.pause("a line in the log, which has '\(logged)'")
            logged = try podman("logs", "one")
        }
        #expect(logged == "logged\n")
        try podman("pause", "one")
        #expect(try podman("inspect", "--format", "{{.State.Status}}", "one") == "paused\n")
        try podman("exec", "one", "true", endsWith: 255)
        try podman("unpause", "one")
        #expect(try podman("stats", "--no-stream", "--format", "{{.PIDs}}", "one") == "1\n")
        #expect(try podman("top", "one", "comm").contains("sleep"))
        try podman("stop", "--time", "0", "one")
        #expect(try podman("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "one") == "exited 137\n")
        try podman("rm", "one")
        #expect(try podman("ps", "--all", "--quiet").isEmpty)
        try removeFromPodman()
    }

    @Test("containers of a podman pod share its namespaces")
    func podmanPod() throws {
        try loadIntoPodman()
        try podman(
            "pod", "create", "--name", "both", "--infra-image", Self.image, "--infra-command", "sleep 600",
            "--infra-name", "first", "--network=none")
        try podman("create", "--pod", "both", "--name", "second", Self.image, "sleep", "600")
        try podman("pod", "start", "both")
        let ask = ["readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts"]
        let first = try podman("exec", "first", "sh", "-c", ask[0])
        #expect(try podman("exec", "second", "sh", "-c", ask[0]) == first)
        #expect(first.split(separator: "\n").count == 3)
        try podman("pod", "rm", "--force", "--time", "0", "both")
        try removeFromPodman()
    }

    @Test("buildah runs a step of a build")
    func buildah() throws {
        let own = ["--root", "\(place)/root", "--runroot", runtimePlace, "--storage-driver", "vfs"]
        try loadIntoPodman()
        let from = try call("/usr/bin/buildah", own + ["from", "--pull-never", "--name", "step", Self.image])
        #expect(from.status == 0, "\(from.errors)")
        let run = try call(
            "/usr/bin/buildah",
            own + [
                "run", "--runtime", TestBundle.program, "--isolation", "oci", "--network", "none", "step", "--", "sh",
                "-c", "echo built > /made; cat /made",
            ])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output == "built\n")
        let removal = try call("/usr/bin/buildah", own + ["rm", "step"])
        #expect(removal.status == 0, "\(removal.errors)")
        try removeFromPodman()
    }

    @Test("containerd's shim starts a container, and a process in it")
    func containerd() throws {
        let settings = """
            version = 2
            root = "\(place)/root"
            state = "\(place)/state"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
            [grpc]
              address = "\(place)/socket"
            [plugins."io.containerd.internal.v1.opt"]
              path = "\(place)/opt"

            """
        try OwnedDescriptor.open(RawPath("\(place)/config"), [.writeOnly, .create], mode: 0o600).write(settings)
        let log = try OwnedDescriptor.open(RawPath("\(place)/log"), [.writeOnly, .create], mode: 0o600)
        let service = try ToolProcess.start(
            "/usr/bin/containerd", ["--config", "\(place)/config"], environment: variables,
            descriptors: [nil, log, log])
        defer {
            do {
                try service.signal(SignalNumber.terminate)
                _ = try service.reap()
                try remove()
            } catch { Issue.record("\(error)") }
        }
        try Deadline(seconds: 120).wait("containerd to listen") { HostFacts.exists("\(place)/socket") }
        func ctr(_ words: String...) throws -> String {
            let answer = try call("/usr/bin/ctr", ["--address", "\(place)/socket"] + words)
            #expect(answer.status == 0, "ctr \(words.joined(separator: " ")): \(answer.errors)")
            return answer.output
        }
        _ = try ctr("image", "import", "--snapshotter", "native", try archive())
        let run = [
            "--address", "\(place)/socket", "run", "--snapshotter", "native", "--runc-binary", TestBundle.program,
            "--runc-root", "\(place)/containers",
        ]
        let once = try call("/usr/bin/ctr", run + ["--rm", Self.image, "one", "sh", "-c", "echo out; exit 4"])
        #expect(once.output == "out\n", "\(once.errors)")
        #expect(once.status == 4)
        let kept = try call("/usr/bin/ctr", run + ["--detach", Self.image, "two", "sleep", "600"])
        #expect(kept.status == 0, "\(kept.errors)")
        #expect(try ctr("task", "exec", "--exec-id", "more", "two", "sh", "-c", "echo more") == "more\n")
        _ = try ctr("task", "kill", "--signal", "KILL", "two")
        try Deadline(seconds: 120).wait("the container to end") {
            do { return try ctr("task", "ls").contains("STOPPED") } catch { return true }
        }
        _ = try ctr("task", "rm", "two")
        _ = try ctr("container", "rm", "two")
    }
}
