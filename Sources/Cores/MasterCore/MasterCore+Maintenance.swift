import ClusterAPI
import ClusterModel
import Determinism

/// Agents that will be away, and asking for what frameworks have there.
extension MasterCore {
    /// When the agent's machine will be away, as the schedule says.
    func unavailability(of agent: AgentInfo) -> Unavailability? {
        let machine = MachineID(hostname: agent.address.hostname, address: agent.address.address)
        return maintenance.schedule.windows.first { $0.machines.contains(machine) }?.unavailability
    }

    mutating func maintenanceStarted(at now: Instant) {}
    mutating func maintenanceDue(at now: Instant) {}
    mutating func offerInverse(to framework: FrameworkID, at now: Instant) {}

    mutating func answerInverse(
        _ ids: [OfferID], _ word: MaintenanceStatus.Word, of framework: FrameworkID, at now: Instant
    ) {
        for id in ids where inverseOffers[id]?.framework == framework { rescindInverse(id, tell: false) }
    }

    mutating func rescindInverse(_ id: OfferID, tell: Bool = true) {
        guard let offer = inverseOffers.removeValue(forKey: id) else { return }
        frameworks[offer.framework]?.inverseOffers.remove(id)
        if let agent = offer.agent { agents[agent]?.inverseOffers.remove(id) }
        if tell { publish(.rescindInverseOffer(id), to: offer.framework) }
    }
}
