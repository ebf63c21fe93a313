import LinuxKernel
import RuntimeSpec
import Testing

@testable import Bundles

@Suite("the cgroup of a container is one container's")
struct GroupClaimTests {
    private func bundle(_ program: SpecValue, _ path: String) throws -> TestBundle {
        try TestBundle {
            TestBundle.set(&$0, ["process", "args"], program)
            TestBundle.set(&$0, ["linux", "cgroupsPath"], .string(path))
        }
    }

    private func groups() throws -> BundleGroups {
        BundleGroups(hierarchies: try GroupHierarchies.find(), path: "/bulkhead-oci-\(KernelRandom.uuid())")
    }

    @Test("what was there before a creation that fails is there afterwards, and what was not is gone")
    func takenBack() throws {
        let groups = try groups()
        let bundle = try bundle(["/none"], groups.path)
        #expect(try bundle.run().status == 1)
        #expect(!groups.directories.contains(where: HostFacts.exists))
        for directory in groups.directories { try Directories.make(directory, mode: 0o755) }
        #expect(try bundle.run().status == 1)
        #expect(groups.directories.allSatisfy(HostFacts.exists))
        try groups.remove(groups.directories)
        try bundle.remove()
    }

    @Test("while somebody creates a container in it, nobody else does")
    func locked() throws {
        let groups = try groups()
        let bundle = try bundle(["true"], groups.path)
        for directory in groups.directories { try Directories.make(directory, mode: 0o755) }
        let other = try OwnedDescriptor.open(RawPath(try #require(groups.telling)), [.directory])
        #expect(try other.lock(exclusive: true, wait: false))
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("another container is being created in it"), "\(answer.errors)")
        #expect(groups.directories.allSatisfy(HostFacts.exists))
        try groups.remove(groups.directories)
        try bundle.remove()
    }

    @Test("of many who create containers in one group at once one does, and its container lives")
    func race() throws {
        let groups = try groups()
        let bundle = try bundle(["sleep", "60"], groups.path)
        let script = """
            for i in 1 2 3 4 5 6; do $1 --root $2/state create --bundle $2 c$i < /dev/null 2> /dev/null & done; wait
            $1 --root $2/state list --quiet
            """
        let variables = ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "PATH=/usr/bin:/bin"]
        let answer = try ProgramAnswer.of(
            "/bin/sh", ["-c", script, "sh", TestBundle.program, bundle.place], environment: variables)
        let names = answer.output.split(separator: "\n").map(String.init)
        try #require(names.count == 1, "\(answer)")
        #expect(try bundle.call("start", names[0]).status == 0)
        #expect(try bundle.call("exec", names[0], "true").status == 0)
        #expect(try bundle.call("delete", "--force", names[0]).status == 0)
        try bundle.remove()
    }

    /// A process in one of its groups of version 1, though not in the one that tells who is in the container, keeps
    /// whoever takes the groups away busy.
    @Test("a creation that fails has its cgroups to itself until it has taken them away")
    func heldToTheEnd() throws {
        let groups = try groups()
        let bundle = try bundle(["true"], groups.path)
        try bundle.set(hooks: [
            ("createRuntime", "\(TestBundle.keepingState); \(TestBundle.waiting); exit 1"),
            ("poststop", "echo gone >> $PLACE/gone"),
        ])
        let creation = try CallUnderWay { try bundle.create() }
        let launcher = try ProcessHandle.open(try bundle.processOfHook())
        let telling = try #require(groups.telling)
        let sleeper = try ToolProcess.start("/bin/sleep", ["600"], descriptors: [nil, nil, nil])
        let first = try #require(groups.directories.first)
        if first != telling { try TextFile.write("\(sleeper.id)", to: "\(first)/cgroup.procs") }
        try bundle.write("", "go")
        #expect(try launcher.comesToItsEnd())
        for _ in 0..<100 where HostFacts.exists(telling) {
            let isFree: Bool
            do throws(KernelError) {
                isFree = try OwnedDescriptor.open(RawPath(telling), [.directory]).lock(exclusive: true, wait: false)
            } catch { isFree = false }
            // Its hooks run when nothing of it is there any more, or when it has given up waiting.
            if isFree { #expect(!HostFacts.exists(telling) || HostFacts.exists("\(bundle.place)/gone")) }
            Interval.pass(milliseconds: 5)
        }
        try sleeper.signal(SignalNumber.kill)
        _ = try sleeper.reap()
        #expect(try creation.wait().status == 1)
        #expect(try bundle.read("gone") == "gone\n")
        try groups.remove(groups.directories)
        try bundle.remove()
    }

    @Test("a container that has ended has its group until it is deleted")
    func ended() throws {
        let bundle = try bundle(["true"], try groups().path)
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        try bundle.waitUntilStopped()
        let answer = try bundle.call("create", "--bundle", bundle.place, "two")
        #expect(answer.status == 1)
        #expect(answer.errors.contains("it is the container one's"), "\(answer.errors)")
        try bundle.remove()
    }

    @Test("a number whose process is not in the group any more when it is held is not signalled")
    func reusedNumber() throws {
        let stranger = try ToolProcess.start("/bin/sleep", ["600"], descriptors: [nil, nil, nil])
        var lists: [[Int32]] = [[], [stranger.id]]
        try BundleGroups.signal(
            SignalNumber.kill, list: { lists.popLast() ?? [] },
            open: { (id) throws(KernelError) in try ProcessHandle.open(id) })
        #expect(try !stranger.hasEnded())
        try stranger.signal(SignalNumber.kill)
        #expect(try stranger.reap() == .signaled(SignalNumber.kill))
    }

    @Test("SIGKILL goes to those who come while it is sent too, and other signals to each once")
    func again() throws {
        let both = try (0..<2).map { _ in try ToolProcess.start("/bin/sleep", ["600"], descriptors: [nil, nil, nil]) }
        var calls = 0
        func list() -> [Int32] {
            calls += 1
            return calls < 3 ? [both[0].id] : both.map(\.id)
        }
        try BundleGroups.signal(
            0, list: list, open: { (id) throws(KernelError) in try ProcessHandle.open(id) })
        #expect(calls == 2)
        calls = 0
        try BundleGroups.signal(
            SignalNumber.kill, list: list, open: { (id) throws(KernelError) in try ProcessHandle.open(id) })
        for process in both { #expect(try process.waitForEnd(milliseconds: 120_000)) }
        for process in both { try process.signal(SignalNumber.kill) }
        for process in both { #expect(try process.reap() == .signaled(SignalNumber.kill)) }
    }
}
