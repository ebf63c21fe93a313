import Containers
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer
import Testing

/// What makes a launch as fast among a thousand containers as alone: nobody looks at what needs no looking after.
@Suite("Marks and names of containers", .serialized)
struct MarkTests {
    private func entries(_ host: TestHost, _ directory: String) throws -> [String] {
        // What is held for containers to come is marked and leased as well.
        try host.containerizer.namespaces?.end()
        return try OwnedDescriptor.open(RawPath("\(host.places.volatile)/\(directory)"), [.directory]).entries()
            .map(\.name.description)
    }

    private func refusal(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch { return (error as? Failure)?.code.rawValue }
    }

    @Test("a container is marked until its end is settled, and keeps its name until it is removed")
    func lifetime() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"]) { $0.name = "sleeper" }
        let id = running.record.request.id
        #expect(try entries(host, "pending").isEmpty)
        #expect(try entries(host, "running") == [id.text])
        try host.containerizer.kill(id, signal: 9)
        _ = try host.containerizer.wait(for: id, running: running)
        #expect(try entries(host, "running").isEmpty)
        #expect(try entries(host, "names") == ["sleeper"])
        try host.containerizer.remove(id, force: false)
        #expect(try entries(host, "names").isEmpty)
        #expect(try entries(host, "pending").isEmpty)
    }

    @Test("a launch that fails leaves no mark and no name")
    func failed() throws {
        let host = try TestHost()
        #expect(refusal { _ = try host.detached(["/bin/nothing"]) } == "launch.program-not-found")
        for directory in ["pending", "running", "names", "containers", "ids"] {
            #expect(try entries(host, directory).isEmpty, "\(directory)")
        }
    }

    @Test("a name cannot be given twice, and is free again when its container is gone")
    func names() throws {
        let host = try TestHost()
        let first = try host.detached(["sleep", "600"]) { $0.name = "one" }
        #expect(refusal { _ = try host.detached(["sleep", "600"]) { $0.name = "one" } } == "container.name-taken")
        #expect(refusal { _ = try host.detached(["true"]) { $0.name = "../one" } } == "container.bad-name")
        #expect(try entries(host, "containers") == [first.record.request.id.text])
        let id = first.record.request.id
        #expect(try host.containerizer.find("one").request.id == id)
        #expect(try host.containerizer.find(id.text).request.id == id)
        #expect(try host.containerizer.find(String(id.text.prefix(6))).request.id == id)
        #expect(refusal { _ = try host.containerizer.find("two") } == "container.not-found")
        try host.containerizer.remove(id, force: true)
        let second = try host.detached(["sleep", "600"]) { $0.name = "one" }
        try host.containerizer.remove(second.record.request.id, force: true)
    }

    @Test("what a launch left that was cut off is gone after one sweep, and the next has nothing to do")
    func leftovers() throws {
        let host = try TestHost()
        let run = host.places.volatile
        _ = try host.containerizer.sweep()
        #expect(try !host.containerizer.sweep())
        let id = "0123456789abcdef"
        try Directories.make("\(run)/containers/\(id)", mode: 0o700)
        try Directories.make("\(host.places.store)/containers/\(id)", mode: 0o700)
        for (file, text) in [("pending/\(id)", ""), ("names/lost", id), ("names/torn", ""), ("ids/7", id)] {
            try OwnedDescriptor.open(RawPath("\(run)/\(file)"), [.writeOnly, .create], mode: 0o600).write(text)
        }
        #expect(try host.containerizer.sweep())
        for directory in ["pending", "running", "names", "containers", "ids"] {
            #expect(try entries(host, directory).isEmpty, "\(directory)")
        }
        #expect(!HostFacts.exists("\(host.places.store)/containers/\(id)"))
        #expect(try !host.containerizer.sweep())
    }

    @Test("a mark whose lock is held is somebody's who lives, and is left alone")
    func held() throws {
        let host = try TestHost()
        _ = try host.containerizer.sweep()
        let path = RawPath("\(host.places.volatile)/pending/0123456789abcdef")
        let file = try OwnedDescriptor.open(path, [.readWrite, .create], mode: 0o600)
        #expect(try file.lock(exclusive: true, wait: false))
        #expect(try !host.containerizer.sweep())
        #expect(try entries(host, "pending").count == 1)
        try file.unlock()
        #expect(try host.containerizer.sweep())
        #expect(try entries(host, "pending").isEmpty)
    }

    @Test("a container that nobody waits for is settled by a sweep after its end")
    func unwatched() throws {
        let host = try TestHost()
        _ = try host.containerizer.sweep()
        let (id, process) = try launchAndForget(host)
        _ = try host.containerizer.sweep()
        #expect(try entries(host, "running") == [id.text], "it still runs")
        _ = try process.signal(9)
        #expect(try process.waitForEnd(milliseconds: 120_000))
        #expect(try !host.containerizer.sweep())
        #expect(try entries(host, "running").isEmpty)
        #expect(try entries(host, "ids").isEmpty)
        #expect(try host.containerizer.status(of: id)?.state == .ended)
        try host.containerizer.remove(id, force: false)
    }

    /// The mark's lock ends with the value that a launch gives.
    private func launchAndForget(_ host: TestHost) throws -> (ContainerID, ProcessHandle) {
        let running = try host.detached(["sleep", "600"])
        return (running.record.request.id, running.process)
    }

    @Test("a sweep, and finding a container by its name, read no other container's record")
    func readsNothing() throws {
        let host = try TestHost()
        _ = try host.containerizer.sweep()
        let running = try host.detached(["sleep", "600"]) { $0.name = "found" }
        let other = try ContainerID("fedcba9876543210")
        let directory = "\(host.places.volatile)/containers/\(other)"
        try Directories.makeAll(directory + "/record.json", mode: 0o700)
        #expect(refusal { _ = try host.containerizer.list() } == "state.unreadable")
        #expect(try !host.containerizer.sweep())
        #expect(try host.containerizer.find("found").request.id == running.record.request.id)
        try TreeRemoval.remove(directory)
        try host.containerizer.remove(running.record.request.id, force: true)
    }

    @Test("of what is in a store, an installation sweeps away its own and what nobody has marked")
    func sharedStore() throws {
        let host = try TestHost()
        let files = host.places.store + "/containers/"
        let running = try host.detached(["sleep", "100000"])
        let id = running.record.request.id
        #expect(try host.exec(id, ["/bin/sh", "-c", "echo kept > /file"]).code == 0)
        let cutOff = ContainerID(number: KernelRandom.number())
        let crash = try LaunchOnce.run("launch", on: host, cutOff.text, failpoint: "launch.snapshot")
        #expect(crash.end == .signaled(9), "\(crash.output)")
        let unmarked = ContainerID(number: KernelRandom.number())
        try Directories.makeAll(files + unmarked.text, mode: 0o700)
        let other = NativeContainerizer(
            places: Places(volatile: host.scratch + "/other", store: host.places.store),
            launcherPath: TestHost.launcherPath, host: HostProbe.abilities(store: host.scratch))
        try other.records.prepare()
        #expect(try other.sweep())
        #expect(!HostFacts.exists(files + unmarked.text))
        #expect(HostFacts.exists(files + cutOff.text + "/upper"))
        #expect(try TextFile.read(files + id.text + "/upper/file") == "kept\n")
        #expect(try host.containerizer.sweep())
        #expect(!HostFacts.exists(files + cutOff.text))
        #expect(try host.exec(id, ["cat", "/file"]).output == "kept\n")
        try host.containerizer.remove(id, force: true)
        #expect(!HostFacts.exists(files + id.text))
    }

    @Test("directories of containers are kept apart on ext4, and nothing depends on it elsewhere")
    func spread() throws {
        let host = try TestHost()
        try host.containerizer.records.prepare()
        let folder = try OwnedDescriptor.open(RawPath("\(host.places.store)/containers"), [.directory])
        #expect(try UnrelatedDirectories.areSpread(in: folder) == (folder.filesystemType() == 0xef53))
        #expect(try !UnrelatedDirectories.spread(in: OwnedDescriptor.open("/proc", [.directory])))
    }
}
