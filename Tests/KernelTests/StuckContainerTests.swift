import Containers
import Diagnostics
import LinuxKernel
import Testing

@testable import NativeContainerizer

@Suite("What does not end")
struct StuckContainerTests {
    /// No test can make a process that the kernel does not end. One that was not killed does not end either.
    @Test("a container that does not end is told of with its process, keeps all it has, and is removed by a later try")
    func container() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let id = running.record.request.id
        let failure = #expect(throws: Failure.self) { try host.containerizer.awaitEnd(of: id, within: 0.05) }
        #expect(failure?.code == "container.stuck" && failure?.retry == .later)
        #expect(failure?.cause?.contains("\(running.process.id)") == true)
        #expect(try host.containerizer.status(of: id)?.state == .running)
        try host.containerizer.remove(id, force: true)
        #expect(try host.containerizer.status(of: id) == nil)
    }

    @Test("a container that nobody can go on with is ended, removed and reaped, and the first failure is told")
    func launched() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let failure = host.containerizer.ended(running, after: Failure("test.failed", doing: "go on"))
        #expect(failure.code == "test.failed" && failure.alsoFailed.isEmpty)
        #expect(try host.containerizer.status(of: running.record.request.id) == nil)
        // Reaped: it is no child any more.
        let error = #expect(throws: KernelError.self) { _ = try running.process.reap() }
        #expect(error?.errno == Errno.noChild)
    }

    @Test("a process that joined and that nobody can go on with is ended and reaped, and the first failure is told")
    func joined() throws {
        let host = try TestHost()
        let id = try host.detached(["sleep", "600"]).record.request.id
        let output = try OwnedDescriptor.pipe()
        let joined = try host.containerizer.exec(
            id, ProcessRequest(arguments: ["sleep", "700"], environment: ["PATH=/bin"]),
            attachment: Attachment(streams: [1: output.write, 2: output.write]))
        let failure = joined.ended(after: Failure("test.failed", doing: "go on"))
        #expect(failure.code == "test.failed" && failure.alsoFailed.isEmpty)
        // Reaped: it is no child any more.
        let error = #expect(throws: KernelError.self) { _ = try joined.monitor.reap() }
        #expect(error?.errno == Errno.noChild)
        #expect(try host.exec(id, ["sh", "-c", "ps -o args | grep -c '^sleep 700'"]).output == "0\n")
        try host.containerizer.remove(id, force: true)
    }
}
