import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics

/// Operations on resources: reservations, volumes. What there is changes only together with the operation's end, and
/// its status goes to the master like a task's update: remembered, resent, acknowledged.
extension Agent {
    mutating func apply(_ order: OperationOrder) {
        guard state.operations[order.key] == nil else {
            sendOperation(order.key)
            return
        }
        if let (outcome, message) = refusal(of: order) {
            // What it would change is not kept: there is no room for it, in the journal or in a registration.
            let refused = OperationOrder(
                key: order.key, framework: order.framework, id: order.id, change: .unreserve([]))
            record(.operationAccepted(refused))
            finish(refused, outcome, message: message)
            return
        }
        record(.operationAccepted(order))
        do throws(Failure) {
            _ = try changed(by: order.change)
            try checkUse(order.change)
        } catch {
            finish(order, .error, message: error.description)
            return
        }
        let volumes = volumeOrders(order.change)
        if volumes.isEmpty { complete(order) } else { send(.changeVolumes(order.key, volumes)) }
    }

    private func refusal(of order: OperationOrder) -> (OperationStatus.State, String)? {
        let bounds = configuration.bounds
        if WireValue.order(order).bytesCount > bounds.operationBytesMax {
            return (.error, "the operation has more than \(bounds.operationBytesMax) bytes: operationBytesMax")
        }
        if state.operations.count >= bounds.operationsMax {
            return (.dropped, "the agent has \(bounds.operationsMax) operations waiting")
        }
        let held = state.operations.values.reduce(OperationRun(order: order).cost) { $0 + $1.cost }
        if held <= bounds.allOperationsBytesMax { return nil }
        return (
            .dropped,
            "the agent's operations would have more than \(bounds.allOperationsBytesMax) bytes: allOperationsBytesMax")
    }

    mutating func volumesChanged(_ key: UpdateID, _ failure: Failure?) {
        guard let run = state.operations[key], run.status == nil else { return }
        if let failure {
            finish(run.order, .failed, message: failure.description)
        } else {
            complete(run.order)
        }
        carryOnHeld()
    }

    /// The directories are as they should be: the resources follow.
    private mutating func complete(_ order: OperationOrder) {
        do throws(Failure) {
            let (resources, converted) = try changed(by: order.change)
            record(.totalsChanged(resources))
            finish(order, .finished, converted: converted)
        } catch {
            finish(order, .failed, message: error.description)
        }
    }

    /// All resources afterwards, which have to fit into one record.
    private func changed(
        by change: ResourceOperation
    ) throws(Failure) -> (totals: [Resource], converted: [Resource]) {
        let result = try ResourceChange.applied(change, to: totals)
        let most = configuration.bounds.totalsBytesMax
        let count = WireValue.resources(result.totals, .stacked).bytes.count
        // What gives back is never refused.
        guard count <= most || count <= WireValue.resources(totals, .stacked).bytes.count else {
            throw Failure(
                "operation.too-large", doing: "apply operation",
                cause: "the agent's resources would have \(count) bytes, and totalsBytesMax is \(most)",
                remedy: "give back reservations or volumes first", limit: "totalsBytesMax \(most)")
        }
        return result
    }

    /// A volume in use is not taken away under its tasks.
    private func checkUse(_ change: ResourceOperation) throws(Failure) {
        let touched: [Resource] =
            switch change {
            case .destroy(let volumes): volumes
            case .shrink(let volume, _): [volume]
            default: []
            }
        let ids = Set(touched.compactMap { $0.disk?.persistence?.id })
        guard !ids.isEmpty else { return }
        let user = state.tasks.values.first { task in
            !task.state.isTerminal
                && (task.spec.resources + executorResources(of: task)).contains { resource in
                    resource.disk?.persistence.map { ids.contains($0.id) } ?? false
                }
        }
        guard let user else { return }
        throw Failure(
            "volume.in-use", doing: "change volume", on: touched.first?.description,
            cause: "task '\(user.spec.id)' uses it", remedy: "end the task first", retry: .later)
    }

    private func executorResources(of task: TaskRun) -> [Resource] {
        task.executorContainer.flatMap { state.executors[$0]?.spec.resources } ?? []
    }

    private func volumeOrders(_ change: ResourceOperation) -> [VolumeOrder] {
        func path(_ resource: Resource) -> String? {
            SandboxLayout.volume(resource, below: configuration.workDirectory)
        }
        switch change {
        case .create(let volumes): return volumes.compactMap(path).map { .make(path: $0) }
        case .destroy(let volumes):
            return volumes.compactMap { volume in
                path(volume).map { .remove(path: $0, isWholeDisk: volume.disk?.source?.kind == .mount) }
            }
        default: return []
        }
    }

    // MARK: Status

    private mutating func finish(
        _ order: OperationOrder, _ outcome: OperationStatus.State, message: String? = nil, converted: [Resource] = []
    ) {
        var status = operationStatus(order, outcome)
        status.message = message
        status.converted = converted
        record(.operationEnded(key: order.key, status))
        sendOperation(order.key)
        // Whatever the master counted on: this is what there is.
        if link.phase == .registered { send(.send(.resources(totals))) }
    }

