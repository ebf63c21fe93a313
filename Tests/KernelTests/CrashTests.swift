import Containers
import LinuxKernel
import NativeContainerizer
import Testing

/// The command dies in the middle of a launch or a removal, as by kill -9, and the next one finds everything in order.
@Suite("A crash at any moment leaves nothing that is not found again", .serialized)
struct CrashTests {
    /// What a crash may leave: a container that runs, is listed and can be removed, or nothing at all.
    private func settle(_ host: TestHost, _ id: ContainerID, at point: String, mayRun: Bool) throws {
        try host.containerizer.sweep()
        let listed = try host.containerizer.list().map(\.record.request.id)
        if listed == [id] {
            #expect(mayRun, "\(point): a container that was never released is listed")
            #expect(try host.containerizer.status(of: id)?.state == .running, "\(point)")
            #expect(try host.exec(id, ["echo", "here"]).output == "here\n", "\(point)")
            try host.containerizer.remove(id, force: true)
        } else {
            #expect(listed.isEmpty, "\(point)")
        }
        try host.containerizer.sweep()
        let left = try Traces(of: host)
        #expect(left.lines.isEmpty, "\(point) left \(left)")
    }

    @Test("at every named point of a launch", arguments: Failpoint.names.filter { $0.hasPrefix("launch.") })
    func launch(_ point: String) throws {
        let host = try TestHost()
        let id = ContainerID(number: KernelRandom.number())
        let outcome = try LaunchOnce.run("launch", on: host, id.text, failpoint: point)
        #expect(outcome.end == .signaled(9), "\(outcome.output)")
        try settle(host, id, at: point, mayRun: ["launch.released", "launch.started"].contains(point))
        // And the next launch is none the wiser.
        #expect(try host.shell("echo next").output == "next\n")
    }

    @Test(
        "at every named point of a launch in namespaces made ahead, and of their making",
        arguments: Failpoint.names.filter { !$0.hasPrefix("remove.") })
    func pooled(_ point: String) throws {
        let host = try TestHost(namespacePool: 0)
        let id = ContainerID(number: KernelRandom.number())
        let outcome = try LaunchOnce.run("pooled", on: host, id.text, failpoint: point)
        #expect(outcome.end == .signaled(9), "\(outcome.output)")
        #expect(try Traces(of: host).lines.contains { $0.contains("/ids/") }, "\(point): nothing was leased")
        try settle(host, id, at: point, mayRun: ["launch.released", "launch.started"].contains(point))
        #expect(try host.shell("echo next").output == "next\n")
    }

    @Test("a process that ends with namespaces made ahead leaves its container, and no lease but that one's")
    func ended() throws {
        let host = try TestHost(namespacePool: 0)
        let id = ContainerID(number: KernelRandom.number())
        #expect(try LaunchOnce.run("pooled", on: host, id.text).end == .exited(0))
        try host.containerizer.sweep()
        #expect(try Traces(of: host).lines.filter { $0.contains("/ids/") || $0.contains("/pending/") }.count == 1)
        try settle(host, id, at: "the end", mayRun: true)
    }

    @Test("at every named point of a removal", arguments: Failpoint.names.filter { $0.hasPrefix("remove.") })
    func remove(_ point: String) throws {
        let host = try TestHost()
        let id = ContainerID(number: KernelRandom.number())
        #expect(try LaunchOnce.run("launch", on: host, id.text).end == .exited(0))
        let outcome = try LaunchOnce.run("remove", on: host, id.text, failpoint: point)
        #expect(outcome.end == .signaled(9), "\(outcome.output)")
        if try host.containerizer.status(of: id) != nil { try host.containerizer.remove(id, force: true) }
        try host.containerizer.sweep()
        let left = try Traces(of: host)
        #expect(left.lines.isEmpty, "\(point) left \(left)")
    }

