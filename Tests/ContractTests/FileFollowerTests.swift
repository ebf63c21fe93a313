import Containerizing
import Containers
import LinuxKernel
import Testing

/// What a task may put in place of its own output files, which the agent reads for whoever attaches.
@Suite("Following files that a task can replace")
struct FileFollowerTests {
    private func sandbox(_ name: String) throws -> (path: String, directory: OwnedDescriptor) {
        let path = "/dev/shm/bulkhead-follow-\(name)-\(HostFacts.processID())"
        try Directories.makeAll(path, mode: 0o700)
        return (path, try OwnedDescriptor.open(RawPath(path), [.directory]))
    }

    @Test("a pipe or a directory is no output, and nobody waits for it")
    func pipes() throws {
        let (path, directory) = try sandbox("pipes")
        try directory.makeNode("stdout", kind: .fifo, mode: 0o666)
        try directory.makeDirectory("stderr", mode: 0o777)
        for start in [OutputStart.now, .beginning] {
            let follower = FileFollower(
                output: OutputFile(path: path + "/stdout", confinedTo: path),
                error: OutputFile(path: path + "/stderr", confinedTo: path), from: start)
            #expect(try follower.source.next().isEmpty)
        }
        try TreeRemoval.remove(path)
    }

    @Test("a link is not followed, nor one on the way that leads out of the sandbox")
    func links() throws {
        let (path, directory) = try sandbox("links")
        try directory.makeDirectory("sandbox", mode: 0o777)
        try directory.open("secret", [.writeOnly, .create], mode: 0o600).write("not for tasks")
        let sandbox = try directory.open("sandbox", [.directory])
        try sandbox.makeLink("stdout", to: "../secret")
        try sandbox.makeLink("containers", to: "..")
        for name in ["stdout", "containers/secret"] {
            let file = OutputFile(path: "\(path)/sandbox/\(name)", confinedTo: path + "/sandbox")
            let follower = FileFollower(output: file, error: nil, from: .beginning)
            #expect(throws: (any Error).self) { _ = try follower.source.next() }
        }
        try TreeRemoval.remove(path)
    }
}
