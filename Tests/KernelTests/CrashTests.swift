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
    private static let calls =
        "openat,mkdir,rmdir,unlinkat,symlinkat,renameat2,write,fsetxattr,fchown,fchownat,fchmod,fchmodat,bpf,"
        + "sendmsg,recvmsg,memfd_create,flock,clone3,socketpair,fsync,ftruncate,utimensat"

    @Test("after any call of a launch that changes something")
    func calls() throws {
        let host = try TestHost()
        let log = host.scratch + "/calls"
        // The first launch of a host also makes what all later ones find there.
        #expect(try host.shell("true").exit.code == 0)
        var crashes = 0
        for call in 1..<1_000 {
            let id = ContainerID(number: KernelRandom.number())
            let outcome = try LaunchOnce.run(
                "launch", on: host, id.text,
                tracer: [
                    "/usr/bin/strace", "-o", log, "-e", "trace=" + Self.calls, "-e",
                    "inject=\(Self.calls):signal=SIGKILL:when=\(call)",
                ])
            let lines = try TextFile.read(log, limit: 8 << 20).split(separator: "\n")
            // Before the first call that names our directories the run-time system's own start is what crashes.
            let place = "call \(call), \(lines.dropLast().last ?? "")"
            if lines.contains(where: { $0.contains(host.places.volatile) && !$0.hasPrefix("execve") }) {
                try settle(host, id, at: place, mayRun: lines.contains { $0.hasPrefix("sendmsg(") })
                crashes += 1
            }
            if outcome.end == .exited(0) { break }
            #expect(outcome.end == .signaled(9), "\(place): \(outcome)")
        }
        #expect((30..<900).contains(crashes), "\(crashes)")
    }
}
