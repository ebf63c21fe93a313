import ClusterModel
import Containers
import Diagnostics

/// Devices that are resources: whoever was offered so many gets so many, each for himself.
extension TaskLaunch {
    /// Those of `draft`, the first that nobody has. Whoever is asked for several containers before any of them is on
    /// record adds what each was given to `devicesInUse`.
    func devices(of draft: Draft) throws(Failure) -> [DeviceOrder] {
        let bag = Resources(draft.resources)
        var orders = draft.devices
        for offered in policy.deviceResources {
            let amount = bag.amount(of: offered.resource)
            if amount.isZero { continue }
            guard !draft.isOrdered else {
                throw refusal(
                    "launch.devices", "\(offered.resource) are given to tasks that were offered them",
                    remedy: "run it as a task", field: "resources")
            }
            let count = try whole(amount, of: offered.resource)
            let free = offered.devices.filter { !devicesInUse.contains($0) }
            guard free.count >= count else {
                throw Failure(
                    "launch.devices", doing: "launch it", on: "\(offered.resource):\(amount)",
                    cause: "\(free.count) of \(offered.devices.count) are free: a container that has not ended yet has "
                        + "the others",
                    remedy: "launch it again in a moment", field: "resources", retry: .later)
            }
            orders += free.prefix(count).map { DeviceOrder($0, resource: offered.resource) }
        }
        try refuseUnknownDevices(bag)
        return orders
    }

    /// Nobody can keep apart what nobody here knows.
    private func refuseUnknownDevices(_ bag: Resources) throws(Failure) {
        guard !bag.amount(of: "gpus").isZero, !policy.deviceResources.contains(where: { $0.resource == "gpus" }) else {
            return
        }
        throw refusal(
            "launch.gpus", "this agent cannot keep one task's GPUs from another",
            remedy: "leave gpus out, or start the agent with --cdi-resource gpus=VENDOR/CLASS", field: "resources")
    }

    private func whole(_ amount: Scalar, of resource: String) throws(Failure) -> Int {
        guard amount.isWhole, let count = Int(exactly: amount.value) else {
            throw refusal(
                "launch.devices", "\(resource) come in whole numbers, and it has \(amount)",
                remedy: "accept a whole number of them", field: "resources")
        }
        return count
    }

    /// A running container is given no devices: those of its executor's tasks have to be there already.
    func checkDevices(of resources: [Resource], in launch: ContainerLaunch) throws(Failure) {
        let bag = Resources(resources)
        for offered in policy.deviceResources {
            let count = try whole(bag.amount(of: offered.resource), of: offered.resource)
            let there = (launch.devices ?? []).count { $0.resource == offered.resource }
            guard count > there else { continue }
            throw refusal(
                "launch.devices",
                "its executor runs already, with \(there) \(offered.resource), and its tasks would need \(count)",
                remedy: "give the executor itself the \(offered.resource), or use an executor of its own",
                field: "resources")
        }
    }
}

extension AgentState {
    /// Devices that a container has which has not ended, as far as anybody knows.
    var devicesInUse: Set<String> {
        var used: Set<String> = []
        for run in containers.values where run.exit == nil {
            for order in run.launch.devices ?? [] where order.resource != nil { used.insert(order.name) }
        }
        return used
    }
}
