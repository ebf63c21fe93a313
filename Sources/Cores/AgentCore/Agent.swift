public import Determinism

/// All decisions of an agent: what runs on its machine, what it tells the master, what it keeps and what it forgets.
public struct Agent: Core {
    public typealias Event = AgentEvent
    public typealias Effect = AgentEffect

    public let configuration: AgentConfiguration
    var random: SeededRandom

    /// `seed`: another one for each start of the program, so that names it draws are never drawn again.
    public init(_ configuration: AgentConfiguration, seed: UInt64) {
        self.configuration = configuration
        random = SeededRandom(seed: seed)
    }

    public mutating func handle(_ event: AgentEvent, at now: Instant) -> [AgentEffect] { [] }
}
