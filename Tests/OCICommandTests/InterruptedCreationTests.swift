import LinuxKernel
import RuntimeSpec
import Testing

@testable import Bundles

@Suite("a creation that does not come to its end")
struct InterruptedCreationTests {
    private static func hasNoRests(_ bundle: TestBundle) throws -> Bool {
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        return try !bundle.states().entries().contains { $0.name.description.hasPrefix(BundleStore.removedPrefix) }
    }

    private static func awaitEnd(of id: Int32) throws {
        let process: ProcessHandle
        do throws(KernelError) { process = try ProcessHandle.open(id) } catch {
            if error.errno == Errno.noProcess { return }
            throw error
        }
        #expect(try process.comesToItsEnd())
    }

    @Test("killed in a hook: it is known, nothing but delete --force is done with it, and that leaves no cgroup")
    func killedInHook() throws {
        let bundle = try TestBundle.running("true")
        try bundle.set(hooks: [
            ("createRuntime", "\(TestBundle.keepingState); kill -9 $PPID"), ("poststop", "echo gone >> $PLACE/gone"),
        ])
        #expect(try bundle.create().status == -1)
        // Its launcher ends with whoever was to let it go on.
        try Self.awaitEnd(of: try bundle.processOfHook())
        let state = try bundle.state()
        #expect(try state.string("status") == "creating")
        #expect(try state.integer("pid", as: Int32.self) == 0)
        #expect(try bundle.call("list", "--quiet").output == "one\n")
        for words in [["start"], ["kill"], ["pause"], ["resume"], ["update", "--pids-limit", "7"], ["ps"]] {
            let refused = try ProgramAnswer.of(
                TestBundle.program, ["--root", "\(bundle.place)/state"] + words + [TestBundle.id], environment: [])
            #expect(refused.status == 1, "\(words)")
            #expect(refused.errors.contains("it is still being created"), "\(words): \(refused.errors)")
        }
        let unforced = try bundle.call("delete", TestBundle.id)
        #expect(unforced.status == 1)
        #expect(unforced.errors.contains("not stopped: creating"), "\(unforced.errors)")
        // The cgroup is its own also when nothing runs in it.
        let other = try bundle.call("create", "--bundle", bundle.place, "two")
        #expect(other.status == 1)
        #expect(other.errors.contains("it is the container one's"), "\(other.errors)")
        #expect(try bundle.hasGroups())
        let deletion = try bundle.call("delete", "--force", TestBundle.id)
        #expect(deletion.status == 0, "\(deletion.errors)")
        #expect(try !bundle.hasGroups())
        // Hooks had run.
        #expect(try bundle.read("gone") == "gone\n")
        #expect(try Self.hasNoRests(bundle))
        try bundle.remove()
    }

    /// A pipe takes the place of the file that the record is written to, so its creator waits there: after the process
    /// has said that it is created, before anybody can read of it.
    private static let blocking = "\(TestBundle.keepingState); mkfifo $PLACE/state/one/state.json.new"

    @Test("killed between the end of the creation and its record: delete --force ends the process that waits")
    func killedBeforeRecord() throws {
        let bundle = try TestBundle.running("true")
        try bundle.set(hooks: [("createRuntime", Self.blocking)])
        let creator = try bundle.beginCreation()
        let launcher = try ProcessHandle.open(try bundle.processOfHook())
        try bundle.waitFor("state/one/steps")
        try creator.signal(SignalNumber.kill)
        #expect(try creator.reap() == .signaled(SignalNumber.kill))
        #expect(try !launcher.hasEnded())
        #expect(try bundle.state().string("status") == "creating")
        let deletion = try bundle.call("delete", "--force", TestBundle.id)
        #expect(deletion.status == 0, "\(deletion.errors)")
        #expect(try launcher.comesToItsEnd())
        #expect(try !bundle.hasGroups())
        #expect(try Self.hasNoRests(bundle))
        try bundle.remove()
    }

    @Test("deleted by force meanwhile: the process ends at once, the creation fails and says why")
    func deletedInHook() throws {
        let bundle = try TestBundle.running("true")
        try bundle.set(hooks: [
            ("createRuntime", "\(TestBundle.keepingState); \(TestBundle.waiting)"),
            ("poststop", "echo gone >> $PLACE/gone"),
        ])
        let creation = try CallUnderWay { try bundle.create() }
        let launcher = try ProcessHandle.open(try bundle.processOfHook())
        let deletion = try bundle.call("delete", "--force", TestBundle.id)
        #expect(deletion.status == 0, "\(deletion.errors)")
        #expect(try launcher.comesToItsEnd())
        #expect(try !bundle.hasGroups())
        #expect(try bundle.call("state", TestBundle.id).errors.contains("container does not exist"))
        try bundle.write("", "go")
        let answer = try creation.wait()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("somebody has deleted it meanwhile"), "\(answer.errors)")
        #expect(try !bundle.hasGroups())
        // By whoever deleted it, and by nobody else.
        #expect(try bundle.read("gone") == "gone\n")
        #expect(try Self.hasNoRests(bundle))
        try bundle.remove()
    }

    @Test("deleted just before its record is kept: whoever keeps it looks for the name, and ends what was created")
    func deletedBeforeRecord() throws {
        let bundle = try TestBundle.running("true")
        try bundle.set(hooks: [("createRuntime", Self.blocking), ("poststop", "echo gone >> $PLACE/gone")])
        let creation = try CallUnderWay { try bundle.create() }
        let launcher = try ProcessHandle.open(try bundle.processOfHook())
        try bundle.waitFor("state/one/steps")
        // What somebody does last who has found no record yet.
        let states = try bundle.states()
        try states.rename("one", to: ".gone.test")
        let reader = try states.open(".gone.test/state.json.new", [.readOnly, .nonBlocking])
        let answer = try creation.wait()
        withExtendedLifetime(reader) {}
        #expect(answer.status == 1)
        #expect(answer.errors.contains("somebody has deleted it meanwhile"), "\(answer.errors)")
        #expect(try launcher.comesToItsEnd())
        #expect(try !bundle.hasGroups())
        #expect(!HostFacts.exists("\(bundle.place)/gone"))
        #expect(try Self.hasNoRests(bundle))
        try bundle.remove()
    }

    @Test("what its creator has not noticed: another container of that name and cgroup is left alone")
    func namesake() throws {
        let bundle = try TestBundle.running("sleep 600")
        try bundle.set(hooks: [("createRuntime", "\(TestBundle.keepingState); \(TestBundle.waiting)")])
        let creation = try CallUnderWay { try bundle.create() }
        _ = try bundle.processOfHook()
        #expect(try bundle.call("delete", "--force", TestBundle.id).status == 0)
        // The same without the hook.
        try bundle.write(bundle.configuration.text, "config.json")
        #expect(try bundle.create().status == 0)
        try bundle.write("", "go")
        #expect(try creation.wait().status == 1)
        #expect(try bundle.state().string("status") == "created")
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        #expect(try bundle.state().string("status") == "running")
        try bundle.remove()
    }
}
