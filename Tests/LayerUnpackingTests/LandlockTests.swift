import Diagnostics
import LinuxKernel
import Testing

/// Landlock cannot be seen from outside, so processes of the test's own go under it and try.
@Suite("Landlock")
struct LandlockTests {
    @Test("what is allowed below one directory is all that is left: no other file, no program, no TCP")
    func walls() async {
        await #expect(processExitsWith: .success) {
            let base = "/tmp/bulkhead-landlock-\(HostFacts.processID())"
            try Directories.makeAll(base + "/in/a", mode: 0o755)
            try Directories.makeAll(base + "/in/b", mode: 0o755)
            try Directories.makeAll(base + "/read", mode: 0o755)
            try OwnedDescriptor.open(RawPath(base + "/read/file"), [.writeOnly, .create], mode: 0o644).write("x")
            try OwnedDescriptor.open(RawPath(base + "/out"), [.writeOnly, .create], mode: 0o644).write("x")
            let inside = try OwnedDescriptor.open(RawPath(base + "/in"), [.directory])
            let below = try OwnedDescriptor.open(RawPath(base + "/read"), [.directory])
            let writing: Landlock.Rights = [.reading, .writeFile, .changing, .moving, .truncate]
            try OwnProcess.gainNoPrivileges()
            try Landlock.enter([(inside, writing), (below, .reading)])

            func refused(_ what: String, _ body: () throws -> Void) {
                do { try body() } catch let error as KernelError {
                    guard error.errno == Errno.accessDenied || error.errno == Errno.crossDevice else {
                        fatalError("\(what): \(error)")
                    }
                    return
                } catch { fatalError("\(what): \(error)") }
                fatalError("\(what) was allowed")
            }
            try inside.open("a/file", [.writeOnly, .create], mode: 0o644).write("y")
            try inside.rename("a/file", to: "b/file")
            try inside.makeHardLink("a/link", to: "b/file", in: inside)
            _ = try below.open("file").readAll(limit: 8)
            refused("writing what is only to be read") { _ = try below.open("file", [.writeOnly]) }
            refused("making a file there") { _ = try below.open("new", [.writeOnly, .create], mode: 0o644) }
            refused("reading elsewhere") { _ = try OwnedDescriptor.open(RawPath(base + "/out")) }
            refused("writing elsewhere") { _ = try OwnedDescriptor.open(RawPath(base + "/out"), [.writeOnly]) }
            refused("removing elsewhere") { try TreeRemoval.remove(base + "/out") }
            refused("reading the host's accounts") { _ = try TextFile.read("/etc/passwd") }
            refused("moving out") {
                try inside.rename("a/link", to: "file2", in: below)
            }
        }
    }
}
