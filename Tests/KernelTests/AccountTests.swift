import Containers
import LinuxKernel
import Testing

/// What the kernel counts for a user is counted for the container's own user, so a container can use up its own share
/// and nothing else. See /proc/sys/user in proc(5).
@Suite("Each container has its own account with the kernel", .serialized)
struct AccountTests {
    @Test("a user namespace belongs to the container's first id, not to the host's root")
    func owner() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let owner = try NamespaceFacts.owner(ofUserNamespaceOf: running.process.id)
        #expect(owner == running.record.request.isolation.identities.base)
        try host.containerizer.remove(running.record.request.id, force: true)
    }

    @Test("a container whose queue of signals is full can still be killed")
    func fullQueue() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let id = running.record.request.id
        try host.containerizer.pause(id)
        #expect(throws: KernelError.self) {
            for _ in 0..<1_000_000 { try running.process.queue(signal: 40, value: 0) }
        }
        try host.containerizer.kill(id, signal: 9)
        #expect(try host.containerizer.wait(for: id, running: running).code == 137)
    }
}