    /// Calls by which something comes into being, changes or goes.
    private static let calls = [
        "mkdir", "openat", "write", "renameat2", "unlinkat", "symlinkat", "fsetxattr", "fchown", "fchmod", "utimensat",
        "bpf", "memfd_create", "flock", "socketpair", "clone3", "sendmsg", "recvmsg", "ftruncate",
    ]

    @Test("after any call of a launch that changes something")
    func calls() throws {
        try disturbEachCall(by: "signal=SIGKILL") { outcome, place in
            #expect(outcome.end == .signaled(9), "\(place): \(outcome)")
        }
    }

    @Test("when any call of a launch finds the disk full, it is said in a sentence and nothing is left")
    func fullDisk() throws {
        try disturbEachCall(by: "error=ENOSPC") { outcome, place in
            #expect(outcome.end == .exited(1), "\(place): \(outcome)")
            #expect(outcome.output.hasPrefix("cannot "), "\(place): \(outcome)")
        }
    }

    /// Launches once for each call, which is disturbed, until a launch gets through; each kind of call in turn.
    private func disturbEachCall(
        by disturbance: String, check: (LaunchOnce.Outcome, String) throws -> Void
    ) throws {
        let host = try TestHost()
        let log = host.scratch + "/calls"
        // The first launch of a host also makes what all later ones find there.
        #expect(try host.shell("true").exit.code == 0)
        var disturbed = 0
        for call in Self.calls {
            for time in 1..<400 {
                let id = ContainerID(number: KernelRandom.number())
                let outcome = try LaunchOnce.run(
                    "launch", on: host, id.text,
                    tracer: [
                        "/usr/bin/strace", "-o", log, "-e", "trace=sendmsg,mkdir," + call, "-e",
                        "inject=\(call):\(disturbance):when=\(time)",
                    ])
                let lines = try TextFile.read(log, limit: 8 << 20).split(separator: "\n")
                // Before the first call about our directories it is the run-time system's own start that is disturbed.
                guard lines.contains(where: { $0.hasPrefix("mkdir(") }) else { continue }
                let last = lines.last { $0.contains("(INJECTED)") } ?? lines.dropLast().last ?? ""
                let place = "\(call) \(time), \(last)"
                try settle(host, id, at: place, mayRun: lines.contains { $0.hasPrefix("sendmsg(") })
                if outcome.end == .exited(0) {
                    // Some calls may fail without harm.
                    if lines.contains(where: { $0.contains("(INJECTED)") }) { continue } else { break }
                }
                try check(outcome, place)
                disturbed += 1
            }
        }
        #expect(disturbed >= 60, "\(disturbed)")
    }

    @Test(
        "when the launcher dies at any of its steps, the launch is refused and nothing is left",
        arguments: [
            "fsopen", "fsconfig", "fsmount", "open_tree", "move_mount", "mount_setattr", "pivot_root", "umount2",
            "sethostname", "keyctl", "clone", "setgroups", "setresuid", "capset", "seccomp", "close_range",
        ])
    func launcherKilled(_ call: String) throws {
        let host = try TestHost()
        #expect(try host.shell("true").exit.code == 0)
        for time in 1...3 {
            let id = ContainerID(number: KernelRandom.number())
            // strace waits for all it follows, so the container is one that ends.
            let outcome = try LaunchOnce.run(
                "brief", on: host, id.text,
                tracer: [
                    "/usr/bin/strace", "-f", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                    "inject=\(call):signal=SIGKILL:when=\(time)",
                ])
            let place = "\(call) \(time)"
            if outcome.end == .exited(1) { #expect(outcome.output.hasPrefix("cannot "), "\(place): \(outcome)") }
            try host.containerizer.sweep()
            let listed = try host.containerizer.list().map(\.record.request.id)
            #expect(listed.isEmpty || outcome.end != .exited(1), "\(place): \(outcome)")
            if !listed.isEmpty { try host.containerizer.remove(id, force: true) }
            let left = try Traces(of: host)
            #expect(left.lines.isEmpty, "\(place) left \(left)")
        }
    }
}
