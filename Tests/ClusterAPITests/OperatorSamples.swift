import ClusterAPI
import ClusterModel
import Determinism

/// What the operator APIs carry, complete and bare.
extension ClusterSamples {
    var agentView: AgentView {
        AgentView(
            info: agentInfo, isActive: false, isDeactivated: true, version: "1.12.0", registeredAt: at,
            reregisteredAt: at, total: resources, allocated: [diskResource], offered: resources, drain: drain)
    }

    var bareAgentView: AgentView {
        AgentView(
            info: AgentInfo(
                id: agent, address: NetworkAddress(hostname: "h", port: 1), resources: [], capabilities: []),
            version: "1", registeredAt: .epoch)
    }

    var offerValue: Offer {
        Offer(
            id: offer, framework: framework, agent: agent, role: role, address: address, resources: resources,
            attributes: agentInfo.attributes, domain: agentInfo.domain, executors: [executor],
            unavailability: unavailability)
    }

    func frameworkView() throws -> FrameworkView {
        let constraint = AttributeConstraint(.attribute("rack"), .textEquals("r1"))
        return FrameworkView(
            info: frameworkInfo, isActive: false, isConnected: false, isRecovered: true, registeredAt: at,
            reregisteredAt: at, unregisteredAt: at, offers: [offerValue],
            inverseOffers: [
                InverseOffer(
                    id: offer, framework: framework, agent: agent, unavailability: unavailability,
                    resources: resources)
            ], allocated: resources, offered: resources, suppressedRoles: [role],
            constraints: try OfferConstraints([role: [OfferConstraints.Group([constraint])]]))
    }

    /// With what views show: the places of secrets without their bytes.
    var taskViews: [TaskView] {
        tasks.map { task in
            var task = task
            task.container = task.container?.withoutSecrets
            task.healthCheck = task.healthCheck?.withoutSecrets
            task.check = task.check?.withoutSecrets
            return TaskView(
                task, framework: framework, state: .running, statuses: [leastStatus, status], updateState: .running,
                updateID: key, user: "web")
        } + [TaskView(tasks[3], framework: framework, state: .staging)]
    }

    var operationView: OperationView {
        OperationView(
            order: OperationOrder(key: key, framework: framework, id: operation, change: changes[0]), agent: agent,
            latest: operationStatus, statuses: [operationStatus])
    }

    func stateView() throws -> StateView {
        StateView(
            tasks: TasksView(tasks: taskViews, unreachable: [taskViews[4]], completed: [taskViews[3]]),
            executors: [ExecutorView(executorSpec.withoutSecrets, agent: agent)],
            frameworks: FrameworksView(frameworks: [try frameworkView()], completed: [bareFrameworkView]),
            agents: AgentsView(agents: [agentView, bareAgentView], recovered: [recoveredAgent]))
    }

    /// As much of an agent as the protocol says of one that has not come back.
    var recoveredAgent: AgentInfo {
        AgentInfo(
            id: agent, address: NetworkAddress(hostname: "h", port: 5_051), resources: resources, capabilities: [])
    }

    var bareFrameworkView: FrameworkView {
        FrameworkView(
            info: FrameworkInfo(id: framework, name: "", capabilities: []), registeredAt: .epoch)
    }

    var processCalls: [ProcessCall] {
        [
            .health, .flags, .version, .metrics(timeout: .seconds(5)), .metrics(timeout: nil), .loggingLevel,
            .setLoggingLevel(2, duration: .seconds(60)), .listFiles(path: "/x"),
            .readFile(path: "/x", offset: 1 << 40, length: 100), .readFile(path: "/x", offset: 0, length: nil),
        ]
    }

    var processResponses: [ProcessResponse] {
        [
            .health(true), .flags([Flag("port", "5050"), Flag("quiet")]), .flags([]),
            .version(
                VersionInfo(
                    version: "1.12.0", buildDate: "2026-11-21", buildTime: 1.5, buildUser: "b", gitCommit: "abc",
                    gitBranch: "main", gitTag: "v1")),
            .version(VersionInfo(version: "1.12.0")), .metrics([Metric("a", 0.5), Metric("b")]), .loggingLevel(1),
            .files([
                FileView(
                    path: "/x/stdout", links: 2, size: 5_000_000_000, modifiedAt: at, mode: 0o100644, user: "root",
                    group: "adm")
            ]), .files([]), .fileContent([0, 1, 255], size: 9), .fileContent([], size: 0),
        ]
    }

