import Simulation
import Testing

@Suite("Seeds")
struct SeedTests {
    @Test("the cluster withstands what seeds do to it", arguments: 1...3 as ClosedRange<UInt64>)
    func withstands(seed: UInt64) {
        let report = Simulation.run(seed: seed)
        #expect(report.isGood, "\(report)")
    }
}
