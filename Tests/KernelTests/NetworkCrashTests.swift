import Containers
import LinuxKernel
import NativeContainerizer
import Netlink
import NetworkFormat
import Testing

@testable import Networking

@Suite("Networks of containers that are gone, or were cut off, are gone", .serialized)
struct NetworkCrashTests {
    @Test("at every named point of a launch on a bridge", arguments: Failpoint.names.filter { $0.hasPrefix("launch.") })
    func crash(_ point: String) throws {
        try TestNetwork.run { network, host in
            let id = ContainerID(number: KernelRandom.number())
            let outcome = try LaunchOnce.run("bridge", on: host, id.text, failpoint: point)
            #expect(outcome.end == .signaled(9), "\(outcome.output)")
            try host.containerizer.sweep()
            for status in try host.containerizer.list() {
                #expect(status.state == .running, "\(point)")
                try host.containerizer.remove(status.record.request.id, force: true)
            }
            try host.containerizer.sweep()
            let left = try network.traces().filter { $0 != "bulkhead0" && $0 != "networks/default.json" }
            #expect(left.allSatisfy { $0 == "network:default" }, "\(point) left \(left)")
            // The port is free again.
            let next = try LaunchOnce.run("bridge", on: host, ContainerID(number: KernelRandom.number()).text)
            #expect(next.end == .exited(0), "\(next.output)")
        }
    }

    /// Removes whatever is listed; then nothing of it is left but the network.
    private func settle(
        _ network: TestNetwork, _ host: TestHost, _ place: String, states: Set<ContainerStatus.State>
    ) throws {
        try host.containerizer.sweep()
        for status in try host.containerizer.list() {
            #expect(states.contains(status.state), "\(place)")
            try host.containerizer.remove(status.record.request.id, force: true)
        }
        try host.containerizer.sweep()
        let stays = ["bulkhead0", "networks/default.json", "network:default"]
        let left = try network.traces().filter { !stays.contains($0) }
        #expect(left == [], "\(place)")
    }

    /// By which links, addresses, neighbours, rules, flows and settings come into being and go.
    private static let calls = ["sendto", "sendmsg", "setns", "unlinkat", "renameat2", "unlink", "rename"]

    @Test("before any call of a launch or a removal that changes the network", arguments: ["bridge", "remove"])
    func calls(_ verb: String) throws {
        try TestNetwork.run { network, host in
            var killed = 0
            for call in Self.calls {
                for time in 1..<100 {
                    let id = ContainerID(number: KernelRandom.number())
                    if verb == "remove" {
                        #expect(try LaunchOnce.run("bridge", on: host, id.text).end == .exited(0), "\(call) \(time)")
                    }
                    let outcome = try LaunchOnce.run(
                        verb, on: host, id.text,
                        tracer: [
                            "/usr/bin/strace", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
                            "inject=\(call):signal=SIGKILL:when=\(time)",
                        ])
                    try settle(
                        network, host, "\(verb), \(call) \(time)",
                        states: verb == "remove" ? [.running, .ended] : [.running])
                    guard outcome.end == .signaled(9) else {
                        #expect(outcome.end == .exited(0), "\(call) \(time): \(outcome.output)")
                        break
                    }
                    killed += 1
                }
            }
            #expect(killed >= 20, "\(killed)")
        }
    }

    @Test("five hundred containers come and go on a bridge, and nothing of them stays")
    func cycles() throws {
        try TestNetwork.run { network, host in
            _ = try host.wired()
            let before = try network.traces()
            // By a process of its own: in this one, other tests open and close descriptors meanwhile.
            let outcome = try LaunchOnce.run("bridges", on: host, "500")
            #expect(outcome.end == .exited(0) && outcome.output.hasPrefix("holds the same"), "\(outcome.output)")
            #expect(try network.traces() == before)
        }
    }

    @Test("what a container has is looked at and undone under one lock: who is made meanwhile keeps all of it")
    func together() throws {
        try TestNetwork.run { network, host in
            let container = try host.wired()
            let before = try network.traces()
            var isLocked: Bool?
            // As a sweep that has seen the container's record gone, and finds it there again.
            try ContainerNetworks().release(container.id) { attachment in
                #expect(attachment.container == container.id)
                isLocked = Self.isLocked(network)
                return false
            }
            #expect(isLocked == true)
            #expect(!Self.isLocked(network))
            #expect(try network.traces() == before)
            try host.containerizer.remove(container.id, force: true)
        }
    }

    private static func isLocked(_ network: TestNetwork) -> Bool {
        do throws(KernelError) {
            let file = try OwnedDescriptor.open(RawPath(network.state + "/lock"), [.readWrite])
            return try !file.lock(exclusive: true, wait: false)
        } catch { return false }
    }

    @Test("somebody flushes the host's rules: the next container puts back everybody's")
    func flushed() throws {
        try TestNetwork.run { network, host in
            let first = try host.wired(BridgeRequest(ports: [PortPublication(hostPort: 8_080, port: 80)]))
            let listener = try first.place.listen(address: "0.0.0.0", port: 80)
            try ContainerNetworks().forgetRules()
            let second = try host.wired()
            #expect(try TestNetwork.connects(from: network.outside, to: TestNetwork.hostAddresses[0], 8_080))
            #expect(try !TestNetwork.connects(from: second.place, to: first.addresses[0], 80, expected: false))
            withExtendedLifetime(listener) {}
        }
    }
}
