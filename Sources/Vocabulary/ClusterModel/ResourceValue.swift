/// How much of a resource: an amount, a set of numbers, or a set of names.
public enum ResourceValue: Hashable, Sendable {
    case scalar(Scalar)
    case ranges(Ranges)
    case set(ItemSet)

    public var isEmpty: Bool {
        switch self {
        case .scalar(let scalar): scalar.isZero
        case .ranges(let ranges): ranges.isEmpty
        case .set(let set): set.isEmpty
        }
    }

    public func isOfSameType(as other: ResourceValue) -> Bool {
        switch (self, other) {
        case (.scalar, .scalar), (.ranges, .ranges), (.set, .set): true
        default: false
        }
    }

    /// False for values of different types.
    public func contains(_ other: ResourceValue) -> Bool {
        switch (self, other) {
        case (.scalar(let left), .scalar(let right)): right <= left
        case (.ranges(let left), .ranges(let right)): left.contains(right)
        case (.set(let left), .set(let right)): left.contains(right)
        default: false
        }
    }

    /// Both together; unchanged when the types differ.
    public mutating func add(_ other: ResourceValue) {
        switch (self, other) {
        case (.scalar(let left), .scalar(let right)): self = .scalar(left + right)
        case (.ranges(let left), .ranges(let right)): self = .ranges(left.union(right))
        case (.set(let left), .set(let right)): self = .set(left.union(right))
        default: break
        }
    }

    /// What is left without `other`, nothing below zero; unchanged when the types differ.
    public mutating func subtract(_ other: ResourceValue) {
        switch (self, other) {
        case (.scalar(let left), .scalar(let right)): self = .scalar(left - right)
        case (.ranges(let left), .ranges(let right)): self = .ranges(left.subtracting(right))
        case (.set(let left), .set(let right)): self = .set(left.subtracting(right))
        default: break
        }
    }
}

extension ResourceValue: CustomStringConvertible {
    public var description: String {
        switch self {
        case .scalar(let scalar): scalar.description
        case .ranges(let ranges): ranges.description
        case .set(let set): set.description
        }
    }
}
