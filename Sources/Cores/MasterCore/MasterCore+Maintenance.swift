import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics

/// Machines that will be away, and asking for what frameworks have there. What frameworks answer is only noted.
extension MasterCore {
    static let maintenanceWindowsMax = 10_000
    static let machinesMax = 100_000
    /// Inverse offers that were answered are looked at again this often.
    static let maintenanceInterval = Duration.seconds(5)

    // MARK: Where

    /// When the agent's machine will be away, as the schedule says.
    func unavailability(of agent: AgentInfo) -> Unavailability? { machines.unavailability(of: agent.address) }

    /// Why an agent at `address` may not register now; nil when it may.
    func downtime(of address: NetworkAddress) -> String? {
        machines.isDown(address) ? "machine \(address.hostname) is down for maintenance" : nil
    }

    private func agents(on machines: [MachineID]) -> [AgentID] {
        let meant = Set(machines.map(MachineIndex.normalized))
        return agents.keys.sorted().filter { id in
            agents[id].map { MachineIndex.names(of: $0.info.address).contains(where: meant.contains) } ?? false
        }
    }

    // MARK: Schedule

    mutating func updateSchedule(
        _ schedule: MaintenanceSchedule, _ change: OperatorChange, _ call: CallID
    ) throws(Failure) {
        guard schedule.windows.count <= Self.maintenanceWindowsMax,
            schedule.windows.reduce(0, { $0 + $1.machines.count }) <= Self.machinesMax
        else {
            throw Failure(
                "maintenance.too-many", doing: "schedule maintenance", cause: "there are too many windows or machines",
                remedy: "schedule less at a time",
                limit: "windows \(Self.maintenanceWindowsMax), machines \(Self.machinesMax)")
        }
        var met: Set<MachineID> = []
        for (index, window) in schedule.windows.enumerated() {
            let field = "schedule.windows[\(index)]"
            if window.machines.isEmpty { throw unfit("no machine is named", "\(field).machine_ids") }
            if let duration = window.unavailability.duration, duration < .zero {
                throw unfit("it is negative", "\(field).unavailability.duration")
            }
            for machine in window.machines {
                if machine.hostname?.isEmpty ?? true, machine.address?.isEmpty ?? true {
                    throw unfit("a machine has a hostname or an address", "\(field).machine_ids")
                }
                if !met.insert(machine).inserted {
                    throw unfit("machine \(Self.shown(machine)) is there twice", "\(field).machine_ids")
                }
            }
        }
        if let missing = maintenance.down.first(where: { !met.contains($0) }) {
            throw unfit("machine \(Self.shown(missing)) is down and has to stay in it", "schedule.windows")
        }
        let put = RegistryChange.putMaintenance(Maintenance(schedule: schedule, down: maintenance.down))
        try put.checkSize()
        persist([put], then: .operated(call, change))
    }

    mutating func scheduleIsStored(_ schedule: MaintenanceSchedule, at now: Instant) {
        let before = Dictionary(uniqueKeysWithValues: agents.map { ($0.key, unavailability(of: $0.value.info)) })
        maintenance.schedule = schedule
        // What is offered says when the machine will be away.
        for agent in agents.keys.sorted() {
            guard let info = agents[agent]?.info, before[agent] != unavailability(of: info) else { continue }
            rescindOffers(of: agent, at: now)
            inverseAnswers[agent] = nil
        }
        note("maintenance.scheduled", "The maintenance schedule has been set", ["windows": "\(schedule.windows.count)"])
        offerInverses(at: now)
        armMaintenance(at: now)
    }

    // MARK: Down and up

    mutating func startMaintenance(
        _ machines: [MachineID], _ change: OperatorChange, _ call: CallID
    ) throws(Failure) {
        if machines.isEmpty { throw unfit("no machine is named", "machines") }
        let scheduled = Set(maintenance.schedule.windows.flatMap(\.machines))
        for machine in machines {
            guard scheduled.contains(machine) else {
                throw unfit("machine \(Self.shown(machine)) is not in the schedule", "machines")
            }
            if maintenance.down.contains(machine) {
                throw unfit("machine \(Self.shown(machine)) is down already", "machines")
            }
        }
        if Set(machines).count < machines.count { throw unfit("a machine is named twice", "machines") }
        let down = maintenance.down + machines
        let put = RegistryChange.putMaintenance(Maintenance(schedule: maintenance.schedule, down: down))
        try put.checkSize()
        persist([put], then: .operated(call, change))
    }

