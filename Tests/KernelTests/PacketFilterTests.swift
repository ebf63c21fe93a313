import LinuxKernel
import Nftables
import Testing

@Suite("The packet filter's library, which is not made for threads")
struct PacketFilterTests {
    @Test("threads in namespaces of their own do not disturb each other, nor take each other's interfaces")
    func threads() throws {
        let failures = Monitor<[String]>([])
        let threads = try (0..<8).map { _ in
            try WorkerThread {
                do {
                    try OwnProcess.leaveNamespaces([.network])
                    for _ in 0..<60 { try Self.change() }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == [])
    }

    /// With an interface by its index, for which the library reads all there are.
    private static func change() throws {
        let filter = try PacketFilter()
        try filter.run(
            """
            add table inet trial
            flush table inet trial
            add chain inet trial input { type filter hook input priority filter; }
            add rule inet trial input iif lo accept
            """, to: "add a rule for an interface")
        _ = try filter.run("list table inet trial", to: "read it back")
    }
}
