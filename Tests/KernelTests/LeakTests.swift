import LinuxKernel
import Testing

@Suite("Containers that are gone are gone", .serialized)
struct LeakTests {
    @Test("two hundred containers, ended in ten ways, leave nothing on the host and nothing in the process")
    func crowd() throws {
        let host = try TestHost()
        let began = HostFacts.monotonicClock()
        let outcome = try LaunchOnce.run("many", on: host, "200")
        #expect(outcome.end == .exited(0), "\(outcome.output)")
        let lines = outcome.output.split(separator: "\n")
        #expect(lines.first?.hasPrefix("namespaces ") == true && lines.first?.hasSuffix(", left 0") == true)
        #expect(lines.last?.hasPrefix("holds the same: ") == true, "\(outcome.output)")
        let left = try Traces(of: host)
        #expect(left.lines.isEmpty, "left \(left)")
        #expect(HostFacts.monotonicClock() - began < 1_200)
    }

    @Test("the traces this suite looks for are there while a container is")
    func control() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let traces = try Traces(of: host).lines
        #expect(traces.count >= 5, "\(traces)")
        #expect(traces.contains("cgroup \(running.record.request.id.text)"))
        try host.containerizer.remove(running.record.request.id, force: true)
        #expect(try Traces(of: host).lines.isEmpty)
    }
}
