import LinuxKernel
import Testing

@testable import Snapshots

/// Programs of the host that this process has started, and must not wait for in vain.
@Suite("the end of children") struct ChildEndTests {
    private func child(_ script: String) throws -> ProcessHandle {
        try ToolProcess.start("/bin/sh", ["-c", script], descriptors: [nil, nil, nil])
    }

    /// Nobody's child any more, and no zombie.
    private func isGone(_ process: ProcessHandle) -> Bool { !HostFacts.exists("/proc/\(process.id)") }

    @Test("one that ends in time is told of as ever")
    func inTime() throws {
        #expect(try child("exit 7").reap(within: 120) == .exited(7))
        #expect(try child("kill -15 $$").reap(within: 120) == .signaled(15))
    }

    @Test("one that goes on for longer is killed and removed, and that is said")
    func tooLong() throws {
        let process = try child("exec sleep 100000")
        let error = #expect(throws: KernelError.self) { _ = try process.reap(within: 0.05) }
        #expect(error?.errno == Errno.timedOut && error?.description.contains("killed") == true)
        #expect(isGone(process))
    }

    @Test("one that makes a file system and does not end is killed, and what it left is not taken for a whole one")
    func unendingFilesystem() throws {
        let host = try TestHost()
        let (tool, image) = (host.scratch + "/mke2fs", host.scratch + "/disk")
        // It ends all the same: without a limit this test fails, and does not hang.
        try HostScript.write("#!/bin/sh\nexec /bin/sleep 10\n", to: tool)
        let error = #expect(throws: KernelError.self) {
            try FilesystemImage.make(
                at: image, bytes: FilesystemImage.bytesMin, inodes: nil, tool: tool, within: 0.05)
        }
        #expect(error?.errno == Errno.timedOut && error?.description.hasPrefix("mke2fs: ") == true)
        #expect(!HostFacts.exists(image))
        try FilesystemImage.make(at: image, bytes: FilesystemImage.bytesMin, inodes: nil, tool: "/bin/true")
        #expect(HostFacts.exists(image), "what was left does not hinder the next")
    }

    @Test("one that nobody wants is killed and removed, whether or not it has ended by itself")
    func unwanted() throws {
        for script in ["exec sleep 100000", "exit 0"] {
            let process = try child(script)
            try process.killAndReap()
            #expect(isGone(process))
        }
    }
}