    /// Agents there are over, and their tasks with them: whoever runs there when the machine is up is another one.
    mutating func maintenanceIsStarted(_ machines: [MachineID], at now: Instant) {
        maintenance = Maintenance(schedule: maintenance.schedule, down: maintenance.down + machines)
        for agent in agents(on: machines) { takeDown(agent, at: now) }
    }

    /// Whether the agent is, or is to be, over with its machine.
    func isDown(_ record: AgentRecord) -> Bool { record.isGoingDown || machines.isDown(record.info.address) }

    /// Has an agent end with all it runs, and the registry forget it. Of one about which something is being written it
    /// is asked again when that is done.
    mutating func takeDown(_ agent: AgentID, at now: Instant) {
        guard let record = agents[agent] else { return }
        if !record.isGoingDown {
            note("agent.down", "An agent is shut down for maintenance", ["agent": agent.text])
            agents[agent]?.isGoingDown = true
            send(.shutdown("this machine is down for maintenance"), to: agent)
            rescindOffers(of: agent, at: now)
            refreshActivity(of: agent)
        }
        guard record.transition == nil else { return }
        let ticket = persist([.remove(.agent(agent))], then: .agentTakenDown(agent))
        agents[agent]?.transition = ticket
    }

    mutating func agentIsTakenDown(_ agent: AgentID, at now: Instant) {
        guard let record = agents[agent] else { return }
        note(
            "agent.taken-down", "An agent is over, because its machine is down for maintenance",
            [
                "agent": agent.text, "hostname": record.info.address.hostname, "tasks": "\(record.tasks.count)",
            ])
        remove(agent, for: .takenDown, standing: nil, at: now)
    }

    mutating func stopMaintenance(
        _ machines: [MachineID], _ change: OperatorChange, _ call: CallID
    ) throws(Failure) {
        if machines.isEmpty { throw unfit("no machine is named", "machines") }
        if Set(machines).count < machines.count { throw unfit("a machine is named twice", "machines") }
        for machine in machines where !maintenance.down.contains(machine) {
            throw unfit("machine \(Self.shown(machine)) is not down", "machines")
        }
        persist([.putMaintenance(without(machines))], then: .operated(call, change))
    }

    mutating func maintenanceIsStopped(_ machines: [MachineID], at now: Instant) {
        maintenance = without(machines)
        note("maintenance.ended", "Machines are up again", ["machines": "\(machines.count)"])
        armMaintenance(at: now)
    }

    /// Who is up again has no window any more.
    private func without(_ machines: [MachineID]) -> Maintenance {
        var windows = maintenance.schedule.windows
        for index in windows.indices { windows[index].machines.removeAll { machines.contains($0) } }
        windows.removeAll { $0.machines.isEmpty }
        return Maintenance(
            schedule: MaintenanceSchedule(windows), down: maintenance.down.filter { !machines.contains($0) })
    }

    private func unfit(_ cause: String, _ field: String) -> Failure {
        Failure(
            "maintenance.invalid", doing: "change the maintenance of machines", cause: "\(field): \(cause)",
            remedy: "correct it", field: field)
    }

    private static func shown(_ machine: MachineID) -> String {
        [machine.hostname, machine.address].compactMap(\.self).joined(separator: " ")
    }

    // MARK: Inverse offers

    mutating func maintenanceStarted(at now: Instant) {
        // The master before this one may have had no time to.
        if !maintenance.down.isEmpty {
            for agent in agents(on: maintenance.down) { takeDown(agent, at: now) }
        }
        armMaintenance(at: now)
    }

    private mutating func armMaintenance(at now: Instant) {
        guard !maintenance.schedule.windows.isEmpty, maintenanceTimer == nil else { return }
        maintenanceTimer = setTimer(.maintenance, at: now + Self.maintenanceInterval)
    }

    mutating func maintenanceDue(at now: Instant) {
        maintenanceTimer = nil
        offerInverses(at: now)
        armMaintenance(at: now)
    }

    private mutating func offerInverses(at now: Instant) {
        guard !maintenance.schedule.windows.isEmpty else { return }
        for id in frameworks.keys.sorted() { offerInverse(to: id, at: now) }
    }

    /// Asks a framework for what it uses of agents that will be away, and for what it is offered of them.
    mutating func offerInverse(to framework: FrameworkID, at now: Instant) {
        guard !maintenance.schedule.windows.isEmpty, let record = frameworks[framework] else { return }
        let offered = record.offers.compactMap { offers[$0]?.offer.agent }
        offerInverse(to: framework, on: Set(record.agents.keys).union(offered), at: now)
    }