    var operatorCalls: [OperatorCall] {
        let quota = Quota(guarantees: ["cpus": Scalar(2)], limits: ["cpus": Scalar(4), "mem": Scalar(0)])
        let machines = [MachineID(hostname: "host-1", address: "10.0.0.1")]
        var changes: [OperatorChange] = [
            .updateWeights([RoleWeight(role, weight: 2.5)]), .updateMaintenanceSchedule(schedule),
            .updateMaintenanceSchedule(MaintenanceSchedule()), .startMaintenance(machines), .stopMaintenance(machines),
            .drainAgent(agent, DrainConfiguration(maxGracePeriod: .milliseconds(600_500), marksGone: true)),
            .drainAgent(agent, DrainConfiguration()), .deactivateAgent(agent), .reactivateAgent(agent),
            .markAgentGone(agent), .updateQuota([QuotaConfig(role, quota: quota)], isForced: true),
            .updateQuota([QuotaConfig(role, quota: .unlimited)], isForced: false),
            .setQuota(role, guarantee: ["cpus": Scalar(2), "mem": Scalar(64)], isForced: true), .removeQuota(role),
            .teardown(framework),
        ]
        for operation in self.changes {
            switch operation {
            case .createDisk, .destroyDisk: break
            case .grow, .shrink: changes += [.apply(operation, on: nil), .apply(operation, on: agent)]
            default: changes.append(.apply(operation, on: agent))
            }
        }
        return processCalls.map { .process($0) } + OperatorQuery.allCases.map { .query($0) }
            + changes.map { .change($0) } + [.subscribe]
    }

    func operatorResponses() throws -> [OperatorResponse] {
        let state = try stateView()
        let master = MasterInfo(id: "m", address: address, version: "1.12.0")
        let answers = MaintenanceStatus.Word.allCases.map {
            MaintenanceStatus.Answer(framework: framework, agent: nil, word: $0, at: at)
        }
        let maintenance = MaintenanceStatus(
            draining: [
                MaintenanceStatus.Draining(machine: MachineID(hostname: "h"), answers: answers),
                MaintenanceStatus.Draining(machine: MachineID(address: "10.0.0.2")),
            ], down: [MachineID(hostname: "h2", address: "10.0.0.3")])
        return processResponses.map { .process($0) } + [
            .state(state), .state(StateView()), .agents(state.agents), .agents(AgentsView()),
            .frameworks(state.frameworks), .executors(state.executors), .executors([]), .operations([operationView]),
            .tasks(state.tasks), .tasks(TasksView()),
            .roles([
                RoleView(
                    name: role, weight: 2, frameworks: [framework], allocated: Resources(resources).quantities),
                RoleView(name: .anyone),
            ]), .weights([RoleWeight(role, weight: 0.5)]), .weights([]),
            .master(MasterView(info: master, startedAt: at, electedAt: at)),
            .master(MasterView(info: master, startedAt: at)), .maintenanceStatus(maintenance),
            .maintenanceStatus(MaintenanceStatus()), .maintenanceSchedule(schedule),
            .maintenanceSchedule(MaintenanceSchedule()),
            .quota(QuotaStatus([QuotaConfig(role, quota: Quota(guarantees: ["cpus": Scalar(1)]))])),
            .quota(QuotaStatus()),
        ]
    }

    func operatorEvents() throws -> [OperatorEvent] {
        [
            .subscribed(try stateView(), heartbeat: .seconds(15)), .subscribed(StateView(), heartbeat: .seconds(1)),
            .taskAdded(taskViews[0]), .taskUpdated(status, state: .failed), .frameworkAdded(try frameworkView()),
            .frameworkUpdated(try frameworkView()), .frameworkRemoved(frameworkInfo), .agentAdded(agentView),
            .agentRemoved(agent), .heartbeat,
        ]
    }
}
