public import ClusterModel
public import Diagnostics

// MARK: - Drains

extension WireValue {
    /// `{"max_grace_period": {"nanoseconds": N}, "mark_gone": true}`.
    public static func drainConfiguration(_ configuration: DrainConfiguration) -> WireValue {
        .members([
            "max_grace_period": configuration.maxGracePeriod.map(WireValue.duration),
            "mark_gone": .bool(configuration.marksGone),
        ])
    }

    /// Without the start, for which the protocol has a place beside it.
    public static func drainInfo(_ drain: DrainInfo) -> WireValue {
        .object(["state": .string(drain.state.rawValue), "config": .drainConfiguration(drain.configuration)])
    }
}

extension WireObject {
    /// The grace period either as `{"nanoseconds": N}` or, as in the call, `{"seconds": N, "nanos": N}`.
    public func drainConfiguration() throws(Failure) -> DrainConfiguration {
        DrainConfiguration(
            maxGracePeriod: try anyDuration("max_grace_period"), marksGone: try bool("mark_gone") ?? false)
    }

    public func drainInfo() throws(Failure) -> DrainInfo {
        DrainInfo(
            state: try required("state", choice("state", of: DrainState.self)),
            configuration: try object("config")?.drainConfiguration() ?? DrainConfiguration())
    }

    private func anyDuration(_ name: String) throws(Failure) -> Duration? {
        guard let object = try object(name) else { return nil }
        guard !object.has("nanoseconds") else { return try duration(name) }
        let seconds = try object.integer("seconds", as: Int64.self) ?? 0
        let nanoseconds = try object.integer("nanos", as: Int64.self) ?? 0
        guard (0...9_000_000_000).contains(seconds), (0..<1_000_000_000).contains(nanoseconds) else {
            throw invalid(name, "it is negative or too long")
        }
        return .seconds(seconds) + .nanoseconds(nanoseconds)
    }
}

// MARK: - Maintenance

extension WireValue {
    public static func machine(_ machine: MachineID) -> WireValue {
        .members(["hostname": machine.hostname.map { .string($0) }, "ip": machine.address.map { .string($0) }])
    }

    public static func maintenanceSchedule(_ schedule: MaintenanceSchedule) -> WireValue {
        let windows = schedule.windows.map { window in
            WireValue.members([
                "machine_ids": .array(window.machines.map(WireValue.machine)),
                "unavailability": .unavailability(window.unavailability),
            ])
        }
        return .members(["windows": .array(windows)])
    }
}

extension WireObject {
    public func machines(_ name: String) throws(Failure) -> [MachineID] {
        var machines: [MachineID] = []
        for object in try objects(name) { machines.append(try object.machine()) }
        return machines
    }

    func machine() throws(Failure) -> MachineID {
        let machine = MachineID(hostname: try string("hostname"), address: try string("ip"))
        guard machine.hostname != nil || machine.address != nil else {
            throw invalid("hostname", "a machine has a hostname or an address")
        }
        return machine
    }

    public func maintenanceSchedule() throws(Failure) -> MaintenanceSchedule {
        var windows: [MaintenanceWindow] = []
        for window in try objects("windows") {
            windows.append(
                MaintenanceWindow(
                    machines: try window.machines("machine_ids"),
                    unavailability: try window.part("unavailability").unavailability()))
        }
        return MaintenanceSchedule(windows)
    }

    func unavailability() throws(Failure) -> Unavailability {
        Unavailability(start: try required("start", instant("start")), duration: try duration("duration"))
    }
}

// MARK: - Quota and weights

extension WireValue {
    public static func quotaConfig(_ config: QuotaConfig) -> WireValue {
        var limits: [String: WireValue] = [:]
        for bound in config.quota.limits.bounds { limits[bound.name] = .amount(bound.scalar) }
        return .members([
            "role": .string(config.role.text),
            "guarantees": config.quota.guarantees.isEmpty ? nil : .quantities(config.quota.guarantees),
            "limits": limits.isEmpty ? nil : .object(limits),
        ])
    }

    public static func weight(_ weight: RoleWeight) -> WireValue {
        .object(["role": .string(weight.role.text), "weight": .number(weight.weight)])
    }
}

extension WireObject {
    public func quotaConfigs(_ name: String) throws(Failure) -> [QuotaConfig] {
        var configs: [QuotaConfig] = []
        for object in try objects(name) { configs.append(try object.quotaConfig()) }
        return configs
    }

    public func quotaConfig() throws(Failure) -> QuotaConfig {
        var limits = QuantityLimits()
        for (name, limit) in try entries("limits") { limits[name] = try limit.scalar() }
        return QuotaConfig(
            try required("role", role("role")),
            quota: Quota(guarantees: try quantities("guarantees"), limits: limits))
    }

    /// - Throws: `Failure` `api.member-invalid` for a weight that is not above zero.
    public func weights(_ name: String) throws(Failure) -> [RoleWeight] {
        var weights: [RoleWeight] = []
        for object in try objects(name) {
            let weight = try object.required("weight", object.double("weight"))
            guard weight > 0, weight.isFinite else { throw object.invalid("weight", "it is not above zero") }
            weights.append(RoleWeight(try object.required("role", object.role("role")), weight: weight))
        }
        return weights
    }
}
