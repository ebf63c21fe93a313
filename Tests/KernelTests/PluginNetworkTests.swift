import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Netlink
import NetworkFormat
import Networking
import Testing

/// With Debian's plugins in /usr/lib/cni.
@Suite("Networks of the Container Network Interface", .serialized)
struct PluginNetworkTests {
    private static func lists(_ scratch: String) -> [(String, String)] {
        let ipam = #"{"type":"host-local","dataDir":"\#(scratch)/ipam","ranges":[[{"subnet":"10.99.0.0/24"}]],"#
            + #""routes":[{"dst":"0.0.0.0/0"}]}"#
        let portmap = #"{"type":"portmap","capabilities":{"portMappings":true}}"#
        func list(_ name: String, _ plugins: String, version: String = "1.0.0") -> (String, String) {
            (name, #"{"cniVersion":"\#(version)","name":"\#(name)","plugins":[\#(plugins)]}"#)
        }
        return [
            list(
                "bridge",
                #"{"type":"bridge","bridge":"cni-t0","isGateway":true,"ipMasq":true,"ipam":\#(ipam)},\#(portmap)"#),
            list("ptp", #"{"type":"ptp","ipMasq":true,"ipam":\#(ipam)},\#(portmap)"#, version: "0.4.0"),
            list("plain", #"{"type":"ptp","ipam":\#(ipam)}"#), list(
                "loopback", #"{"type":"loopback"}"#), list("absent", #"{"type":"no-such-plugin"}"#),
            list("broken", #"{"type":"ptp","ipam":{"type":"host-local","subnet":"10.97.0.0/31"}}"#),
            list("climbing", #"{"type":"../../bin/true"}"#),
        ]
    }

    private static func request(_ name: String, _ host: TestHost, port: UInt16? = nil) throws -> PluginRequest {
        let directory = "\(host.scratch)/net.d"
        try Directories.makeAll(directory, mode: 0o755)
        for list in lists(host.scratch) where list.0 == name {
            try OwnedDescriptor.open(RawPath("\(directory)/\(name).conflist"), [.writeOnly, .create], mode: 0o644)
                .write(list.1)
        }
        return PluginRequest(
            network: name, configurations: directory,
            ports: port.map { [PortPublication(hostPort: $0, port: 80)] } ?? [])
    }

    @Test("an interface, an address and a published port, all given back at the end", arguments: ["bridge", "ptp"])
    func connects(_ name: String) throws {
        try TestNetwork.run { network, host in
            let request = try Self.request(name, host, port: 8_080)
            let running = try host.detached(["sleep", "600"]) { $0.isolation.network = .plugins(request) }
            let id = running.record.request.id
            let given = try #require(try ContainerNetworks().attachment(id))
            #expect(given.addresses.first?.description.hasPrefix("10.99.0.") == true)
            let place = try NetworkNamespace(of: running.process)
            let listeners = try [place, network.outside].map { try $0.listen(address: "0.0.0.0", port: 80) }
            #expect(try TestNetwork.connects(from: network.outside, to: TestNetwork.hostAddresses[0], 8_080))
            #expect(try TestNetwork.connects(from: place, to: TestNetwork.outsideAddresses[0], 80))
            try host.containerizer.remove(id, force: true)
            let leases = try OwnedDescriptor.open(RawPath("\(host.scratch)/ipam/\(name)"), [.directory]).entries()
                .map(\.name.description).filter { $0.hasPrefix("10.") }
            #expect(leases.isEmpty)
            #expect(try NetlinkSocket().links().filter { $0.kind == "veth" }.map(\.name) == ["up0"])
            #expect(try ContainerNetworks().problems().isEmpty)
            if name == "bridge" { try NetlinkSocket().deleteLink(named: "cni-t0") }
            withExtendedLifetime(listeners) {}
        }
    }

    @Test(
        "a launch cut off before, in or after ADD: the next start has the plugins give back what they gave",
        arguments: ["launch.established", "launch.spawned", "launch.attached", "launch.released", "launch.started"])
    func crash(_ point: String) throws {
        try TestNetwork.run { network, host in
            _ = try Self.request("plain", host)
            let id = ContainerID(number: KernelRandom.number())
            let outcome = try LaunchOnce.run("plugins", on: host, id.text, failpoint: point)
            #expect(outcome.end == .signaled(9), "\(outcome.output)")
            try host.containerizer.sweep()
            for status in try host.containerizer.list() {
                try host.containerizer.remove(status.record.request.id, force: true)
            }
            try host.containerizer.sweep()
            let leases = "\(host.scratch)/ipam/plain"
            let left =
                HostFacts.exists(leases)
                ? try OwnedDescriptor.open(RawPath(leases), [.directory]).entries().map(\.name.description) : []
            #expect(left.filter { $0.hasPrefix("10.") }.isEmpty, "\(point) left \(left)")
            #expect(try network.traces() == [], "\(point)")
            #expect(try ContainerNetworks().problems() == [])
            #expect(try !TextFile.read("/proc/thread-self/mountinfo", limit: 4 << 20).contains(id.text))
        }
    }

    @Test("GC of version 1.1.0 names the containers there still are, and no other")
    func collection() throws {
        try TestNetwork.run { _, host in
            let programs = host.scratch + "/plugins"
            try Directories.makeAll(programs, mode: 0o755)
            // One that says what it is asked.
            let script = "#!/bin/sh\ncat > \(host.scratch)/asked.$CNI_COMMAND\necho '{\"cniVersion\":\"1.1.0\"}'\n"
            try HostScript.write(script, to: programs + "/noting")
            let configurations = host.scratch + "/net.d"
            try Directories.makeAll(configurations, mode: 0o755)
            try OwnedDescriptor.open(RawPath(configurations + "/n.conflist"), [.writeOnly, .create], mode: 0o644)
                .write(#"{"cniVersion":"1.1.0","name":"noted","plugins":[{"type":"noting"}]}"#)
            let request = PluginRequest(network: "noted", configurations: configurations, programs: [programs])
            let kept = try host.detached(["sleep", "600"]) { $0.isolation.network = .plugins(request) }
            let gone = try host.detached(["sleep", "600"]) { $0.isolation.network = .plugins(request) }
            try host.containerizer.remove(gone.record.request.id, force: true)
            func asked(_ verb: String) throws -> String { try TextFile.read("\(host.scratch)/asked.\(verb)") }
            #expect(try asked("DEL").contains("prevResult"))
            try ContainerNetworks().check(kept.record.request.id)
            #expect(try asked("CHECK").contains("prevResult"))
            func collected() throws -> String {
                try ContainerNetworks().collect("noted", in: configurations, programs: [programs])
                return try asked("GC").filter { !$0.isWhitespace }
            }
            let id = kept.record.request.id
            #expect(
                try collected().contains(
                    "\"cni.dev/valid-attachments\":[{\"containerID\":\"\(id)\",\"ifname\":\"eth0\"}]"))
            try host.containerizer.remove(id, force: true)
            #expect(try collected().contains(#""cni.dev/valid-attachments":[]"#))
        }
    }

    @Test("GC goes on after a plugin that fails, and tells of all that did")
    func failingCollection() throws {
        try TestNetwork.run { _, host in
            let programs = host.scratch + "/plugins"
            let configurations = host.scratch + "/net.d"
            for folder in [programs, configurations] { try Directories.makeAll(folder, mode: 0o755) }
            for (name, script) in [
                ("failing", "cat > /dev/null; echo '{\"code\": 11, \"msg\": \"no lock\"}'; exit 1"),
                ("noting", "cat > \(host.scratch)/asked.$CNI_COMMAND"), ("mute", "cat > /dev/null; exit 3"),
            ] {
                try HostScript.write("#!/bin/sh\n\(script)\n", to: "\(programs)/\(name)")
            }
            let plugins = ["failing", "noting", "mute", "absent"].map { "{\"type\":\"\($0)\"}" }
            try OwnedDescriptor.open(RawPath(configurations + "/n.conflist"), [.writeOnly, .create], mode: 0o644)
                .write(#"{"cniVersion":"1.1.0","name":"n","plugins":["# + plugins.joined(separator: ",") + "]}")
            let failure = #expect(throws: Failure.self) {
                try ContainerNetworks().collect("n", in: configurations, programs: [programs])
            }
            let told = ([failure].compactMap { $0 } + (failure?.alsoFailed ?? [])).map(\.description)
            try #require(told.count == 3)
            for (words, sentence) in zip(["no lock, code 11", "it ended with 3", "absent"], told) {
                #expect(sentence.contains(words))
            }
            #expect(HostFacts.exists(host.scratch + "/asked.GC"))
        }
    }

    @Test("CHECK says when what was added is gone")
    func check() throws {
        try TestNetwork.run { _, host in
            let request = try Self.request("plain", host)
            let running = try host.detached(["sleep", "600"]) { $0.isolation.network = .plugins(request) }
            let id = running.record.request.id
            try ContainerNetworks().check(id)
            try NetlinkSocket(in: try NetworkNamespace(of: running.process)).deleteLink(named: "eth0")
            let failure = #expect(throws: Failure.self) { try ContainerNetworks().check(id) }
            #expect(failure?.code.rawValue == "network.plugin-failed")
            try host.containerizer.remove(id, force: true)
        }
    }

    @Test("a list of the loopback plugin alone is a network as well")
    func loopback() throws {
        try TestNetwork.run { _, host in
            let request = try Self.request("loopback", host)
            #expect(try host.run(["true"]) { $0.isolation.network = .plugins(request) }.exit.code == 0)
        }
    }

    @Test(
        "a plugin's refusal is told in its own words, and nothing is left",
        arguments: [
            ("absent", "network.plugin-not-found"), ("broken", "network.plugin-failed"),
            ("climbing", "network.plugin-list"), ("nowhere", "network.not-found"),
        ])
    func refusals(_ name: String, _ code: String) throws {
        try TestNetwork.run { network, host in
            let request = try Self.request(name, host)
            let failure = #expect(throws: Failure.self) {
                try host.detached(["sleep", "600"]) { $0.isolation.network = .plugins(request) }
            }
            #expect(failure?.code.rawValue == code, "\(String(describing: failure))")
            if name == "broken" { #expect(failure?.cause?.contains("too small") == true) }
            #expect(try network.traces().isEmpty)
            #expect(try host.containerizer.list().isEmpty)
        }
    }
}
