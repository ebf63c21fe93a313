import ClusterModel
public import Diagnostics

extension OperatorCall {
    /// - Throws: `Failure` `api.body-…` when `body` is nothing within `bounds`, `api.member-…` or the value's own code
    ///   when it is no call, with the member at fault as the field; `api.call-unknown` for the type UNKNOWN, which is
    ///   answered with 501.
    public init(_ body: [UInt8], format: WireFormat = .json, bounds: WireBounds = .standard) throws(Failure) {
        try self.init(WireCodec.decode(body, as: OperatorCall.message, format, bounds: bounds))
    }

    public init(_ value: WireValue) throws(Failure) {
        let call = try WireObject(value)
        let type = try call.required("type", call.string("type"))
        if let query = OperatorQuery(rawValue: type) {
            self = .query(query)
        } else if type == "SUBSCRIBE" {
            self = .subscribe
        } else if let process = try call.processCall(type) {
            self = .process(process)
        } else if let change = try call.operatorChange(type) {
            self = .change(change)
        } else if let operation = try call.operatorOperation(type) {
            self = .change(operation)
        } else {
            throw WireObject.unknownCall(type, of: "operator API")
        }
    }
}

extension WireObject {
    /// A name that an enumeration does not have is none, so such a call has no type; UNKNOWN is a name.
    static func unknownCall(_ type: String, of api: String) -> Failure {
        Failure(
            type == "UNKNOWN" ? "api.call-unknown" : "api.member-missing", doing: "read the call",
            cause: "Expecting 'type' to be present: there is no call '\(type)'", remedy: "use a call of the \(api)",
            field: "type")
    }

    fileprivate func operatorChange(_ type: String) throws(Failure) -> OperatorChange? {
        switch type {
        case "UPDATE_WEIGHTS": return .updateWeights(try part("update_weights").weights("weight_infos"))
        case "UPDATE_MAINTENANCE_SCHEDULE":
            return .updateMaintenanceSchedule(
                try part("update_maintenance_schedule").part("schedule").maintenanceSchedule())
        case "START_MAINTENANCE": return .startMaintenance(try part("start_maintenance").machines("machines"))
        case "STOP_MAINTENANCE": return .stopMaintenance(try part("stop_maintenance").machines("machines"))
        case "DRAIN_AGENT":
            let drain = try part("drain_agent")
            return .drainAgent(try drain.name("agent_id"), try drain.drainConfiguration())
        case "DEACTIVATE_AGENT": return .deactivateAgent(try part("deactivate_agent").name("agent_id"))
        case "REACTIVATE_AGENT": return .reactivateAgent(try part("reactivate_agent").name("agent_id"))
        case "MARK_AGENT_GONE": return .markAgentGone(try part("mark_agent_gone").name("agent_id"))
        case "UPDATE_QUOTA":
            let update = try part("update_quota")
            return .updateQuota(
                try update.quotaConfigs("quota_configs"), isForced: try update.bool("force") ?? false)
        case "SET_QUOTA": return try part("set_quota").part("quota_request").quotaRequest()
        case "REMOVE_QUOTA":
            let remove = try part("remove_quota")
            return .removeQuota(try remove.required("role", remove.role("role")))
        case "TEARDOWN": return .teardown(try part("teardown").name("framework_id"))
        default: return nil
        }
    }

    /// `{"force": false, "role": "r", "guarantee": [Resource]}`: scalars only, and amounts of no particular kind.
    func quotaRequest() throws(Failure) -> OperatorChange {
        var guarantee = Quantities()
        var met: Set<String> = []
        for (index, resource) in try resources("guarantee").enumerated() {
            guard case .scalar(let scalar) = resource.value else {
                throw invalid("guarantee[\(index)]", "quota is made of scalars")
            }
            // A plain `role`, as the old form of resources has it, is passed over, as by Mesos.
            let isOfNobody = resource.reservations.allSatisfy { $0.origin == .configured }
            guard isOfNobody, resource.disk == nil, !resource.isRevocable else {
                throw invalid("guarantee[\(index)]", "quota is of no reservation, disk or revocable resource")
            }
            guard met.insert(resource.name).inserted else {
                throw invalid("guarantee[\(index)]", "\(resource.name) is there twice")
            }
            guarantee.add(scalar, of: resource.name)
        }
        return .setQuota(
            try required("role", role("role")), guarantee: guarantee, isForced: try bool("force") ?? false)
    }

    fileprivate func operatorOperation(_ type: String) throws(Failure) -> OperatorChange? {
        switch type {
        case "RESERVE_RESOURCES":
            let reserve = try part("reserve_resources")
            return .apply(
                .reserve(try reserve.resources("resources"), source: try reserve.resources("source")),
                on: try reserve.name("agent_id"))
        case "UNRESERVE_RESOURCES":
            let unreserve = try part("unreserve_resources")
            return .apply(.unreserve(try unreserve.resources("resources")), on: try unreserve.name("agent_id"))
        case "CREATE_VOLUMES":
            let create = try part("create_volumes")
            return .apply(.create(volumes: try create.resources("volumes")), on: try create.name("agent_id"))
        case "DESTROY_VOLUMES":
            let destroy = try part("destroy_volumes")
            return .apply(.destroy(volumes: try destroy.resources("volumes")), on: try destroy.name("agent_id"))
        case "GROW_VOLUME":
            let grow = try part("grow_volume")
            return .apply(
                .grow(volume: try grow.part("volume").resource(), by: try grow.part("addition").resource()),
                on: try grow.identifier("agent_id"))
        case "SHRINK_VOLUME":
            let shrink = try part("shrink_volume")
            return .apply(
                .shrink(volume: try shrink.part("volume").resource(), by: try shrink.part("subtract").scalar()),
                on: try shrink.identifier("agent_id"))
        default: return nil
        }
    }
}
