import LinuxKernel
import OrderedCollections
import RuntimeSpec
import Testing

/// A container's own processes against whoever joins it: its first process is the attacker, with every means that the
/// specification can give it but the host's user namespace.
@Suite("exec into a container that means no good", .serialized)
struct JoinAttackTests {
    enum Kind: String, CaseIterable, Sendable { case plain, inUserNamespace }

    /// A running container whose first process is the probe. What it says goes to a file of its own /dev.
    private static func attacked(
        by race: String, _ kind: Kind, capabilities: [SpecValue] = []
    ) throws -> TestBundle {
        let bundle = try TestBundle.running("exec probe race \(race) > /dev/said") { members in
            for set in ["bounding", "effective", "permitted"] where !capabilities.isEmpty {
                TestBundle.set(&members, ["process", "capabilities", set], .array(capabilities))
            }
            guard kind == .inUserNamespace else { return }
            TestBundle.setUserNamespace(&members)
        }
        let probe = try #require(ProcessEnvironment.value("BULKHEAD_PROBE"))
        try HostScript.copy(probe, to: "\(bundle.place)/rootfs/bin/probe")
        let created = try bundle.create()
        #expect(created.status == 0, "\(created.errors)")
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        return bundle
    }

    private static func pid(of bundle: TestBundle) throws -> Int32 {
        try #require(try bundle.state().integer("pid", as: Int32.self))
    }

    private static func said(in bundle: TestBundle) throws -> String {
        try TextFile.read("/proc/\(try pid(of: bundle))/root/dev/said")
    }

    private static func waitUntilReady(_ bundle: TestBundle) throws {
        let deadline = Deadline(seconds: 120)
        while try !said(in: bundle).contains("ready") { try deadline.pause("the attacker to be ready") }
    }

    @Test(
        "a first process that has left its namespaces, while a thread of it lives on, leads no one into the host's",
        arguments: Kind.allCases)
    func headless(_ kind: Kind) throws {
        let bundle = try Self.attacked(by: "headless", kind)
        let pid = try Self.pid(of: bundle)
        let deadline = Deadline(seconds: 120)
        // Its own threads still have them.
        while HostFacts.linkTarget("/proc/\(pid)/ns/mnt") != nil { try deadline.pause("the first thread to end") }
        #expect(try bundle.state().string("status") == "running")
        let answer = try bundle.call("exec", TestBundle.id, "/bin/sh", "-c", "echo ran; ls /")
        #expect(answer.status == 255)
        #expect(answer.output.isEmpty, "it ran somewhere: \(answer.output)")
        #expect(answer.errors.contains("its first process has left its namespaces"), "\(answer.errors)")
        try bundle.remove()
    }

    @Test("nobody inside holds up a process that joins by stopping it", arguments: Kind.allCases)
    func stopped(_ kind: Kind) throws {
        let bundle = try Self.attacked(by: "stop 100", kind, capabilities: ["CAP_KILL"])
        try Self.waitUntilReady(bundle)
        var stopped = 0
        for round in 0..<400 where round < 20 || stopped == 0 {
            let answer = try bundle.call("exec", TestBundle.id, "true")
            if answer.status == 0 { continue }
            stopped += 1
            #expect(answer.status == 255 || answer.status == 137, "\(answer.status), \(answer.errors)")
        }
        #expect(stopped > 0)
        #expect(try Self.said(in: bundle) == "ready\n")
        try bundle.remove()
    }

    /// In its own user namespace it holds what tracing takes; without one only its own few capabilities.
    @Test("nobody inside gets hold of a process that joins before it is the container's own", arguments: Kind.allCases)
    func seize(_ kind: Kind) throws {
        let given: [SpecValue] = kind == .plain ? [] : ["CAP_SYS_PTRACE", "CAP_KILL"]
        let bundle = try Self.attacked(by: "seize bulkhead", kind, capabilities: given)
        try Self.waitUntilReady(bundle)
        for _ in 0..<40 {
            let answer = try bundle.call("exec", TestBundle.id, "true")
            #expect(answer.status == 0, "\(answer.errors)")
        }
        #expect(try Self.said(in: bundle) == "ready\n")
        try bundle.remove()
    }

    @Test("the attack meets processes that are the container's own, so what it does not meet is walled off")
    func control() throws {
        let bundle = try Self.attacked(
            by: "seize busybox", .inUserNamespace, capabilities: ["CAP_SYS_PTRACE", "CAP_KILL"])
        try Self.waitUntilReady(bundle)
        let deadline = Deadline(seconds: 120)
        while try !Self.said(in: bundle).contains("seized") {
            _ = try bundle.call("exec", TestBundle.id, "sleep", "0.05")
            try deadline.pause("a process of the container's own to be met")
        }
        try bundle.remove()
    }
}
