import ClusterAPI
import ClusterModel
import Determinism
public import Diagnostics

/// A record as stores keep it: a key of text that sorts by kind, and JSON.
public struct RegistryRecord: Hashable, Sendable {
    public var key: String
    public var bytes: [UInt8]
    public init(key: String, bytes: [UInt8]) {
        self.key = key
        self.bytes = bytes
    }
}

extension RegistryKey {
    /// `agent/S1`; nothing but letters, digits and what the name itself has. Names never begin with `/`.
    public var text: String {
        switch self {
        case .agent(let id): "agent/\(id.text)"
        case .framework(let id): "framework/\(id.text)"
        case .quota(let role): "quota/\(role.text)"
        case .weight(let role): "weight/\(role.text)"
        case .maintenance: "maintenance"
        case .issued: "issued"
        }
    }

    /// - Throws: `Failure` `registry.key-unknown`, or the name's own.
    public init(text: String) throws(Failure) {
        let slash = text.position(of: "/")
        let kind = slash.map { String(text[..<$0]) } ?? text
        let name = slash.map { String(text[text.utf8.index(after: $0)...]) } ?? ""
        switch kind {
        case "agent": self = .agent(try AgentID(name))
        case "framework": self = .framework(try FrameworkID(name))
        case "quota": self = .quota(try RoleName(name))
        case "weight": self = .weight(try RoleName(name))
        case "maintenance" where slash == nil: self = .maintenance
        case "issued" where slash == nil: self = .issued
        default:
            throw Failure(
                "registry.key-unknown", doing: "read the registry", on: text, cause: "there is no such kind of record",
                remedy: "use the version of the program that wrote it, or a newer one")
        }
    }
}

extension RegistryChange {
    /// What is put under the key; nil: the key is removed.
    public var bytes: [UInt8]? { value?.bytes }

    var value: WireValue? {
        switch self {
        case .putAgent(let agent): .registeredAgent(agent)
        case .putFramework(let framework): .registeredFramework(framework)
        case .putQuota(let quota, let role): .quotaConfig(QuotaConfig(role, quota: quota))
        case .putWeight(let weight, let role): .weight(RoleWeight(role, weight: weight))
        case .putMaintenance(let maintenance):
            .members([
                "schedule": .maintenanceSchedule(maintenance.schedule),
                "down": .array(maintenance.down.map(WireValue.machine)),
            ])
        case .putIssued(let issued):
            .object(["agents": .number(issued.agents), "frameworks": .number(issued.frameworks)])
        case .remove: nil
        }
    }

    /// The change that `record` is what is left of.
    ///
    /// - Throws: `Failure`: a record that cannot be read is never passed over.
    public init(_ record: RegistryRecord) throws(Failure) {
        let key = try RegistryKey(text: record.key)
        do throws(Failure) {
            self = try RegistryChange.read(key, WireObject(parsing: record.bytes, RegistryChange.readingBounds))
        } catch {
            throw Failure(
                "registry.record-unfit", doing: "read the registry's record", on: record.key,
                cause: error.description, remedy: "restore the registry from a copy", field: error.field)
        }
    }

    private static func read(_ key: RegistryKey, _ object: WireObject) throws(Failure) -> RegistryChange {
        switch key {
        case .agent(let id):
            let agent = try object.registeredAgent()
            try matching(agent.info.id == id, object)
            return .putAgent(agent)
        case .framework(let id):
            let framework = try object.registeredFramework()
            try matching(framework.info.id == id, object)
            return .putFramework(framework)
        case .quota(let role):
            let config = try object.quotaConfig()
            try matching(config.role == role, object)
            return .putQuota(config.quota, role)
        case .weight(let role):
            try matching(try object.string("role") == role.text, object)
            return .putWeight(try object.required("weight", object.double("weight")), role)
        case .maintenance:
            let schedule = try object.object("schedule")?.maintenanceSchedule()
            return .putMaintenance(
                Maintenance(schedule: schedule ?? MaintenanceSchedule(), down: try object.machines("down")))
        case .issued:
            return .putIssued(
                IssuedIdentifiers(
                    agents: try object.required("agents", object.integer("agents")),
                    frameworks: try object.required("frameworks", object.integer("frameworks"))))
        }
    }

    private static func matching(_ isSame: Bool, _ object: WireObject) throws(Failure) {
        if !isSame { throw object.invalid("id", "the record is under another's key") }
    }
}

extension RegistrySnapshot {
    /// Everything, in the order of the keys.
    public var records: [RegistryRecord] {
        changes.compactMap { change in change.bytes.map { RegistryRecord(key: change.key.text, bytes: $0) } }
            .sorted { $0.key < $1.key }
    }

    /// - Throws: `Failure` for the first record that cannot be read.
    public init(records: some Sequence<RegistryRecord>) throws(Failure) {
        for record in records { apply(try RegistryChange(record)) }
    }
}

extension WireValue {
    fileprivate static func registeredAgent(_ agent: RegisteredAgent) -> WireValue {
        let (standing, since): (String, WireValue?) =
            switch agent.standing {
            case .registered: ("registered", nil)
            case .unreachable(let at): ("unreachable", .instant(at))
            case .gone(let at): ("gone", .instant(at))
            }
        return .members([
            "info": .wholeAgent(agent.info), "key": agent.key.map(WireValue.agentKey),
            "standing": .string(standing), "since": since,
            "deactivated": agent.isDeactivated ? true : nil, "drain": agent.drain.map(WireValue.wholeDrain),
            "registered": .instant(agent.registered),
        ])
    }

    fileprivate static func registeredFramework(_ framework: RegisteredFramework) -> WireValue {
        .members([
            "info": .framework(framework.info), "registered": .instant(framework.registered),
            "failover_deadline": framework.failoverDeadline.map(WireValue.instant),
            "removed": framework.removed.map(WireValue.instant),
        ])
    }
}

extension WireObject {
    fileprivate func registeredAgent() throws(Failure) -> RegisteredAgent {
        let since = try instant("since")
        let standing: RegisteredAgent.Standing
        switch try string("standing") {
        case "registered": standing = .registered
        case "unreachable": standing = .unreachable(since: try required("since", since))
        case "gone": standing = .gone(at: try required("since", since))
        default: throw invalid("standing", "it is none that is known")
        }
        return RegisteredAgent(
            info: try required("info", object("info")).wholeAgent(), key: try agentKey("key"), standing: standing,
            isDeactivated: try bool("deactivated") ?? false, drain: try object("drain")?.wholeDrain(),
            registered: try required("registered", instant("registered")))
    }

    fileprivate func registeredFramework() throws(Failure) -> RegisteredFramework {
        RegisteredFramework(
            info: try required("info", object("info")).frameworkInfo(),
            registered: try required("registered", instant("registered")),
            failoverDeadline: try instant("failover_deadline"), removed: try instant("removed"))
    }
}
