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

    @Test("a flow that went to the host goes to the container at once when its port is published", arguments: 0...1)
    func publishing(_ version: Int) throws {
        try TestNetwork.run { network, host in
            // Tracking needs rules, and rules a container.
            _ = try host.wired()
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

    @Test("flows of an address are forgotten in both directions, by the number found, and no others")
    func table() throws {
        try TestNetwork.run { network, host in
            let container = try host.wired()
            let sibling = try host.wired()
            let world = try TestDatagrams(in: network.outside, port: 9_000)
            for (count, place) in [(3, container.place), (2, sibling.place)] {
                for version in 0...1 {
                    for _ in 0..<count {
                        #expect(
                            try TestDatagrams.reach(
                                from: place, to: TestNetwork.outsideAddresses[version], 9_000, [world],
                                expected: true))
                    }
                }
            }
            let inside = try TestDatagrams(in: container.place, port: 80)
            #expect(
                try TestDatagrams.reach(from: network.here, to: container.addresses[0], 80, [inside], expected: true))
            let table = try #require(try FlowTable.opened())
            for (address, count) in [(container.addresses[0], 4), (container.addresses[1], 3)] {
                let parsed = try #require(IPAddress(address))
                #expect(try table.forget(reaching: parsed) == count)
                #expect(try table.forget(reaching: parsed) == 0)
            }
            for address in sibling.addresses {
                #expect(try table.forget(reaching: try #require(IPAddress(address))) == 2)
            }
        }
    }
}

extension TestDatagrams {
    /// Whether `text` arrives here.
    fileprivate func hears(_ text: String, expected: Bool = true) -> Bool {
        while !Self.wait([self], milliseconds: expected ? 10_000 : 250).isEmpty {
            if receive()?.text == text { return true }
        }
        return false
    }
}
