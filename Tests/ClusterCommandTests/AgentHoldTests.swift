import Diagnostics
import LinuxKernel
import Testing

@testable import bulkhead_cluster

@Suite("What a daemon has to itself")
struct AgentHoldTests {
    @Test("nobody else gets either of its directories while it runs, and somebody does afterwards")
    func alone() throws {
        let root = "/tmp/bulkhead-hold-\(String(KernelRandom.number(), radix: 36))"
        func hold(_ state: String, _ store: String) throws -> AgentHold {
            try AgentHold.take(state: "\(root)/state/\(state)", store: "\(root)/store/\(store)", patience: 0)
        }
        let first = try hold("one", "one")
        for (state, store) in [("one", "one"), ("one", "two"), ("two", "one")] {
            let failure = #expect(throws: Failure.self) { _ = try hold(state, store) }
            #expect(failure?.code == "agent.in-use")
        }
        // Who was refused keeps nothing of what it had got by then.
        let other = try hold("two", "two")
        first.letGo()
        let next = try hold("one", "one")
        withExtendedLifetime((first, other, next)) {}
        try TreeRemoval.remove(root)
    }

    @Test("nor does another master get its registry")
    func registry() throws {
        let root = "/tmp/bulkhead-hold-\(String(KernelRandom.number(), radix: 36))"
        do {
            let first = try MasterDaemon.held(root + "/one")
            let failure = #expect(throws: Failure.self) { _ = try MasterDaemon.held(root + "/one", patience: 0) }
            #expect(failure?.code == "master.in-use")
            _ = try MasterDaemon.held(root + "/two", patience: 0)
            withExtendedLifetime(first) {}
        }
        _ = try MasterDaemon.held(root + "/one", patience: 0)
        try TreeRemoval.remove(root)
    }
}
