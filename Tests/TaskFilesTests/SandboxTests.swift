import Diagnostics
import LinuxKernel
import Testing

@testable import TaskFiles

@Suite("Sandboxes")
struct SandboxTests {
    @Test("a sandbox is made in the known layout with its links, and again without harm")
    func layout() throws {
        let place = try Workplace()
        let path = try place.sandbox()
        try place.write("kept", to: Workplace.run + "/file")
        #expect(try place.sandbox() == path)
        #expect(try place.text(Workplace.run + "/file") == "kept")
        #expect(try place.status(Workplace.run).mode == 0o750)
        #expect(try place.status("slaves").mode == 0o700)
        #expect(HostFacts.linkTarget(place.path + "/slaves/latest") == "A-S0")
        #expect(HostFacts.linkTarget(place.path + "/slaves/A-S0/frameworks/F-1/executors/job:1 ü/runs/latest") == "c1")
    }

    @Test(
        "the owner is who the task asks to be, and where that is not known here the container decides",
        arguments: [
            ("1000", 1_000, 1_000, 0o750), ("1000:50", 1_000, 50, 0o750), ("root", 0, 0, 0o750), ("app", 0, 0, 0o777),
            (nil, 0, 0, 0o777),
        ] as [(String?, UInt32, UInt32, UInt32)])
    func owner(_ user: String?, _ uid: UInt32, _ gid: UInt32, _ mode: UInt32) throws {
        let place = try Workplace()
        try place.sandbox(user: user)
        let status = try place.status(Workplace.run)
        #expect([status.uid, status.gid, status.mode] == [uid, gid, mode])
    }

    @Test("volumes in sandboxes are made: the task's own for its user, those of its group for everybody in it")
    func volumes() throws {
        let place = try Workplace()
        let parent = try place.sandbox()
        try place.work.prepare(
            .init(path: parent + "/tasks/t", user: "1000", directories: [parent + "/shared", parent + "/tasks/t/a/b"]))
        let (own, shared) = try (place.status(Workplace.run + "/tasks/t/a/b"), place.status(Workplace.run + "/shared"))
        #expect([own.uid, own.gid, own.mode] == [1_000, 1_000, 0o750])
        #expect([shared.uid, shared.gid, shared.mode] == [0, 0, 0o777])
    }

    @Test(
        "nothing is made or removed outside the work directory",
        arguments: ["/etc/x", "/tmp", "%/../x/y", "%/a/../../b", "%", "%/", "relative/x"])
    func outside(_ form: String) throws {
        let place = try Workplace()
        let path = form.replacing("%", with: place.path)
        let failure = #expect(throws: Failure.self) { try place.work.prepare(.init(path: path)) }
        #expect(failure?.code == "sandbox.foreign")
        #expect(throws: Failure.self) { try place.work.remove(path) }
    }

    @Test("a link on the way is not followed, neither to make nor to remove")
    func links() throws {
        let place = try Workplace()
        try place.sandbox()
        let outside = try Workplace()
        try outside.write("precious", to: "file")
        let run = try OwnedDescriptor.open(RawPath(place.path + "/" + Workplace.run), [.directory])
        try run.makeLink("out", to: RawPath(outside.path))
        #expect(throws: Failure.self) { try place.work.prepare(.init(path: "\(place.path)/\(Workplace.run)/out/made")) }
        #expect(throws: Failure.self) { try place.work.remove("\(place.path)/\(Workplace.run)/out/file") }
        try place.work.remove(place.path + "/" + Workplace.run)
        #expect(try outside.text("file") == "precious")
        #expect(try !outside.exists("made"))
    }

    @Test("removing the last run takes the emptied directories above with it, and twice is fine")
    func removal() throws {
        let place = try Workplace()
        try place.sandbox()
        try place.write("x", to: Workplace.run + "/file")
        try place.work.remove(place.path + "/" + Workplace.run)
        #expect(try !place.exists("slaves/A-S0"))
        #expect(try place.exists("slaves"))
        try place.work.remove(place.path + "/" + Workplace.run)
    }

    @Test("sandboxes are listed by their paths")
    func list() throws {
        let place = try Workplace()
        #expect(try place.work.sandboxes() == [])
        let path = try place.sandbox()
        #expect(try place.work.sandboxes() == [path])
    }

    @Test("a tree's size counts blocks, each file once, and stops at its bound")
    func size() throws {
        let place = try Workplace()
        try place.sandbox()
        try place.write(String(repeating: "x", count: 100_000), to: Workplace.run + "/file")
        let run = try OwnedDescriptor.open(RawPath(place.path + "/" + Workplace.run), [.directory])
        try run.makeHardLink("second", to: "file", in: run)
        try run.makeLink("endless", to: ".")
        let size = try TreeSize.below(run)
        #expect(size.entries == 3)
        #expect(size.isComplete)
        #expect((100_000..<120_000).contains(size.bytes))
        #expect(try !TreeSize.below(run, entriesMax: 2).isComplete)
    }

    @Test("volumes are made, emptied and removed")
    func persistentVolumes() throws {
        let place = try Workplace()
        let volumes = VolumeDirectories(work: place.work)
        let path = place.path + "/volumes/roles/eng/v1"
        try volumes.carryOut(.make(path: path))
        try place.write("data", to: "volumes/roles/eng/v1/file")
        try volumes.carryOut(.make(path: path))
        #expect(try place.text("volumes/roles/eng/v1/file") == "data")
        try volumes.carryOut(.remove(path: path, isWholeDisk: true))
        #expect(try place.exists("volumes/roles/eng/v1") && !place.exists("volumes/roles/eng/v1/file"))
        try volumes.carryOut(.remove(path: path, isWholeDisk: false))
        #expect(try !place.exists("volumes/roles/eng/v1"))
        try volumes.carryOut(.remove(path: path, isWholeDisk: false))
    }
}
