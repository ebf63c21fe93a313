import ClusterModel
import Determinism

/// How the old endpoints write what the APIs write as messages: amounts as bare numbers, ranges as text, times as
/// numbers of seconds.
extension WireSink {
    /// `{"cpus": 2.0, "gpus": 0.0, "mem": 512.0, "disk": 0.0, "ports": "[31000-32000]"}`. The four are always there;
    /// what may be taken back is apart, under `cpus_revocable`.
    mutating func summary(_ name: StaticString, _ resources: some Sequence<Resource>) {
        var summary = ResourceSummary()
        for resource in resources { summary.add(resource) }
        object(name) { $0.summary(summary) }
    }

    fileprivate mutating func summary(_ summary: ResourceSummary) {
        for amount in summary.scalars {
            name(amount.name)
            decimal(amount.value.thousandths, places: 3)
        }
        for other in summary.others {
            name(other.name)
            switch other.value {
            case .scalar(let scalar): decimal(scalar.thousandths, places: 3)
            case .ranges(let ranges):
                text("[" + ranges.ranges.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ") + "]")
            case .set(let set): text("{" + set.items.joined(separator: ", ") + "}")
            }
        }
    }

    /// By role, what is reserved for it.
    mutating func reservedSummary(_ name: StaticString, _ resources: [Resource]) {
        object(name) { sink in
            for (role, reserved) in resources.byReservation {
                var summary = ResourceSummary()
                for resource in reserved { summary.add(resource) }
                sink.name(role.text)
                sink.object { $0.summary(summary) }
            }
        }
    }

    mutating func reservedResources(_ name: StaticString, _ resources: [Resource]) {
        object(name) { sink in
            for (role, reserved) in resources.byReservation {
                sink.name(role.text)
                sink.beginArray()
                for resource in reserved { sink.object { $0.resource(resource, .stacked) } }
                sink.endArray()
            }
        }
    }

    /// Unlike in the APIs, a list without a name of its own, and there even when it is empty.
    mutating func legacyLabels(_ labels: [Label]) {
        every("labels", labels) { sink, label in
            sink.object { sink in
                sink.member("key", label.key)
                sink.member("value", label.value)
            }
        }
    }

    /// A list that is there even when it is empty: old clients do not ask first.
    mutating func every<Element>(
        _ name: StaticString, _ elements: some Sequence<Element>, _ content: (inout Self, Element) -> Void
    ) {
        self.name(name)
        beginArray()
        for element in elements { content(&self, element) }
        endArray()
    }

    mutating func legacyTime(_ name: StaticString, _ instant: Instant?) {
        guard let instant else { return }
        self.name(name)
        seconds(instant)
    }

    /// `{"rack": "r1", "level": 2.5}`.
    mutating func legacyAttributes(_ attributes: [Attribute]) {
        object("attributes") { sink in
            var names: Set<String> = []
            for attribute in attributes where names.insert(attribute.name).inserted {
                sink.name(attribute.name)
                switch attribute.value {
                case .text(let text): sink.text(text)
                case .scalar(let scalar): sink.decimal(scalar.thousandths, places: 3)
                case .ranges(let ranges): sink.text(ranges.description)
                case .set(let set): sink.text(set.description)
                }
            }
        }
    }

    mutating func legacyTask(_ task: TaskView) {
        container("container", task.container?.withoutSecrets)
        discovery("discovery", task.discovery)
        member("executor_id", task.executor?.text ?? "")
        member("framework_id", task.framework.text)
        healthCheck("health_check", task.healthCheck?.withoutSecrets)
        member("id", task.id.text)
        legacyLabels(task.labels)
        object("limits") { sink in
            for (name, limit) in task.limits.sorted(by: { $0.key < $1.key }) {
                sink.name(name)
                switch limit {
                case .atMost(let bound): sink.decimal(bound.thousandths, places: 3)
                case .infinite: sink.text("Infinity")
                }
            }
        }
        member("name", task.name)
        summary("resources", task.resources)
        member("role", task.role?.text)
        member("slave_id", task.agent.text)
        member("state", task.state)
        every("statuses", task.statuses) { sink, status in
            sink.object { sink in
                sink.containerStatus("container_status", status.containerStatus)
                sink.member("healthy", status.isHealthy)
                if !status.labels.isEmpty { sink.legacyLabels(status.labels) }
                sink.member("state", status.state)
                sink.legacyTime("timestamp", status.at)
            }
        }
        member("user", task.user)
    }

    mutating func legacyVersion(_ info: VersionInfo) { version(info) }

    mutating func legacyFlags(_ flags: [Flag]) {
        object("flags") { sink in
            var names: Set<String> = []
            for flag in flags where names.insert(flag.name).inserted {
                sink.name(flag.name)
                sink.text(flag.value ?? "true")
            }
        }
    }

    mutating func legacyDomain(_ domain: FaultDomain?) {
        guard let domain else { return }
        member("domain", WireValue.domain(domain))
    }
}

/// Sums of resources by name, in the order met.
struct ResourceSummary {
    struct Amount {
        var name: String
        var value: Scalar
    }
    private(set) var scalars = ["cpus", "disk", "gpus", "mem"].map { Amount(name: $0, value: .zero) }
    private(set) var others: [(name: String, value: ResourceValue)] = []

    mutating func add(_ resource: Resource) {
        let name = resource.isRevocable ? resource.name + "_revocable" : resource.name
        if case .scalar(let scalar) = resource.value, let index = scalars.firstIndex(where: { $0.name == name }) {
            scalars[index].value += scalar
        } else if let index = others.firstIndex(where: { $0.name == name }) {
            others[index].value.add(resource.value)
        } else {
            others.append((name, resource.value))
        }
    }
}

extension [Resource] {
    /// Sorted by role; without the unreserved ones.
    fileprivate var byReservation: [(role: RoleName, resources: [Resource])] {
        var groups: [RoleName: [Resource]] = [:]
        for resource in self {
            if let role = resource.reservedFor { groups[role, default: []].append(resource) }
        }
        return groups.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    var unreserved: [Resource] { filter { !$0.isReserved } }
}
