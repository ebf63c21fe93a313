import ClusterModel
import Diagnostics

/// What an operation takes, and what it makes of that. Nothing is made of nothing: without reservations and volumes
/// both are the same.
struct ResourceConversion: Equatable, Sendable {
    var consumed: Resources
    var converted: Resources
}

/// What a change of an agent's resources has to be like, whoever asks for it.
///
/// Each refusal is a `Failure` `operation.invalid`, `operation.unsupported` or `resource.invalid` naming the field.
struct OperationRules {
    /// Who asks: must stand in the reservations and volumes that are made. Nil: anybody, nobody was asked who it is.
    var principal: String?
    /// Set when a framework asks: the role of its offers, and what it can do.
    var role: RoleName?
    var abilities: Set<FrameworkInfo.Capability> = Set(FrameworkInfo.Capability.allCases)
    var agent: AgentInfo
    /// Everything the agent has.
    var total: Resources
    /// Volumes that tasks and executors use.
    var used: Set<VolumeKey> = []

    /// What tells volumes of one agent apart.
    struct VolumeKey: Hashable, Sendable {
        var role: RoleName
        var id: VolumeID

        init?(_ resource: Resource) {
            guard let role = resource.reservedFor, let id = resource.disk?.persistence?.id else { return nil }
            self.role = role
            self.id = id
        }
    }

    func conversion(of change: ResourceOperation) throws(Failure) -> ResourceConversion {
        let conversion: ResourceConversion
        switch change {
        case .reserve(let resources, let source): conversion = try reserving(resources, from: source)
        case .unreserve(let resources): conversion = try unreserving(resources)
        case .create(let volumes): conversion = try creating(volumes)
        case .destroy(let volumes): conversion = try destroying(volumes)
        case .grow(let volume, let addition): conversion = try growing(volume, by: addition)
        case .shrink(let volume, let amount): conversion = try shrinking(volume, by: amount)
        case .createDisk, .destroyDisk:
            throw Failure(
                "operation.unsupported", doing: "apply operation", on: change.name,
                cause: "agents have no storage providers", remedy: "configure disks as resources of the agent")
        }
        guard Self.bare(conversion.consumed) == Self.bare(conversion.converted) else {
            throw invalid(change.name, "it makes \(conversion.converted) of \(conversion.consumed)", "resources")
        }
        return conversion
    }

    /// What is left of resources when all that operations can change is taken off.
    static func bare(_ resources: Resources) -> Resources {
        Resources(
            resources.map { resource in
                var bare = resource.withoutVolume
                bare.reservations = []
                bare.allocatedTo = nil
                return bare
            })
    }

    // MARK: Reservations

    private func reserving(_ resources: [Resource], from source: [Resource]) throws(Failure) -> ResourceConversion {
        let converted = try checked(resources, for: "RESERVE", "reserve.resources")
        for resource in resources {
            guard let reservation = resource.reservations.last, reservation.origin == .requested else {
                throw invalid("RESERVE", "\(resource) has no dynamic reservation on top", "reserve.resources")
            }
            if resource.isPersistentVolume {
                throw invalid("RESERVE", "\(resource) is a volume", "reserve.resources")
            }
            if let principal, !reservation.principal.isSame(as: principal) {
                throw invalid(
                    "RESERVE", "its principal is not '\(principal)'", "reserve.resources.reservations.principal")
            }
            if let role, reservation.role != role {
                throw invalid(
                    "RESERVE", "it reserves for '\(reservation.role)', and the offers are for '\(role)'",
                    "reserve.resources.reservations.role")
            }
            try checkRefinement(resource, "RESERVE", "reserve.resources.reservations")
        }
        guard !source.isEmpty else {
            return ResourceConversion(consumed: try converted.unreserving(), converted: converted)
        }
        let consumed = try checked(source, for: "RESERVE", "reserve.source")
        if source.contains(where: \.isPersistentVolume) {
            throw invalid("RESERVE", "a volume stays with its reservation", "reserve.source")
        }
        try checkRequested(source, above: resources, "reserve.source")
        try checkRequested(resources, above: source, "reserve.resources")
        return ResourceConversion(consumed: consumed, converted: converted)
    }

