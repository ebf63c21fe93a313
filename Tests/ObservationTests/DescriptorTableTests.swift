import LinuxKernel
import Testing

@testable import Observation

@Suite("What all threads of a process hold")
struct DescriptorTableTests {
    @Test("a socket that only one thread's own table has")
    func ownTable() throws {
        let script = """
            import ctypes, os, socket, sys, threading, time
            parted, closed = threading.Event(), threading.Event()
            one, other = socket.socketpair()
            number = one.fileno()
            def hold():
                ctypes.CDLL(None).unshare(0x400)
                parted.set()
                closed.wait()
                os.write(0, str(number).encode())
                time.sleep(600)
            threading.Thread(target=hold, daemon=True).start()
            parted.wait()
            one.close()
            other.close()
            closed.set()
            time.sleep(600)
            """
        let (ours, theirs) = try OwnedDescriptor.packetPair()
        let process = try ToolProcess.start(
            "/usr/bin/python3", ["-c", script], environment: ["PATH=/usr/bin:/bin"], descriptors: [theirs])
        defer {
            do {
                try process.signal(9)
                _ = try process.reap()
            } catch { Issue.record("\(error)") }
        }
        try #require(try ours.waitReadable(milliseconds: 120_000))
        let said = try #require(try ours.receiveMessage(limit: 16))
        let number = String(decoding: said.bytes, as: UTF8.self)
        let found = try DescriptorTables.open(by: process.id).filter { $0.number == number }
        #expect(found.contains { $0.thread != process.id && $0.target.hasPrefix("socket:[") }, "\(found)")
        #expect(!found.contains { $0.thread == process.id }, "\(found)")
    }

    @Test("nothing, of a process that has ended")
    func ended() throws {
        #expect(try DescriptorTables.open(by: .max).isEmpty)
    }
}
