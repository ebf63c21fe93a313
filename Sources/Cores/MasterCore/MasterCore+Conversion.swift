import ClusterModel
import Diagnostics

/// What operations make of resources.
extension MasterCore {
    struct Conversion {
        var consumed: Resources
        var converted: Resources
    }

    /// What `change` takes of what was offered, and what it makes of that.
    func convert(_ change: ResourceOperation, of accepted: AcceptedOffers) throws(Failure) -> Conversion {
        let available = accepted.remaining.unallocated()
        let conversion: Conversion
        switch change {
        case .reserve(let resources, let source):
            let converted = try Resources(validating: resources).unallocated()
            let consumed = source.isEmpty ? try converted.unreserving() : Resources(source).unallocated()
            conversion = Conversion(consumed: consumed, converted: converted)
        case .unreserve(let resources):
            let consumed = try Resources(validating: resources).unallocated()
            conversion = Conversion(consumed: consumed, converted: try consumed.unreserving())
        case .create(let volumes):
            let converted = try Resources(validating: volumes).unallocated()
            conversion = Conversion(consumed: withoutVolumes(converted), converted: converted)
        case .destroy(let volumes):
            let consumed = try Resources(validating: volumes).unallocated()
            conversion = Conversion(consumed: consumed, converted: withoutVolumes(consumed))
        case .grow, .shrink, .createDisk, .destroyDisk:
            throw Failure(
                "operation.unsupported", doing: "apply operation", on: change.name, cause: "the agent has no such disks",
                remedy: "use reserved disk of the agent")
        }
        guard available.contains(conversion.consumed) else {
            throw Failure(
                "operation.exceeds-offer", doing: "apply operation", on: change.name,
                cause: "\(conversion.consumed) is not in what is left of the offers: \(available)",
                remedy: "use what is offered", field: "resources")
        }
        return conversion
    }

    private func withoutVolumes(_ volumes: Resources) -> Resources {
        Resources(
            volumes.map { volume in
                var disk = volume
                disk.isShared = false
                disk.disk = volume.disk?.source.map { Disk(source: $0) }
                return disk
            })
    }
}