    /// The key of the order names its only lasting status too: both are unique to it.
    func operationStatus(_ order: OperationOrder, _ outcome: OperationStatus.State) -> OperationStatus {
        OperationStatus(
            operation: order.id, state: outcome, id: outcome == .pending ? nil : order.key, agent: state.id)
    }

    mutating func sendOperation(_ key: UpdateID) {
        guard link.phase == .registered, let run = state.operations[key], let status = run.status else { return }
        send(.send(.operation(status, key: key, framework: run.order.framework)))
        let wait = operationRetries[key] ?? configuration.timing.updateRetry
        operationRetries[key] = wait
        arm(.operation(key), after: wait)
    }

    mutating func resendOperation(_ key: UpdateID) {
        let wait = operationRetries[key] ?? configuration.timing.updateRetry
        operationRetries[key] = min(wait * 2, configuration.timing.updateRetryMax)
        sendOperation(key)
    }

    mutating func operationAcknowledged(_ id: UpdateID, key: UpdateID) {
        guard let status = state.operations[key]?.status, status.id == id else { return }
        disarm(.operation(key))
        operationRetries[key] = nil
        record(.operationForgotten(key: key))
    }
}

/// What an operation makes of the resources there are.
enum ResourceChange {
    /// All resources afterwards, and those that the operation made.
    ///
    /// - Throws: `Failure` `operation.invalid` and the resources' own codes, when what it starts from is not there.
    static func applied(
        _ change: ResourceOperation, to totals: [Resource]
    ) throws(Failure) -> (totals: [Resource], converted: [Resource]) {
        let (consumed, made) = try parts(change)
        var result = Resources(totals)
        let needed = Resources(consumed).unallocated()
        for resource in needed where !result.contains(resource) {
            throw Failure(
                "operation.invalid", doing: "apply operation", on: "\(resource)",
                cause: "the agent does not have it", remedy: "name resources of a current offer", field: "resources")
        }
        result -= needed
        result += Resources(made).unallocated()
        return (Array(result), made)
    }

    /// What it takes, and what it gives back.
    private static func parts(
        _ change: ResourceOperation
    ) throws(Failure) -> (consumed: [Resource], made: [Resource]) {
        switch change {
        case .reserve(let resources, let source):
            if !source.isEmpty { return (source, resources) }
            return (try unreserved(resources), resources)
        case .unreserve(let resources): return (resources, try unreserved(resources))
        case .create(let volumes): return (volumes.map(\.asPlainDisk), volumes)
        case .destroy(let volumes): return (volumes, volumes.map(\.asPlainDisk))
        case .grow(let volume, let addition): return try grown(volume, addition)
        case .shrink(let volume, let amount): return try shrunk(volume, amount)
        case .createDisk, .destroyDisk:
            throw Failure(
                "operation.unsupported", doing: "apply operation",
                cause: "this agent has no storage provider, so disks are neither made nor destroyed",
                remedy: "configure disks as resources of the agent")
        }
    }

    private static func unreserved(_ resources: [Resource]) throws(Failure) -> [Resource] {
        var plain: [Resource] = []
        for resource in resources {
            guard resource.reservations.last?.origin == .requested else {
                throw Failure(
                    "operation.invalid", doing: "apply operation", on: "\(resource)",
                    cause: "it carries no dynamic reservation", remedy: "name dynamically reserved resources",
                    field: "resources")
            }
            var copy = resource
            copy.reservations.removeLast()
            plain.append(copy)
        }
        return plain
    }

    private static func grown(
        _ volume: Resource, _ addition: Resource
    ) throws(Failure) -> (consumed: [Resource], made: [Resource]) {
        guard case .scalar(let old) = volume.value, case .scalar(let more) = addition.value else {
            throw notAmount(volume)
        }
        var larger = volume
        larger.value = .scalar(old + more)
        return ([volume, addition], [larger])
    }

    private static func shrunk(
        _ volume: Resource, _ amount: Scalar
    ) throws(Failure) -> (consumed: [Resource], made: [Resource]) {
        guard case .scalar(let old) = volume.value, amount < old else { throw notAmount(volume) }
        var smaller = volume
        smaller.value = .scalar(old - amount)
        var freed = volume.asPlainDisk
        freed.value = .scalar(amount)
        return ([volume], [smaller, freed])
    }

    private static func notAmount(_ volume: Resource) -> Failure {
        Failure(
            "operation.invalid", doing: "change the size of volume", on: "\(volume)",
            cause: "the size would not be above zero", remedy: "give an amount smaller than the volume",
            field: "volume")
    }
}

extension Resource {
    /// The disk a volume is made of.
    var asPlainDisk: Resource {
        var plain = self
        plain.isShared = false
        plain.disk = disk?.source.map { Disk(source: $0) }
        return plain
    }
}
