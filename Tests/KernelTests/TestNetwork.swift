import Containers
import LinuxKernel
import NativeContainerizer
import Netlink
import NetworkFormat
import Networking
import Testing

/// A host of the test's own as far as the network goes, and a machine outside it: two network namespaces with a cable
/// between them. The machine the tests run on is never touched.
struct TestNetwork: Sendable {
    static let hostAddresses = ["192.0.2.1", "2001:db8::1"]
    static let outsideAddresses = ["192.0.2.2", "2001:db8::2"]
    let here: NetworkNamespace
    let outside: NetworkNamespace
    /// Where the runtime keeps what it knows of this namespace.
    let state: String

    /// Runs `body` on a thread in the namespace, which ends with it. Nothing of it may be left behind.
    static func run(_ body: @escaping @Sendable (TestNetwork, TestHost) throws -> Void) throws {
        let outcome = Monitor<Result<Void, any Error>?>(nil)
        let thread = try WorkerThread {
            let result = Result { try inside(body) }
            outcome.withLock { $0 = result }
        }
        thread.join()
        try outcome.waitFor { $0 }.get()
    }

    private static func inside(_ body: (TestNetwork, TestHost) throws -> Void) throws {
        try OwnProcess.leaveNamespaces([.network])
        let outside = try NetworkNamespace.current()
        try OwnProcess.leaveNamespaces([.network])
        let here = try NetworkNamespace.current()
        let network = TestNetwork(
            here: here, outside: outside, state: "\(ContainerNetworks.usualRoot)/\(try here.identity())")
        // A number that a namespace of a test before had may be given out again.
        if HostFacts.exists(network.state) { try TreeRemoval.remove(network.state) }
        try network.wire()
        do {
            let host = try TestHost()
            try body(network, host)
        }
        _ = try ContainerNetworks().prune()
        #expect(try network.traces() == [])
        try TreeRemoval.remove(network.state)
    }

    private func wire() throws {
        guard let address = HardwareAddress("02:00:00:00:00:99") else { return }
        let socket = try NetlinkSocket()
        try socket.makeVirtualPair(
            "up0", bridge: 0, peer: VirtualPeer(name: "out0", address: address, namespace: outside))
        try settle(socket, "up0", Self.hostAddresses)
        try settle(try NetlinkSocket(in: outside), "out0", Self.outsideAddresses + ["169.254.169.254"])
        let metadata = try #require(IPPrefix("169.254.169.254/32"))
        let link = try #require(try socket.link(named: "up0")).index
        try socket.addRoute(to: metadata, through: IPAddress(Self.outsideAddresses[0]), link: link)
        // The outside tries to reach containers by their own addresses.
        let pool = try #require(IPPrefix("10.208.0.0/12"))
        let out = try NetlinkSocket(in: outside)
        try out.addRoute(
            to: pool, through: IPAddress(Self.hostAddresses[0]),
            link: try #require(try out.link(named: "out0")).index)
        try Deadline(seconds: 120).wait("the way out to open") { () throws(KernelError) in
            guard let up = try socket.link(named: "up0"), let far = try out.link(named: "out0") else { return false }
            return up.isOpen && far.isOpen
        }
    }

    private func settle(_ socket: NetlinkSocket, _ name: String, _ addresses: [String]) throws {
        let loopback = try #require(try socket.link(named: "lo")).index
        let link = try #require(try socket.link(named: name)).index
        for text in addresses {
            let address = try #require(IPAddress(text))
            let length = text.hasPrefix("169") ? 32 : address.family == .v4 ? 24 : 64
            try socket.addAddress(address, length: length, to: link)
        }
        for index in [loopback, link] { try socket.setUp(index) }
    }

    /// Links, elements and files that containers have and nobody else.
    func traces() throws -> [String] {
        var result = try NetlinkSocket().links().map(\.name).filter { $0 != "lo" && $0 != "up0" }
        for folder in ["containers", "ports", "leases/default", "networks"] {
            guard HostFacts.exists("\(state)/\(folder)") else { continue }
            result += try OwnedDescriptor.open(RawPath("\(state)/\(folder)"), [.directory]).entries()
                .map { "\(folder)/\($0.name)" }
        }
        result += try NetlinkSocket().permanentNeighbours().map { "neighbour \($0.address)" }
        return result + (try ContainerNetworks().owners())
    }

    /// Patience with a connection that must come about, and with one that must not: a refusal is told at once, a drop
    /// is silence.
    private static let arrivingMilliseconds: Int32 = 60_000
    private static let silentMilliseconds: Int32 = 2_000

    /// Whether a connection from `place` to `address` and `port` comes about. `expected` is how long to wait for it,
    /// not what comes of it.
    static func connects(
        from place: NetworkNamespace, to address: String, _ port: UInt16, as source: String? = nil,
        expected: Bool = true
    ) throws -> Bool {
        let patience = expected ? arrivingMilliseconds : silentMilliseconds
        do throws(KernelError) {
            _ = try place.connect(address: address, port: port, milliseconds: patience, source: source)
            return true
        } catch {
            #expect([Errno.refused, Errno.timedOut, Errno.accessDenied, 101, 113].contains(error.errno), "\(error)")
            return false
        }
    }
}

extension TestHost {
    /// A container on a bridge, its namespace, and its addresses of both versions.
    func wired(
        _ request: BridgeRequest = BridgeRequest()
    ) throws -> (id: ContainerID, place: NetworkNamespace, addresses: [String]) {
        let running = try detached(["sleep", "600"]) { $0.isolation.network = .bridge(request) }
        guard case .bridge(let given) = running.record.request.isolation.network, let lease = given.lease else {
            throw KernelError(call: "lease", errno: Errno.invalid)
        }
        return (
            running.record.request.id, try NetworkNamespace(of: running.process), lease.addresses.map(\.description)
        )
    }
}
