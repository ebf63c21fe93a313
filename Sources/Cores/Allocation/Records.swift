import ClusterModel
import Determinism

/// Amounts in thousandths by the allocator's own numbering of scalar names; a missing one is zero.
typealias Amounts = [Int64]

extension Amounts {
    func at(_ index: Int) -> Int64 { index < count ? self[index] : 0 }

    mutating func change(_ index: Int, by amount: Int64) {
        while count <= index { append(0) }
        self[index] += amount
    }

    mutating func add(_ other: Amounts, times sign: Int64 = 1) {
        for index in other.indices where other[index] != 0 { change(index, by: sign * other[index]) }
    }

    var isZero: Bool { allSatisfy { $0 == 0 } }
}

/// Members of a small numbered set, a bit each.
struct BitSet: Sendable {
    private var words: [UInt64] = []

    func contains(_ number: Int) -> Bool {
        let word = number >> 6
        return word < words.count && words[word] >> UInt64(number & 63) & 1 == 1
    }

    mutating func insert(_ number: Int) {
        while words.count <= number >> 6 { words.append(0) }
        words[number >> 6] |= 1 << UInt64(number & 63)
    }

    /// Whether it was a member.
    @discardableResult
    mutating func remove(_ number: Int) -> Bool {
        guard contains(number) else { return false }
        words[number >> 6] &= ~(1 << UInt64(number & 63))
        return true
    }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    mutating func removeAll() {
        for index in words.indices { words[index] = 0 }
    }
}

/// What is in the hands of a role or a framework, and where that puts it in line.
struct Use: Sendable {
    var amounts: Amounts = []
    /// Offers so far: among equal shares, who has had fewer comes first.
    var offers = 0
    /// Dominant share divided by weight.
    var share = 0.0
}

struct Filter: Sendable {
    var refused: Resources
    var expires: Instant
}

/// A framework in one of its roles: what stands in line.
struct Client: Sendable {
    var framework: FrameworkID
    var role: RoleName
    var node: Int
    /// Order of arrival: breaks ties.
    var arrival: Int
    var use = Use()
    var isActive = false
    var isSuppressed = false
    var minimum: MinimumOffer
    /// The alternatives of `minimum` as amounts.
    var least: [Amounts] = []
    var capabilities: Set<FrameworkInfo.Capability> = []
    var constraints: OfferConstraints = .none
}

struct FrameworkRecord: Sendable {
    var isActive = false
    var roles: [RoleName] = []
    var clients: [Int] = []
    var info: FrameworkInfo?
    var constraints: OfferConstraints = .none
}

struct AgentRecord: Sendable {
    /// Nil in a slot that nobody has.
    private var facts: AgentFacts?
    /// Its place in the circle in which agents are looked at.
    var key: UInt64
    var isActive = true
    var total = Resources()
    var available = Resources()
    /// By client, ascending.
    var held: [(client: Int, resources: Resources)] = []
    /// Unreserved, non-revocable amounts of `available`.
    var free: Amounts = []
    /// Nothing of its total is reserved, revocable or shared.
    var isPlain = true
    var hasGPUs = false
    /// More is in somebody's hands than it has: the total shrank.
    var isOvercommitted = false
    var isDirty = false
    /// Something is left that somebody would take if quota allowed.
    var waitsForQuota = false
    /// There is an entry among the waiting, current or not.
    var isListed = false
    /// Clients who get nothing as long as no more is available than `ceiling`.
    var blocked = BitSet()
    var ceiling = Resources()
    /// Clients who gave all of an offer back since somebody last used the agent: others come before them.
    var passed = BitSet()
    var filters: [Int: [Filter]] = [:]
    /// The latest offers, unallocated.
    var offered: [Int: Resources] = [:]

    init(info: AgentInfo?, key: UInt64) {
        facts = info.map(AgentFacts.init)
        self.key = key
    }

    static let vacant = AgentRecord(info: nil, key: 0)

    var isHere: Bool { facts != nil }
    var info: AgentInfo? {
        get { facts?.info }
        set { facts = newValue.map(AgentFacts.init) }
    }

    func index(of client: Int) -> Int? { held.firstIndex { $0.client == client } }
}

/// Kept apart because records are copied often and this is large.
private final class AgentFacts: Sendable {
    let info: AgentInfo
    init(_ info: AgentInfo) { self.info = info }
}

/// What quota is about: a role at the top with all below it.
struct TopRole: Sendable {
    var name: RoleName
    var quota: Quota = .unlimited
    var guarantees: Amounts = []
    /// Negative: no limit.
    var limits: Amounts = []
    /// Reserved for it and the roles below, in anybody's hands or not.
    var reserved: Amounts = []
    /// Unreserved, non-revocable, in its hands.
    var used: Amounts = []
    var nodes = 0
    /// On no agent that waits was it refused with less than this. Nil: on none at all.
    var ceiling: Amounts?
    /// The least it was refused with in this cycle.
    var refused: Amounts?

    func consumed(_ index: Int) -> Int64 { reserved.at(index) + used.at(index) }
    func unsatisfied(_ index: Int) -> Int64 { Swift.max(0, guarantees.at(index) - consumed(index)) }
    /// Nil: as much as there is.
    func room(_ index: Int) -> Int64? {
        guard index < limits.count, limits[index] >= 0 else { return nil }
        return Swift.max(0, limits[index] - consumed(index))
    }
    var isIdle: Bool { quota == .unlimited && reserved.isZero && used.isZero && nodes == 0 }
}
