/// A change to what an agent's resources are, at the wish of a framework or an operator.
public enum ResourceOperation: Hashable, Sendable {
    /// `source`: what is reserved already and becomes something else.
    case reserve([Resource], source: [Resource] = [])
    case unreserve([Resource])
    case create(volumes: [Resource])
    case destroy(volumes: [Resource])
    case grow(volume: Resource, by: Resource)
    case shrink(volume: Resource, by: Scalar)
    case createDisk(source: Resource, as: Disk.Source.Kind, profile: String?)
    case destroyDisk(source: Resource)
}

/// The quota of one role.
public struct QuotaConfig: Hashable, Sendable {
    public var role: RoleName
    public var quota: Quota

    public init(_ role: RoleName, quota: Quota) {
        self.role = role
        self.quota = quota
    }
}

/// How many times the standard share a role gets.
public struct RoleWeight: Hashable, Sendable {
    public var role: RoleName
    /// Above zero; 1 unless an operator says otherwise.
    public var weight: Double

    public init(_ role: RoleName, weight: Double) {
        self.role = role
        self.weight = weight
    }
}
