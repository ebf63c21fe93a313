import ClusterModel
import Determinism

extension WireSink {
    mutating func resources(_ name: StaticString, _ resources: [Resource], _ form: ReservationForm = .stacked) {
        objects(name, resources) { $0.resource($1, form) }
    }

    mutating func resource(_ resource: Resource, _ form: ReservationForm) {
        let isFlat = form == .flat && !resource.isRefined
        let reservation = resource.reservations.last
        if let role = resource.allocatedTo { object("allocation_info") { $0.member("role", role.text) } }
        if let disk = resource.disk { object("disk") { $0.disk(disk) } }
        member("name", resource.name)
        identifier("provider_id", resource.provider)
        if case .ranges(let ranges) = resource.value { object("ranges") { $0.ranges(ranges) } }
        if isFlat, let reservation, reservation.origin == .requested {
            object("reservation") { $0.reservation(reservation, isNamed: false) }
        }
        if !isFlat { objects("reservations", resource.reservations) { $0.reservation($1, isNamed: true) } }
        if resource.isRevocable { object("revocable") { _ in } }
        if isFlat { member("role", reservation?.role.text ?? "*") }
        if case .scalar(let scalar) = resource.value { object("scalar") { $0.amount(scalar) } }
        if case .set(let set) = resource.value { object("set") { $0.texts("item", set.items) } }
        if resource.isShared { object("shared") { _ in } }
        switch resource.value {
        case .scalar: member("type", "SCALAR")
        case .ranges: member("type", "RANGES")
        case .set: member("type", "SET")
        }
    }

    mutating func ranges(_ ranges: Ranges) {
        objects("range", ranges.ranges) { sink, range in
            sink.member("begin", range.lowerBound)
            sink.member("end", range.upperBound)
        }
    }

    /// `isNamed`: with origin and role, as an element of the stack.
    private mutating func reservation(_ reservation: Reservation, isNamed: Bool) {
        labels("labels", reservation.labels)
        member("principal", reservation.principal)
        if isNamed {
            member("role", reservation.role.text)
            member("type", reservation.origin)
        }
    }

    private mutating func disk(_ disk: Disk) {
        object("persistence", disk.persistence) { sink, persistence in
            sink.member("id", persistence.id.text)
            sink.member("principal", persistence.principal)
        }
        object("source", disk.source) { $0.diskSource($1) }
        object("volume", disk.volume) { sink, volume in
            sink.member("container_path", volume.containerPath)
            sink.member("mode", volume.mode)
        }
    }

    private mutating func diskSource(_ source: Disk.Source) {
        member("id", source.id)
        labels("metadata", source.metadata)
        if source.kind == .mount { object("mount", source.root) { $0.member("root", $1) } }
        if source.kind == .path { object("path", source.root) { $0.member("root", $1) } }
        member("profile", source.profile)
        member("type", source.kind)
        member("vendor", source.vendor)
    }

    mutating func limits(_ name: StaticString, _ limits: [String: ResourceLimit]) {
        if limits.isEmpty { return }
        object(name) { sink in
            for (resource, limit) in limits.sorted(by: { $0.key < $1.key }) {
                sink.name(resource)
                sink.object { sink in
                    switch limit {
                    case .atMost(let bound): sink.amount(bound)
                    case .infinite: sink.member("value", Double.infinity)
                    }
                }
            }
        }
    }
}

// MARK: - Agents

extension WireSink {
    mutating func attributes(_ attributes: [Attribute]) {
        objects("attributes", attributes) { $0.attribute($1) }
    }

    mutating func attribute(_ attribute: Attribute) {
        member("name", attribute.name)
        switch attribute.value {
        case .ranges(let ranges):
            object("ranges") { $0.ranges(ranges) }
            member("type", "RANGES")
        case .scalar(let scalar):
            object("scalar") { $0.amount(scalar) }
            member("type", "SCALAR")
        case .set(let set):
            object("set") { $0.texts("item", set.items) }
            member("type", "SET")
        case .text(let text):
            object("text") { $0.member("value", text) }
            member("type", "TEXT")
        }
    }

    /// The protocol has no place for capabilities here.
    mutating func agentInfo(_ info: AgentInfo, _ form: ReservationForm) {
        attributes(info.attributes)
        object("domain", info.domain) { sink, domain in
            sink.object("fault_domain") { sink in
                sink.object("region") { $0.member("name", domain.region) }
                sink.object("zone") { $0.member("name", domain.zone) }
            }
        }
        member("hostname", info.address.hostname)
        identifier("id", info.id)
        member("port", info.address.port)
        resources("resources", info.resources, form)
    }
}

// MARK: - Statuses

extension WireSink {
    /// `isPartitionAware`: whether the states of lost agents keep their own names.
    mutating func status(_ update: StatusUpdate, _ form: ReservationForm, isPartitionAware: Bool) {
        identifier("agent_id", update.agent)
        checkStatus("check_status", update.checkStatus)
        containerStatus("container_status", update.containerStatus)
        member("data", update.data)
        identifier("executor_id", update.executor)
        member("healthy", update.isHealthy)
        labels("labels", update.labels)
        if !update.limitation.isEmpty { object("limitation") { $0.resources("resources", update.limitation, form) } }
        member("message", update.message)
        member("reason", update.reason)
        member("source", update.source)
        member("state", isPartitionAware ? update.state : update.state.withoutPartitions)
        identifier("task_id", update.task)
        name("timestamp")
        seconds(update.at)
        nanoseconds("unreachable_time", update.unreachableSince?.nanoseconds)
        member("uuid", update.id?.bytes)
    }

    /// Seconds since 1970 with every digit that counts.
    mutating func seconds(_ instant: Instant) {
        decimal(instant.nanoseconds, places: 9)
    }
}
