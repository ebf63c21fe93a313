public import ClusterModel
public import Diagnostics

/// How reservations are written: frameworks with RESERVATION_REFINEMENT see the stack, the others one role.
public enum ReservationForm: Sendable {
    case stacked
    /// `role` and `reservation`. A resource with several reservations does not fit in and is written as a stack; the
    /// master offers none to such frameworks.
    case flat

    public init(for capabilities: Set<FrameworkInfo.Capability>) {
        self = capabilities.contains(.reservationRefinement) ? .stacked : .flat
    }
}

// MARK: - Decoding

extension WireObject {
    /// Resources in either form of reservations.
    public func resources(_ name: String) throws(Failure) -> [Resource] {
        var resources: [Resource] = []
        for object in try objects(name) { resources.append(try object.resource()) }
        return resources
    }

    /// This object as one resource, read but not validated: see `Resource.validate`.
    public func resource() throws(Failure) -> Resource {
        let name = try required("name", string("name"))
        return Resource(
            name, try resourceValue(), reservations: try reservationStack(), disk: try object("disk")?.disk(),
            provider: try identifier("provider_id", of: ProviderKind.self),
            isRevocable: try object("revocable") != nil, isShared: try object("shared") != nil,
            allocatedTo: try object("allocation_info")?.role("role"))
    }

    private func resourceValue() throws(Failure) -> ResourceValue {
        switch try required("type", string("type")) {
        case "SCALAR": .scalar(try required("scalar", object("scalar")).scalar())
        case "RANGES": .ranges(try required("ranges", object("ranges")).ranges())
        case "SET": .set(ItemSet(try required("set", object("set")).strings("item")))
        default: throw invalid("type", "a resource is SCALAR, RANGES or SET")
        }
    }

    func ranges() throws(Failure) -> Ranges {
        var ranges: [ClosedRange<UInt64>] = []
        for range in try objects("range") {
            let begin = try range.required("begin", range.integer("begin", as: UInt64.self))
            let end = try range.required("end", range.integer("end", as: UInt64.self))
            guard begin <= end else { throw range.invalid("end", "it is below begin") }
            ranges.append(begin...end)
        }
        return Ranges(ranges)
    }

    private func reservationStack() throws(Failure) -> [Reservation] {
        var stack: [Reservation] = []
        for object in try objects("reservations") {
            let origin = try object.required("type", object.choice("type", of: Reservation.Origin.self))
            stack.append(try object.reservation(origin, for: object.required("role", object.role("role"))))
        }
        let role = try role("role") ?? .anyone
        let dynamic = try object("reservation")
        if !stack.isEmpty {
            guard role == .anyone || role == stack.last?.role else {
                throw invalid("role", "it is not the role of the last reservation")
            }
            return stack
        }
        if let dynamic {
            guard role != .anyone else { throw invalid("reservation", "it reserves for '*'") }
            return [try dynamic.reservation(.requested, for: role)]
        }
        return role == .anyone ? [] : [Reservation(.configured, for: role)]
    }

    private func reservation(_ origin: Reservation.Origin, for role: RoleName) throws(Failure) -> Reservation {
        Reservation(origin, for: role, principal: try string("principal"), labels: try labels("labels"))
    }

    private func disk() throws(Failure) -> Disk {
        var disk = Disk()
        if let source = try object("source") { disk.source = try source.diskSource() }
        if let persistence = try object("persistence") {
            let text = try persistence.required("id", persistence.string("id"))
            let id = try persistence.placed("id") { () throws(Failure) in try VolumeID(text) }
            disk.persistence = Disk.Persistence(id: id, principal: try persistence.string("principal"))
        }
        if let volume = try object("volume") {
            disk.volume = Disk.Volume(
                containerPath: try volume.required("container_path", volume.string("container_path")),
                mode: try volume.required("mode", volume.choice("mode", of: Disk.Volume.Mode.self)))
        }
        return disk
    }

    private func diskSource() throws(Failure) -> Disk.Source {
        let kind = try required("type", choice("type", of: Disk.Source.Kind.self))
        let place: WireObject? =
            switch kind {
            case .path: try object("path")
            case .mount: try object("mount")
            case .block, .raw: nil
            }
        return Disk.Source(
            kind, root: try place?.string("root"), id: try string("id"), profile: try string("profile"),
            vendor: try string("vendor"), metadata: try labels("metadata"))
    }
}

// MARK: - Encoding

extension WireValue {
    public static func resources(_ resources: [Resource], _ form: ReservationForm) -> WireValue {
        .array(resources.map { .resource($0, form) })
    }

    public static func resource(_ resource: Resource, _ form: ReservationForm) -> WireValue {
        written { $0.resource(resource, form) }
    }

    public static func identifier<Kind: IdentifierKind>(_ identifier: Identifier<Kind>) -> WireValue {
        .object(["value": .string(identifier.text)])
    }

    /// Nil without labels.
    public static func labels(_ labels: [Label]) -> WireValue? {
        guard !labels.isEmpty else { return nil }
        let list = labels.map { label in
            WireValue.members(["key": .string(label.key), "value": label.value.map { .string($0) }])
        }
        return .object(["labels": .array(list)])
    }

    /// As the protocol's doubles are written: 2.0, 0.5.
    static func amount(_ scalar: Scalar) -> WireValue {
        .object(["value": .number(scalar.isWhole ? "\(scalar).0" : "\(scalar)")])
    }

    static func ranges(_ ranges: Ranges) -> WireValue { written { $0.ranges(ranges) } }

    static func set(_ set: ItemSet) -> WireValue { written { $0.texts("item", set.items) } }
}
