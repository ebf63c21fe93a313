import Testing

@testable import Observation

@Suite("Which namespaces are the host's")
struct HostNamespacesTests {
    private func all(_ first: UInt64) -> [String: UInt64] {
        Dictionary(uniqueKeysWithValues: ProcessTable.kinds.enumerated().map { ($1, first + UInt64($0)) })
    }

    /// linux/nsfs.h
    private let initial: [String: UInt64] = [
        "ipc": 4_026_531_839, "uts": 4_026_531_838, "user": 4_026_531_837, "pid": 4_026_531_836,
        "cgroup": 4_026_531_835, "time": 4_026_531_834, "net": 4_026_531_833, "mnt": 4_026_531_832,
    ]

    @Test("what process 1 says is taken before everything else")
    func first() {
        let sources = HostNamespaces(first: all(100), kernelThread: all(200), own: initial, mounts: 9)
        #expect(sources.known == all(100))
    }

    @Test("where process 1 keeps it to itself, the kernel's threads say it, and of mounts what process 1 sees")
    func kernelThread() {
        let sources = HostNamespaces(first: [:], kernelThread: all(200), own: all(300), mounts: 9)
        var expected = all(200)
        expected["mnt"] = 9
        #expect(sources.known == expected)
    }

    @Test("the auditor's own count where the kernel's numbers say that they are the first")
    func own() {
        let sources = HostNamespaces(first: [:], kernelThread: [:], own: initial, mounts: initial["mnt"])
        #expect(sources.known == initial)
    }

    @Test("the auditor's own are not taken for the host's when nothing says so")
    func unknown() {
        var own = initial
        own["net"] = 4_026_532_500
        let sources = HostNamespaces(first: [:], kernelThread: [:], own: own, mounts: nil)
        #expect(sources.known["net"] == nil && sources.known["mnt"] == nil)
        #expect(sources.known["pid"] == initial["pid"])
    }

    @Test("tables of the network are read strictly enough")
    func tables() {
        let links = "Inter-|   Receive\n face |bytes\n    lo: 1 2\n  eth0: 3 4\n"
        #expect(SocketTable.links(links) == ["lo", "eth0"])
        let sockets =
            "Num       RefCount Protocol Flags    Type St Inode Path\n"
            + "0000000000000000: 00000003 00000000 00000000 0001 03 30590\n"
            + "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/x.sock\n"
        #expect(SocketTable.connected(sockets) == [30_590])
        let routes =
            "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 172.17.0.2\n        /32 host LOCAL\n     |-- 172.17.0.0\n"
            + "        /32 link\n"
        #expect(SocketTable.localAddresses(routes) == ["172.17.0.2"])
    }
}
