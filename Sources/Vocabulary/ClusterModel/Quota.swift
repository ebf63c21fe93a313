public import Diagnostics

/// What a role at the top of the tree is sure to get, and what it can have at most, with everything below it.
public struct Quota: Hashable, Sendable {
    public var guarantees: Quantities
    public var limits: QuantityLimits

    public init(guarantees: Quantities = .none, limits: QuantityLimits = .none) {
        self.guarantees = guarantees
        self.limits = limits
    }

    /// Neither guarantees nor limits: what every role has until an operator says otherwise.
    public static let unlimited = Quota()

    /// An exabyte of memory or disk, a trillion of anything else. What is above is a slip, and Mesos refuses it too.
    static func greatest(of name: String) -> Scalar {
        ["mem", "disk"].contains(name) ? Scalar(1 << 40) : Scalar(1_000_000_000_000)
    }

    /// - Throws: `Failure` `quota.invalid` for a role that is not at the top, an amount that is too large to be meant,
    ///   or a guarantee above its limit.
    /// - Parameter isStored: it was taken once, perhaps before amounts had a bound, and stays in force.
    public func validate(for role: RoleName, isStored: Bool = false) throws(Failure) {
        if !role.isTop || role == .anyone {
            throw Failure(
                "quota.invalid", doing: "set quota", on: role.text, cause: "quota is given to roles at the top",
                remedy: role == .anyone ? "name a role" : "set it on '\(role.top)'", field: "role")
        }
        let given = guarantees.amounts.map { ($0.name, $0.scalar, "guarantees") }
            + limits.bounds.map { ($0.name, $0.scalar, "limits") }
        for (name, scalar, field) in given where !isStored && scalar > Self.greatest(of: name) {
            throw Failure(
                "quota.invalid", doing: "set quota", on: role.text,
                cause: "\(scalar) \(name) are more than the \(Self.greatest(of: name)) there can be",
                remedy: "give less, or no limit at all", field: field)
        }
        for amount in guarantees.amounts {
            if let limit = limits[amount.name], limit < amount.scalar {
                throw Failure(
                    "quota.invalid", doing: "set quota", on: role.text,
                    cause: "the guarantee of \(amount.scalar) \(amount.name) is above the limit of \(limit)",
                    remedy: "raise the limit or lower the guarantee", field: "guarantees")
            }
        }
    }
}
