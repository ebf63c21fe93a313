public import ClusterModel

extension WireValue {
    /// `{"type": "RESERVE", "reserve": {…}}`, as an operation of an offer and in the records of link and journal.
    public static func change(_ change: ResourceOperation, _ form: ReservationForm) -> WireValue {
        let (type, member, content) = parts(change, form)
        return .object(["type": .string(type), member: content])
    }

    private static func parts(
        _ change: ResourceOperation, _ form: ReservationForm
    ) -> (type: String, member: String, content: WireValue) {
        switch change {
        case .reserve(let resources, let source):
            let content = WireValue.members([
                "resources": .resources(resources, form), "source": .resources(source, form),
            ])
            return ("RESERVE", "reserve", content)
        case .unreserve(let resources):
            return ("UNRESERVE", "unreserve", .members(["resources": .resources(resources, form)]))
        case .create(let volumes): return ("CREATE", "create", .members(["volumes": .resources(volumes, form)]))
        case .destroy(let volumes): return ("DESTROY", "destroy", .members(["volumes": .resources(volumes, form)]))
        case .grow(let volume, let addition):
            let content = WireValue.object([
                "volume": .resource(volume, form), "addition": .resource(addition, form),
            ])
            return ("GROW_VOLUME", "grow_volume", content)
        case .shrink(let volume, let amount):
            let content = WireValue.object(["volume": .resource(volume, form), "subtract": .amount(amount)])
            return ("SHRINK_VOLUME", "shrink_volume", content)
        case .createDisk(let source, let kind, let profile):
            let content = WireValue.members([
                "source": .resource(source, form), "target_type": .string(kind.rawValue),
                "target_profile": profile.map { .string($0) },
            ])
            return ("CREATE_DISK", "create_disk", content)
        case .destroyDisk(let source):
            return ("DESTROY_DISK", "destroy_disk", .object(["source": .resource(source, form)]))
        }
    }
}