    /// Asks for those of `agents` that will be away, unless it was asked already or has just answered. Of one that is
    /// not connected, or kept out of offers, nothing is asked: it is when that is over.
    mutating func offerInverse(to framework: FrameworkID, on agents: Set<AgentID>, at now: Instant) {
        guard let record = frameworks[framework], record.isConnected else { return }
        let asked = Set(record.inverseOffers.compactMap { inverseOffers[$0]?.agent })
        var made: [InverseOffer] = []
        for agent in agents.subtracting(asked).sorted() {
            guard let known = self.agents[agent], known.isActive,
                let unavailability = unavailability(of: known.info),
                (inverseAnswers[agent]?[framework]?.isQuietUntil ?? .distantPast) <= now,
                let id = newOfferID()
            else { continue }
            let offer = InverseOffer(
                id: id, framework: framework, agent: agent, address: known.info.address,
                unavailability: unavailability)
            inverseOffers[id] = offer
            self.agents[agent]?.inverseOffers.insert(id)
            frameworks[framework]?.inverseOffers.insert(id)
            made.append(offer)
        }
        if !made.isEmpty { publish(.inverseOffers(made), to: framework) }
    }

    mutating func answerInverse(
        _ ids: [OfferID], _ word: MaintenanceStatus.Word, _ filter: OfferFilter, of framework: FrameworkID,
        at now: Instant
    ) {
        for id in ids {
            guard let offer = inverseOffers[id], offer.framework == framework, let agent = offer.agent else { continue }
            let answer = MaintenanceStatus.Answer(framework: framework, agent: agent, word: word, at: now)
            inverseAnswers[agent, default: [:]][framework] = InverseAnswer(
                answer: answer, isQuietUntil: now + filter.refuseFor)
            rescindInverse(id, tell: false)
        }
    }

    /// It may be asked again at once. What it answered stays to be seen.
    mutating func forgetInverseRefusals(of framework: FrameworkID) {
        for agent in inverseAnswers.keys.sorted() {
            inverseAnswers[agent]?[framework]?.isQuietUntil = .distantPast
        }
    }

    mutating func rescindInverse(_ id: OfferID, tell: Bool = true) {
        guard let offer = inverseOffers.removeValue(forKey: id) else { return }
        frameworks[offer.framework]?.inverseOffers.remove(id)
        if let agent = offer.agent { agents[agent]?.inverseOffers.remove(id) }
        if tell { publish(.rescindInverseOffer(id), to: offer.framework) }
    }

    // MARK: What is shown

    var maintenanceStatus: MaintenanceStatus {
        let down = Set(maintenance.down)
        let draining = maintenance.schedule.windows.flatMap(\.machines).filter { !down.contains($0) }.sorted()
        var answers: [MachineID: [MaintenanceStatus.Answer]] = [:]
        for agent in inverseAnswers.keys.sorted() {
            guard let address = agents[agent]?.info.address, let known = inverseAnswers[agent] else { continue }
            let given = known.keys.sorted().compactMap { known[$0]?.answer }
            for name in MachineIndex.names(of: address) { answers[name, default: []] += given }
        }
        return MaintenanceStatus(
            draining: draining.map { machine in
                MaintenanceStatus.Draining(machine: machine, answers: answers[MachineIndex.normalized(machine)] ?? [])
            }, down: maintenance.down)
    }
}

/// What a framework said to giving an agent back.
struct InverseAnswer: Sendable {
    var answer: MaintenanceStatus.Answer
    /// Until then it is not asked again.
    var isQuietUntil: Instant
}

/// Finds an agent's machine in the schedule, whichever of its parts name it there.
struct MachineIndex: Sendable {
    private var windows: [MachineID: Unavailability] = [:]
    private var down: Set<MachineID> = []

    init(_ maintenance: Maintenance) {
        for window in maintenance.schedule.windows {
            for machine in window.machines { windows[Self.normalized(machine)] = window.unavailability }
        }
        down = Set(maintenance.down.map(Self.normalized))
    }

    func unavailability(of address: NetworkAddress) -> Unavailability? {
        if windows.isEmpty { return nil }
        return Self.names(of: address).lazy.compactMap { windows[$0] }.first
    }

    func isDown(_ address: NetworkAddress) -> Bool {
        !down.isEmpty && Self.names(of: address).contains(where: down.contains)
    }

    /// Host names are the same in capitals.
    static func normalized(_ machine: MachineID) -> MachineID {
        MachineID(hostname: machine.hostname?.lowercased(), address: machine.address)
    }

    /// What may name the machine at `address`.
    static func names(of address: NetworkAddress) -> [MachineID] {
        let hostname = address.hostname.lowercased()
        guard let ip = address.address else { return [MachineID(hostname: hostname)] }
        return [MachineID(hostname: hostname, address: ip), MachineID(hostname: hostname), MachineID(address: ip)]
    }
}