    /// A reservation of the agent's configuration is nobody's to take or to make: what the two sides do not have in
    /// common was requested. Without this a source is a way round UNRESERVE, which refuses configured ones.
    private func checkRequested(
        _ side: [Resource], above other: [Resource], _ field: String
    ) throws(Failure) {
        for resource in side {
            let alike = other.filter { $0.name == resource.name }
            let kept = alike.map { Self.commonReservations($0, resource) }.min() ?? 0
            if resource.reservations.dropFirst(kept).contains(where: { $0.origin != .requested }) {
                throw invalid("RESERVE", "a reservation of \(resource) is of the agent's configuration", field)
            }
        }
    }

    /// How many reservations two stacks have in common from below.
    private static func commonReservations(_ one: Resource, _ other: Resource) -> Int {
        zip(one.reservations, other.reservations).prefix { $0 == $1 }.count
    }

    private func unreserving(_ resources: [Resource]) throws(Failure) -> ResourceConversion {
        let consumed = try checked(resources, for: "UNRESERVE", "unreserve.resources")
        for resource in resources where resource.isPersistentVolume {
            throw invalid("UNRESERVE", "\(resource) is a volume: destroy it first", "unreserve.resources")
        }
        return ResourceConversion(consumed: consumed, converted: try consumed.unreserving())
    }

    private func checkRefinement(_ resource: Resource, _ name: String, _ field: String) throws(Failure) {
        guard resource.isRefined else { return }
        if !abilities.contains(.reservationRefinement) {
            throw invalid(name, "the framework has no RESERVATION_REFINEMENT", field)
        }
        if !agent.capabilities.contains(.reservationRefinement) {
            throw invalid(name, "the agent has no RESERVATION_REFINEMENT", field)
        }
    }

    // MARK: Volumes

    private func creating(_ volumes: [Resource]) throws(Failure) -> ResourceConversion {
        let field = "create.volumes"
        let converted = try checked(volumes, for: "CREATE", field)
        var keys = Set(total.compactMap(VolumeKey.init))
        for volume in volumes {
            guard let disk = volume.disk, let persistence = disk.persistence, let key = VolumeKey(volume) else {
                throw invalid("CREATE", "\(volume) is no persistent volume", field)
            }
            guard let place = disk.volume else {
                throw invalid("CREATE", "volume \(persistence.id) has no path", "\(field).disk.volume")
            }
            if place.mode != .readWrite {
                throw invalid("CREATE", "volume \(persistence.id) is not of mode RW", "\(field).disk.volume.mode")
            }
            let names = place.containerPath.cut(at: "/")
            if place.containerPath.utf8.contains(0) || names.contains("..") || names.allSatisfy({ $0 == "." }) {
                throw invalid(
                    "CREATE", "'\(place.containerPath)' is no path of a volume", "\(field).disk.volume.container_path")
            }
            if let principal, !persistence.principal.isSame(as: principal) {
                throw invalid(
                    "CREATE", "its principal is not '\(principal)'", "\(field).disk.persistence.principal")
            }
            if volume.isShared, !abilities.contains(.sharedResources) {
                throw invalid("CREATE", "the framework has no SHARED_RESOURCES", "\(field).shared")
            }
            if disk.source?.kind == .block || disk.source?.kind == .raw {
                throw invalid("CREATE", "a volume is made of PATH, MOUNT or plain disk", "\(field).disk.source.type")
            }
            if !keys.insert(key).inserted {
                throw invalid(
                    "CREATE", "role '\(key.role)' has a volume \(key.id) on the agent", "\(field).disk.persistence.id")
            }
        }
        return ResourceConversion(consumed: Self.plain(converted), converted: converted)
    }

    private func destroying(_ volumes: [Resource]) throws(Failure) -> ResourceConversion {
        let consumed = try checked(volumes, for: "DESTROY", "destroy.volumes")
        for volume in volumes { try checkFree(volume, "DESTROY", "destroy.volumes") }
        return ResourceConversion(consumed: consumed, converted: Self.plain(consumed))
    }

