import LinuxKernel
import RuntimeSpec
import Testing

@testable import Bundles

@Suite("how a container goes")
struct RemovalTests {
    @Test("what was left without a name is removed by whoever looks next, however new it is and whoever has it open")
    func left() throws {
        let bundle = try TestBundle.running("true")
        #expect(try bundle.run().status == 0)
        let states = try bundle.states()
        for name: RawPath in [".gone.left", ".gone.held"] {
            try states.makeDirectory(name, mode: 0o711)
            try states.open(name, [.directory]).makeDirectory("nodes", mode: 0o700)
        }
        let held = try states.open(".gone.held", [.directory])
        #expect(try held.lock(exclusive: true, wait: false))
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        #expect(try states.entries().filter { $0.name.description.hasPrefix(".gone.") }.isEmpty)
        try withExtendedLifetime(held) { try bundle.remove() }
    }

    @Test("without its configuration, as older versions may have left it, force ends and removes it all the same")
    func unconfigured() throws {
        let bundle = try TestBundle.running("sleep 600")
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let process = try ProcessHandle.open(try #require(try bundle.state().integer("pid", as: Int32.self)))
        try bundle.states().unlink("one/config.json")
        #expect(try bundle.call("delete", TestBundle.id).status == 1)
        #expect(try !process.hasEnded())
        let deletion = try bundle.call("delete", "--force", TestBundle.id)
        #expect(deletion.status == 0, "\(deletion.errors)")
        #expect(deletion.errors.contains("config.json"), "\(deletion.errors)")
        #expect(try process.comesToItsEnd())
        #expect(try !bundle.hasGroups())
        #expect(try bundle.create().status == 0)
        try bundle.remove()
    }

    private static let mounted = """
        P="$1 --root $2/state"; $P create --bundle $2 one < /dev/null
        mkdir $2/state/one/held; mount -t tmpfs held $2/state/one/held
        $P delete --force one 2> /dev/null; echo $?
        $P list --quiet | wc -l
        $P create --bundle $2 one < /dev/null; echo $?
        $P list --quiet
        $P delete --force one; echo $?
        umount $2/state/.gone.*/held; $P list --quiet
        ls -A $2/state | grep -c '^[.]gone' || true
        """

    @Test("one that cannot be removed whole has lost its name: nobody sees a half, and the name is free")
    func whole() throws {
        let bundle = try TestBundle.running("true")
        let answer = try ProgramAnswer.of(
            "/usr/bin/unshare",
            ["--mount", "--propagation", "private", "sh", "-c", Self.mounted, "sh", TestBundle.program, bundle.place],
            environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "PATH=/usr/bin:/bin"])
        #expect(answer.output == "1\n0\n0\none\n0\n0\n", "\(answer)")
        try bundle.remove()
    }

    @Test("one takes the name away, and what has it afterwards is somebody else's")
    func names() throws {
        let scratch = ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp"
        let store = BundleStore(root: "\(scratch)/store-\(KernelRandom.uuid())")
        let place = try store.create("one", configuration: Array("{}".utf8))
        let held = try #require(try store.hold("one", place))
        let rest = try #require(try store.takeName(held))
        let again = try store.takeName(held)
        #expect(again == nil)
        #expect(try store.ids().isEmpty)
        let second = try store.create("one", configuration: Array("{}".utf8))
        #expect(try !store.isNamed("one", place))
        #expect(try store.isNamed("one", second))
        let late = try store.hold("one", place)
        #expect(late?.id == nil)
        // What is there no more is removed again without a word.
        try store.clear(rest)
        #expect(try store.ids() == ["one"])
        try TreeRemoval.remove(store.root)
    }

    @Test("a cgroup that was removed meanwhile has nobody to be killed")
    func vanishedGroup() throws {
        try BundleGroups.killAll(in: "/nonexistent-\(KernelRandom.uuid())")
    }

    @Test("whoever comes while somebody removes it waits, runs no hooks, and is content with force")
    func twoDeletions() throws {
        let bundle = try TestBundle.running("true")
        try bundle.set(hooks: [("poststop", "echo gone >> $PLACE/gone")])
        #expect(try bundle.call("run", "--bundle", bundle.place, "--keep", TestBundle.id).status == 0)
        // As whoever came first.
        let states = try bundle.states()
        let configuration = try states.open("one/config.json")
        #expect(try configuration.lock(exclusive: true, wait: false))
        let forced = try CallUnderWay { try bundle.call("delete", "--force", TestBundle.id) }
        let deadline = Deadline(seconds: TestBundle.patience)
        while try !TestBundle.isAwaited(configuration), !forced.hasEnded { try deadline.pause("the second") }
        #expect(!HostFacts.exists("\(bundle.place)/gone"))
        try states.rename("one", to: ".gone.first")
        try configuration.unlock()
        let answer = try forced.wait()
        #expect(answer.status == 0, "\(answer.errors)")
        #expect(answer.errors.isEmpty, "\(answer.errors)")
        #expect(!HostFacts.exists("\(bundle.place)/gone"))
        let groups = try bundle.groups()
        try groups.remove(groups.directories)
        try bundle.remove()
    }

    private static let many = """
        for i in 1 2 3 4 5 6; do { $1 --root $2/state delete --force one || echo failed; } & done; wait
        """

    @Test("of many who delete it by force at once none fails, and the hooks run once")
    func manyDeletions() throws {
        let bundle = try TestBundle.running("sleep 600")
        try bundle.set(hooks: [("poststop", "echo gone >> $PLACE/gone")])
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let answer = try ProgramAnswer.of(
            "/bin/sh", ["-c", Self.many, "sh", TestBundle.program, bundle.place], environment: ["PATH=/usr/bin:/bin"])
        #expect(answer.output.isEmpty && answer.errors.isEmpty, "\(answer)")
        #expect(try bundle.read("gone") == "gone\n")
        #expect(try !bundle.hasGroups())
        try bundle.remove()
    }

    @Test("deleted by force while run waits for it: run says how it ended, and the hooks run once")
    func besideRun() throws {
        let bundle = try TestBundle.running("echo started > /mark; sleep 600")
        try bundle.set(hooks: [("poststop", "echo gone >> $PLACE/gone")])
        let run = try CallUnderWay { try bundle.run() }
        try bundle.waitFor("rootfs/mark")
        let deletion = try bundle.call("delete", "--force", TestBundle.id)
        #expect(deletion.status == 0 && deletion.errors.isEmpty, "\(deletion)")
        let answer = try run.wait()
        #expect(answer.status == 128 + SignalNumber.kill, "\(answer)")
        #expect(answer.errors.isEmpty, "\(answer)")
        #expect(try bundle.read("gone") == "gone\n")
        try bundle.remove()
    }
}
