import ClusterAPI
import HTTPServing
import MasterCore

/// What the parts of the process and the machine under it say, and what is kept for the next master.
extension MasterRoutes {
    var machineRoutes: [Route] {
        let (load, standing) = (settings.systemLoad, standing)
        var routes = [
            demanding(.viewMetrics, "/__processes__") { request in
                let waiting = standing.driver?.figures.waiting ?? 0
                return await self.document(request) {
                    .pieces(
                        ServedProcess.document([.init("master", waiting: waiting), .init("registrar(1)")]).pieces())
                }
            },
            leading("/registrar(1)/registry", [.GET], .masterReadOnly) {
                request, driver throws(Negotiation.Refusal) in
                let name = try self.name(of: request)
                try self.demand(.viewAgents, by: name)
                let core = await driver.snapshot()
                return await self.document(request) { .pieces(core.registryView(by: name).document.pieces()) }
            },
        ]
        if let load {
            routes.append(
                demanding(.viewMetrics, "/system/stats.json") { request in
                    guard let load = await load() else { return Self.noLoad }
                    return await self.document(request) { .pieces(load.document.pieces()) }
                })
        }
        return routes
    }

    private static let noLoad = Response.text(.serviceUnavailable, "the kernel did not say how loaded it is")
}

extension MasterCore {
    /// Of what the caller may see.
    fileprivate func registryView(by name: String?) -> RegistryView {
        var view = RegistryView(master: configuration.master)
        if case .agents(let agents) = response(to: .agents, by: name) {
            view.agents = agents.agents
            view.recovered = agents.recovered
        }
        for (id, former) in formerAgents.sorted(by: { $0.key < $1.key }) {
            let entry = former.entry
            switch entry.standing {
            case .registered: continue
            case .unreachable(let since):
                view.unreachable.append(
                    .init(id: id, since: since, drain: entry.drain, isDeactivated: entry.isDeactivated))
            case .gone(let since): view.gone.append(.init(id: id, since: since))
            }
        }
        if case .maintenanceStatus(let status) = response(to: .maintenanceStatus, by: name) { view.down = status.down }
        if case .maintenanceSchedule(let schedule) = response(to: .maintenanceSchedule, by: name) {
            view.schedule = schedule
        }
        if case .quota(let status) = response(to: .quota, by: name) { view.quotas = status.configs }
        if case .weights(let weights) = response(to: .weights, by: name) { view.weights = weights }
        return view
    }
}
