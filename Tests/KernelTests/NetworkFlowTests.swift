import Containers
import LinuxKernel
import NativeContainerizer
import Netlink
import NetworkFormat
import Networking
import Testing

/// The kernel passes a flow's later packets as it passed the first; a sender that keeps its port keeps its flow.
@Suite("Whoever gets an address or a port gets none of its former holder's flows", .serialized)
struct NetworkFlowTests {
    private static let port: UInt16 = 8_080

    private static func published() -> BridgeRequest {
        BridgeRequest(ports: [PortPublication(hostPort: port, port: 80, transport: .udp)])
    }

    /// A flow of datagrams from outside to a port of the host.
    private static func sender(_ network: TestNetwork, _ version: Int, _ source: UInt16) throws -> TestDatagrams {
        try TestDatagrams(in: network.outside, to: TestNetwork.hostAddresses[version], port, from: source)
    }

    /// Flows of datagrams that begin from now on are kept for an hour and not for half a minute, which a slow machine
    /// may need until they are counted. To be called on the test's thread, in its network, where rules are: without
    /// them nothing is tracked.
    private static func keepFlows() throws {
        for name in ["nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"] {
            try TextFile.write("3600", to: "/proc/sys/net/netfilter/\(name)")
        }
    }

    @Test("a flow that went to the host goes to the container at once when its port is published", arguments: 0...1)
    func publishing(_ version: Int) throws {
        try TestNetwork.run { network, host in
            // Tracking needs rules, and rules a container.
            _ = try host.wired()
            try Self.keepFlows()
            let flow = try Self.sender(network, version, 5_000)
            do {
                let server = try TestDatagrams(in: network.here, port: Self.port)
                for _ in 0..<3 { #expect(flow.exchange("\(KernelRandom.number())", [server], expected: true)) }
            }
            let other = try TestDatagrams(in: network.here, port: 8_081)
            let beside = try TestDatagrams(
                in: network.outside, to: TestNetwork.hostAddresses[version], 8_081, from: 5_001)
            #expect(beside.exchange("beside", [other], expected: true))
            let container = try host.wired(Self.published())
            let inside = try TestDatagrams(in: container.place, port: 80)
            #expect(flow.exchange("published", [inside], expected: true))
            // Nobody else's flow is touched.
            #expect(beside.exchange("still", [other], expected: true))
        }
    }

    @Test("a flow to a published port does not reach the next holder of the address", arguments: 0...1)
    func nextHolder(_ version: Int) throws {
        try TestNetwork.run { network, host in
            let first = try host.wired(Self.published())
            try Self.keepFlows()
            let flow = try Self.sender(network, version, 5_000)
            // The other direction: what the container began, and the world answers.
            let world = try TestDatagrams(
                in: network.outside, to: TestNetwork.hostAddresses[version], 6_000, from: 9_000)
            do {
                let inside = try TestDatagrams(in: first.place, port: 80)
                for _ in 0..<3 { #expect(flow.exchange("\(KernelRandom.number())", [inside], expected: true)) }
                let began = try TestDatagrams(
                    in: first.place, to: TestNetwork.outsideAddresses[version], 9_000, from: 6_000)
                #expect(began.send("began") && world.hears("began"))
            }
            try host.containerizer.remove(first.id, force: true)
            let addresses = first.addresses.compactMap { IPAddress($0) }
            let second = try host.wired(BridgeRequest(addresses: addresses))
            #expect(second.addresses == first.addresses)
            let inside = try TestDatagrams(in: second.place, port: 80)
            let answered = try TestDatagrams(in: second.place, port: 6_000)
            #expect(!flow.exchange("not for you", [inside], expected: false))
            #expect(world.send("nor this") && !answered.hears("nor this", expected: false))
            // It is reached by those who may.
            let address = second.addresses[version]
            #expect(try TestDatagrams.reach(from: network.here, to: address, 80, [inside], expected: true))
        }
    }

    /// Flows of an address, either way and after translation, are forgotten; gives how many there were.
    private static func forget(_ address: String, limits: FlowTable.Limits = FlowTable.Limits()) throws -> Int {
        guard let table = try FlowTable.opened(limits: limits) else { return 0 }
        let parsed = try #require(IPAddress(address))
        return try table.forget("flows of \(address)") { $0.source == parsed || $0.target == parsed }
    }

    /// Has each place begin so many flows to the outside, by each version.
    private static func begin(_ network: TestNetwork, _ places: [(NetworkNamespace, Int)]) throws {
        try keepFlows()
        let world = try TestDatagrams(in: network.outside, port: 9_000)
        for (place, count) in places {
            for version in 0...1 {
                for _ in 0..<count {
                    let address = TestNetwork.outsideAddresses[version]
                    #expect(try TestDatagrams.reach(from: place, to: address, 9_000, [world], expected: true))
                }
            }
        }
    }

    @Test("flows of an address are forgotten in both directions, by the number found, and no others")
    func table() throws {
        try TestNetwork.run { network, host in
            let (container, sibling) = (try host.wired(), try host.wired())
            try Self.begin(network, [(container.place, 3), (sibling.place, 2)])
            let inside = try TestDatagrams(in: container.place, port: 80)
            #expect(
                try TestDatagrams.reach(from: network.here, to: container.addresses[0], 80, [inside], expected: true))
            for (address, count) in zip(container.addresses, [4, 3]) {
                #expect(try Self.forget(address) == count)
                #expect(try Self.forget(address) == 0)
            }
            for address in sibling.addresses { #expect(try Self.forget(address) == 2) }
        }
    }

    @Test("an address that is given out again loses its flows of both versions; those of who runs stay")
    func givenOutAgain() throws {
        try TestNetwork.run { network, host in
            let (first, sibling) = (try host.wired(), try host.wired())
            try Self.begin(network, [(first.place, 3), (sibling.place, 2)])
            try host.containerizer.remove(first.id, force: true)
            let second = try host.wired(BridgeRequest(addresses: first.addresses.compactMap { IPAddress($0) }))
            #expect(second.addresses == first.addresses)
            for address in first.addresses { #expect(try Self.forget(address) == 0) }
            for address in sibling.addresses { #expect(try Self.forget(address) == 2) }
        }
    }

    /// As after an upgrade, with containers running.
    @Test("where nobody wrote down who had which address, all are looked at but those of who runs")
    func unknown() throws {
        try TestNetwork.run { network, host in
            let (first, sibling) = (try host.wired(), try host.wired())
            try Self.begin(network, [(first.place, 1), (sibling.place, 2)])
            try host.containerizer.remove(first.id, force: true)
            try TreeRemoval.remove("\(network.state)/former")
            _ = try host.wired()
            for address in first.addresses { #expect(try Self.forget(address) == 0) }
            for address in sibling.addresses { #expect(try Self.forget(address) == 2) }
        }
    }

    /// The one request that says whether the kernel has it is answered as by a kernel without.
    @Test("a kernel that tracks flows and cannot forget them: no launch, and the module is named; an end all the same")
    func withoutModule() throws {
        try TestNetwork.run { network, host in
            _ = try host.wired()
            let before = try network.traces()
            let log = host.scratch + "/calls"
            func run(_ verb: String, _ id: ContainerID, failing number: Int?) throws -> LaunchOnce.Outcome {
                let change = number.map { ["-e", "inject=sendto:error=EINVAL:when=\($0)"] } ?? []
                return try LaunchOnce.run(
                    verb, on: host, id.text, tracer: ["/usr/bin/strace", "-o", log, "-e", "trace=sendto"] + change)
            }
            for verb in ["bridge", "remove"] {
                let first = ContainerID(number: KernelRandom.number())
                let second = ContainerID(number: KernelRandom.number())
                if verb == "remove" { #expect(try run("bridge", first, failing: nil).end == .exited(0)) }
                #expect(try run(verb, first, failing: nil).end == .exited(0))
                let calls = try TextFile.read(log, limit: 8 << 20).split(separator: "\n")
                // As strace writes IPCTNL_MSG_CT_GET_STATS, with and without a name for it.
                let asking = calls.firstIndex { $0.contains("_GET_STATS") || $0.contains("nlmsg_type=0x105 ") }
                let number = try #require(asking) + 1
                if verb == "bridge" { try host.containerizer.remove(first, force: true) }
                if verb == "remove" { #expect(try run("bridge", second, failing: nil).end == .exited(0)) }
                let outcome = try run(verb, second, failing: number)
                #expect(outcome.end == .exited(verb == "bridge" ? 1 : 0), "\(outcome.output)")
                #expect(outcome.output.contains("load the module nf_conntrack_netlink") == (verb == "bridge"))
                #expect(try network.traces() == before)
            }
        }
    }

    @Test("a walk deletes in batches, ends after so many, and reads no more than its limit")
    func limits() throws {
        try TestNetwork.run { network, host in
            let container = try host.wired()
            try Self.begin(network, [(container.place, 3)])
            var limits = FlowTable.Limits()
            (limits.batch, limits.walks) = (1, 2)
            let endless = #expect(throws: KernelError.self) { try Self.forget(container.addresses[0], limits: limits) }
            #expect(endless?.errno == Errno.busy)
            // Two are gone; of one that is left the second walk sees nothing.
            #expect(try Self.forget(container.addresses[0], limits: limits) == 1)
            limits.walkBytes = 64
            let long = #expect(throws: KernelError.self) { try Self.forget(container.addresses[1], limits: limits) }
            #expect(long?.errno == 90, "EMSGSIZE")
            #expect(try Self.forget(container.addresses[1]) == 3)
        }
    }
}

extension TestDatagrams {
    /// Whether `text` arrives here.
    fileprivate func hears(_ text: String, expected: Bool = true) -> Bool {
        while !Self.wait([self], milliseconds: expected ? 120_000 : 250).isEmpty {
            if receive()?.text == text { return true }
        }
        return false
    }
}
