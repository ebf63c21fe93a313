import ClusterAPI
import ClusterModel
import MasterCore

extension Scene {
    /// An operator's change, and what it is answered.
    @discardableResult
    mutating func operate(_ change: OperatorChange, by principal: String? = nil) -> CallAnswer? {
        let call = nextCall()
        take(.operator(call, principal: principal, .change(change)))
        return answers[call]
    }

    func orders(_ agent: ActedAgent) -> [OperationOrder] {
        told(agent).compactMap { message in
            if case .apply(let order) = message { return order }
            return nil
        }
    }

    func has(_ message: MasterMessage, _ agent: ActedAgent) -> Bool { told(agent).contains(message) }

    func total(_ agent: ActedAgent) -> Resources { core.agents[agent.id]?.total ?? .none }

    /// Answers the last order as an agent that has done it.
    mutating func finish(_ order: OperationOrder, _ agent: ActedAgent, _ state: OperationStatus.State = .finished) {
        let status = OperationStatus(operation: order.id, state: state, id: order.key, agent: agent.id)
        say(.operation(status, key: order.key, framework: order.framework), agent)
    }

    func inverseOffers(_ framework: ActedFramework) -> [InverseOffer] {
        heard(framework).flatMap { event -> [InverseOffer] in
            if case .inverseOffers(let offers) = event { return offers }
            return []
        }.filter { core.inverseOffers[$0.id] != nil }
    }
}
