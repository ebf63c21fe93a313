import Glibc
import LaunchPlanning
import LinuxKernel
import Testing

@Suite("the container's root and what is mounted in it")
struct ContainerStepTests {
    /// Runs `script` in the container, which must come that far.
    private func run(_ given: Trial, _ script: String) throws -> Outcome {
        let outcome = try attempt(given, script)
        try #require(outcome.failure == nil, "\(outcome)")
        return outcome
    }

    private func attempt(_ given: Trial, _ script: String) throws -> Outcome {
        var trial = given
        let output = try trial.pipe("out")
        trial.steps += [.standardStreams(input: nil, output: "out", error: "out")] + Trial.shell(script)
        return try trial.run(output: output)
    }

    private func expectFailure(_ trial: Trial, at step: Step, errno error: Int32, part: LauncherReport.Part) throws {
        let index = try #require(trial.steps.firstIndex(of: step))
        let outcome = try attempt(trial, "true")
        #expect(outcome.failure == LauncherReport(
            kind: .failed, step: UInt32(index), error: error, detail: part.rawValue))
        #expect(outcome.end == .exited(126))
    }

    @Test("a container sees its own root, its own processes and nothing of the host", arguments: [true, false])
    func ownWorld(user: Bool) throws {
        let root = try TestRoot()
        let script = """
            hostname; ls /; busybox ps -o pid,args | tail -n +2; cat /proc/self/mountinfo | wc -l
            cut -d' ' -f5 /proc/self/mountinfo | sort | tr '\\n' ' '; id -u; cat /proc/self/uid_map | tr -s ' '
            """.replacing("cut", with: "busybox cut").replacing("tr ", with: "busybox tr ")
        let outcome = try run(.container(on: root, inside: [.setHostname("inside")], user: user), busybox(script))
        let lines = outcome.output.split(separator: "\n").map(String.init)
        try #require(outcome.failure == nil, "\(outcome)")
        #expect(lines.first == "inside")
        #expect(lines.contains("data") && lines.contains("full") && !lines.contains("etc"))
        #expect(outcome.output.contains("/ /dev /dev/pts /proc "))
        #expect(lines.last == (user ? " 0 700000 65536" : " 0 0 4294967295"))
        #expect(!outcome.output.contains("bulkhead"))
    }

    /// The test root has busybox but none of its links.
    private func busybox(_ script: String) -> String { "PATH=/bin; B=/bin/busybox; alias x=$B; \(applets)\n\(script)" }
    private var applets: String {
        ["ls", "cat", "id", "hostname", "sort", "wc", "tail", "stat", "ifconfig", "grep", "readlink"]
            .map { "\($0)() { /bin/busybox \($0) \"$@\"; }" }.joined(separator: "\n")
    }

    @Test("a root that cannot be moved to the place of the old one is an error: chroot(2) alone would leave a way out")
    func moveRefused() throws {
        let root = try TestRoot()
        var trial = Trial([.propagation(.shared), .attachRoot(tree: "root", anchor: "/mnt"), .changeRoot])
        trial.namespaces = [.mount]
        trial.descriptors.append(("root", Trial.Offer { try root.tree(for: $0, mapped: false) }))
        try expectFailure(trial, at: .changeRoot, errno: EINVAL, part: .attach)
    }

    @Test("nothing of a container appears in the host's mount table")
    func hostUnchanged() throws {
        let root = try TestRoot()
        let before = try TextFile.read("/proc/self/mountinfo")
        let outcome = try run(.container(on: root), "echo \(root.path)")
        #expect(outcome.output == "\(root.path)\n")
        #expect(try !TextFile.read("/proc/self/mountinfo").contains(root.path))
        #expect(!before.contains(root.path))
    }

    @Test("a missing target is made, with its parents, and only when asked for")
    func createdTargets() throws {
        let root = try TestRoot()
        var trial = Trial.container(on: root, before: [
            .attach(tree: "volume", target: "/data/new/deep", kind: .directory, resolve: [.create]),
            .attach(tree: "one", target: "/data/other/file", kind: .file, resolve: [.create]),
            .attach(tree: "unused", target: "/absent", kind: .directory, resolve: [.optional]),
        ])
        let volume = try TestRoot()
        try volume.write("marker", "volume")
        try volume.write("single", "single")
        trial.open("volume", try OwnedDescriptor.detachedTree(at: volume.path))
        trial.open("one", try OwnedDescriptor.detachedTree(at: "\(volume.path)/single"))
        trial.open("unused", try OwnedDescriptor.detachedTree(at: volume.path))
        let outcome = try run(trial, busybox("cat /data/new/deep/marker /data/other/file; stat -c ' %a' /data/other"))
        #expect(outcome.output == "volumesingle 755\n", "\(outcome)")
        #expect(!root.exists("absent"))

        var strict = Trial.container(on: root, before: [
            .attach(tree: "volume", target: "/absent", kind: .directory, resolve: [])
        ])
        strict.open("volume", try OwnedDescriptor.detachedTree(at: volume.path))
        try expectFailure(
            strict, at: .attach(tree: "volume", target: "/absent", kind: .directory, resolve: []), errno: ENOENT,
            part: .resolve)
    }

    @Test("links of the image lead into the image, never out of it")
    func linksStayInside() throws {
        let root = try TestRoot()
        let outside = try TestRoot()
        try root.link("way-out", to: "/../../../../../..\(outside.path)")
        try root.link("up", to: "../../../../../../..")
        try root.link("inside", to: "/data")
        let outcome = try run(.container(on: root, before: [
            .makeDirectory("/inside/made", mode: 0o700, uid: 5, gid: 6),
            .makeDirectory("/up/climbed", mode: 0o755, uid: 0, gid: 0),
        ]), busybox("stat -c '%a %u %g' /data/made /climbed"))
        #expect(outcome.output == "700 5 6\n755 0 0\n", "\(outcome)")
        #expect(!outside.exists("made") && access("/climbed", F_OK) != 0)

        // What a link leads to is made when it is missing: inside.
        let through = Step.makeDirectory("/way-out/made", mode: 0o750, uid: 0, gid: 0)
        let made = try run(.container(on: root, before: [through]), busybox("stat -c %a \(outside.path)/made"))
        #expect(made.output == "750\n", "\(made)")
        #expect(!outside.exists("made"))
    }

    @Test(
        "a link where none may be is refused, before anything is mounted or made",
        arguments: [TargetRules.noLinks, [.noLinks, .create]])
    func refusedLinks(rules: TargetRules) throws {
        let root = try TestRoot()
        try root.link("link", to: "/data")
        let step = Step.mount(type: "tmpfs", target: "/link/x", attributes: [], resolve: rules, options: [])
        try expectFailure(.container(on: root, before: [step]), at: step, errno: ELOOP, part: .resolve)
        #expect(!root.exists("data/x"))
    }

    @Test("a file is no place for a directory, nor the reverse")
    func kinds() throws {
        let root = try TestRoot()
        let onFile = Step.mount(type: "tmpfs", target: "/file", attributes: [], resolve: [], options: [])
        try expectFailure(.container(on: root, before: [onFile]), at: onFile, errno: ENOTDIR, part: .verify)
        let onDirectory = Step.attach(tree: "one", target: "/data", kind: .file, resolve: [])
        var trial = Trial.container(on: root, before: [onDirectory])
        trial.open("one", try Trial.nullDevice())
        try expectFailure(trial, at: onDirectory, errno: EISDIR, part: .verify)
    }

    @Test("masked files read as empty, masked directories are empty and read-only, absent paths do not matter")
    func masks() throws {
        let root = try TestRoot()
        var trial = Trial.container(on: root, before: [
            .mask("/file", with: "null"), .mask("/full", with: "null"), .mask("/data", with: "null"),
            .mask("/proc/keys", with: "null"), .mask("/absent/path", with: "null"), .mask("/file/x", with: "null"),
        ])
        trial.open("null", try Trial.nullDevice())
        let outcome = try run(trial, busybox("""
            cat /file /proc/keys; ls -A /full /data; (echo x > /full/x) 2>&1; (echo x > /data/x) 2>&1; echo end
            """))
        #expect(outcome.failure == nil)
        let refused = { (name: String) in "/bin/busybox: can't create \(name): Read-only file system" }
        #expect(outcome.output.hasSuffix("end\n"))
        #expect(!outcome.output.contains("secret") && !outcome.output.contains("entry"))
        #expect(outcome.output.components(of: "Read-only file system") == 2, "\(outcome.output) \(refused(""))")
        #expect(try root.read("file") == "secret")
    }

    @Test("only the null device masks: anything else given for it is refused")
    func falseNullDevice() throws {
        let root = try TestRoot()
        let step = Step.mask("/file", with: "null")
        var trial = Trial.container(on: root, before: [step])
        trial.open("null", try OwnedDescriptor.detachedTree(at: "/dev/zero"))
        try expectFailure(trial, at: step, errno: ENODEV, part: .verify)
    }

    @Test("a sealed path is read-only with all that is mounted below it")
    func seals() throws {
        let root = try TestRoot()
        let outcome = try run(.container(on: root, before: [
            .mount(type: "tmpfs", target: "/data", attributes: [], resolve: [], options: []),
            .mount(type: "tmpfs", target: "/data/below", attributes: [], resolve: [.create], options: []),
            .sealPath("/data", attributes: [.readOnly, .noAccessTime], resolve: []),
            .sealPath("/absent", attributes: [.readOnly], resolve: []),
        ]), busybox("(echo x > /data/x) 2>&1; (echo x > /data/below/x) 2>&1; echo x > /tmp/x && echo writable"))
        #expect(outcome.output.components(of: "Read-only file system") == 2)
        #expect(outcome.output.hasSuffix("writable\n"))
    }

    @Test("the root itself can be made read-only after everything else")
    func readOnlyRoot() throws {
        let root = try TestRoot()
        let outcome = try run(.container(
            on: root, before: [.mount(type: "tmpfs", target: "/data", attributes: [], resolve: [], options: [])],
            inside: [.rootAttributes(set: [.readOnly], clear: [], recursive: false)]
        ), "(echo x > /x) 2>&1; echo x > /data/x && echo writable")
        #expect(outcome.output.components(of: "Read-only file system") == 1)
        #expect(outcome.output.hasSuffix("writable\n"))
    }

    @Test("a file system that does not exist fails where it is opened, a bad option where it is configured")
    func mountFailures() throws {
        let root = try TestRoot()
        let unknown = Step.mount(type: "nofs", target: "/data", attributes: [], resolve: [], options: [])
        try expectFailure(.container(on: root, before: [unknown]), at: unknown, errno: ENODEV, part: .open)
        let option = Step.mount(type: "tmpfs", target: "/data", attributes: [], resolve: [], options: ["colour=red"])
        try expectFailure(.container(on: root, before: [option]), at: option, errno: EINVAL, part: .configure)
    }

    @Test("a sysctl is written through a procfs of our own, whatever the image has at /proc")
    func sysctls() throws {
        let root = try TestRoot()
        let sysctl = Step.sysctl(name: "net/ipv4/ip_unprivileged_port_start", value: "123")
        let outcome = try run(
            .container(on: root, inside: [
                .mount(type: "tmpfs", target: "/proc", attributes: [], resolve: [], options: []), sysctl,
                .mount(type: "proc", target: "/proc", attributes: [], resolve: [], options: []),
            ]), busybox("cat /proc/sys/net/ipv4/ip_unprivileged_port_start"))
        #expect(outcome.output == "123\n", "\(outcome)")
        let unknown = Step.sysctl(name: "net/ipv4/no_such_setting", value: "1")
        try expectFailure(.container(on: root, inside: [unknown]), at: unknown, errno: ENOENT, part: .open)
        let climbing = Step.sysctl(name: "../self/oom_score_adj", value: "1")
        try expectFailure(.container(on: root, inside: [climbing]), at: climbing, errno: ELOOP, part: .open)
    }

    @Test("loopback is up when asked for, down otherwise", arguments: [true, false])
    func loopback(up: Bool) throws {
        let root = try TestRoot()
        let outcome = try run(
            .container(on: root, inside: up ? [.loopbackUp] : []), busybox("ifconfig lo | grep -c UP"))
        #expect(outcome.output == (up ? "1\n" : "0\n"))
    }

    @Test("the working directory must be there")
    func workingDirectory() throws {
        let root = try TestRoot()
        let step = Step.workingDirectory("/nowhere")
        try expectFailure(.container(on: root, inside: [step]), at: step, errno: ENOENT, part: .open)
        let outcome = try run(.container(on: root, inside: [.workingDirectory("/srv")]), "pwd")
        #expect(outcome.output == "/srv\n")
    }
}

extension String {
    /// How often `part` occurs.
    func components(of part: String) -> Int { split(separator: part, omittingEmptySubsequences: false).count - 1 }
}