    private func growing(_ volume: Resource, by addition: Resource) throws(Failure) -> ResourceConversion {
        let size = try checkResizable(volume, "GROW_VOLUME", "grow_volume.volume")
        let added = try checked([addition], for: "GROW_VOLUME", "grow_volume.addition")
        guard case .scalar(let more) = addition.value, addition.unallocated.isSameKind(as: volume.withoutVolume) else {
            throw invalid("GROW_VOLUME", "\(addition) is not the kind of disk it is made of", "grow_volume.addition")
        }
        var larger = volume
        larger.value = .scalar(size + more)
        return ResourceConversion(
            consumed: Resources([volume.unallocated]) + added, converted: Resources([larger.unallocated]))
    }

    private func shrinking(_ volume: Resource, by amount: Scalar) throws(Failure) -> ResourceConversion {
        let size = try checkResizable(volume, "SHRINK_VOLUME", "shrink_volume.volume")
        guard amount < size, !amount.isZero else {
            throw invalid("SHRINK_VOLUME", "\(amount) of \(size) cannot be taken away", "shrink_volume.subtract")
        }
        var smaller = volume
        smaller.value = .scalar(size - amount)
        var rest = volume.withoutVolume
        rest.value = .scalar(amount)
        return ResourceConversion(
            consumed: Resources([volume.unallocated]), converted: Resources([smaller.unallocated, rest]))
    }

    private func checkResizable(_ volume: Resource, _ name: String, _ field: String) throws(Failure) -> Scalar {
        _ = try checked([volume], for: name, field)
        try checkFree(volume, name, field)
        guard agent.capabilities.contains(.resizeVolume) else {
            throw invalid(name, "the agent has no RESIZE_VOLUME", field)
        }
        if volume.isShared { throw invalid(name, "a shared volume keeps its size", field) }
        if volume.disk?.source?.isDivisible == false { throw invalid(name, "it is a whole disk", field) }
        guard case .scalar(let size) = volume.value else { throw invalid(name, "it has no size", field) }
        return size
    }

    /// The volume is there, and nobody uses it.
    private func checkFree(_ volume: Resource, _ name: String, _ field: String) throws(Failure) {
        guard let key = VolumeKey(volume) else { throw invalid(name, "\(volume) is no persistent volume", field) }
        guard total.contains(volume.unallocated) else {
            throw invalid(name, "the agent has no \(volume.unallocated)", field)
        }
        if used.contains(key) {
            throw Failure(
                "volume.in-use", doing: "apply operation", on: name, cause: "\(field): volume \(key.id) is in use",
                remedy: "end the tasks that use it first", field: field, retry: .later)
        }
    }

    // MARK: All

    private func checked(
        _ resources: [Resource], for name: String, _ field: String
    ) throws(Failure) -> Resources {
        let result: Resources
        do throws(Failure) { result = try Resources(validating: resources) } catch {
            throw invalid(name, error.cause ?? "they do not fit together", field)
        }
        if resources.isEmpty || resources.contains(where: \.value.isEmpty) {
            throw invalid(name, "there is nothing of it", field)
        }
        if resources.contains(where: \.isRevocable) {
            throw invalid(name, "what can be taken back at any time cannot be reserved", field)
        }
        if let role, let other = resources.first(where: { ($0.allocatedTo ?? role) != role })?.allocatedTo {
            throw invalid(name, "it is for role '\(other)', and the offers for '\(role)'", "\(field).allocation_info")
        }
        return result.unallocated()
    }

    private static func plain(_ volumes: Resources) -> Resources { Resources(volumes.map(\.withoutVolume)) }

    private func invalid(_ name: String, _ cause: String, _ field: String) -> Failure {
        Failure(
            "operation.invalid", doing: "apply operation", on: name, cause: "\(field): \(cause)", remedy: "correct it",
            field: field)
    }
}

extension Resource {
    /// The disk a persistent volume is made of; anything else as it is.
    var withoutVolume: Resource {
        guard disk != nil else { return unallocated }
        var plain = unallocated
        plain.isShared = false
        plain.disk = disk?.source.map { Disk(source: $0) }
        return plain
    }

    var unallocated: Resource {
        var resource = self
        resource.allocatedTo = nil
        return resource
    }
}
