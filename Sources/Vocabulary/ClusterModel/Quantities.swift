/// Amounts by resource name, whatever they are reserved for. A name that is not there counts as zero.
public struct Quantities: Hashable, Sendable {
    /// Sorted by name, no zeros.
    public private(set) var amounts: [Amount] = []

    public struct Amount: Hashable, Sendable {
        public let name: String
        public internal(set) var scalar: Scalar
    }

    public init() {}

    public init(_ amounts: some Sequence<(name: String, scalar: Scalar)>) {
        for amount in amounts { add(amount.scalar, of: amount.name) }
    }

    public static let none = Quantities()

    public var isEmpty: Bool { amounts.isEmpty }

    /// Assigning zero removes the name.
    public subscript(_ name: String) -> Scalar {
        get { amounts.first { $0.name == name }?.scalar ?? .zero }
        set {
            let index = amounts.firstIndex { $0.name >= name } ?? amounts.count
            let isThere = index < amounts.count && amounts[index].name == name
            switch (isThere, newValue.isZero) {
            case (true, true): amounts.remove(at: index)
            case (true, false): amounts[index].scalar = newValue
            case (false, true): break
            case (false, false): amounts.insert(Amount(name: name, scalar: newValue), at: index)
            }
        }
    }

    public mutating func add(_ scalar: Scalar, of name: String) { self[name] += scalar }

    public static func += (left: inout Quantities, right: Quantities) {
        for amount in right.amounts { left[amount.name] += amount.scalar }
    }

    /// Nothing goes below zero.
    public static func -= (left: inout Quantities, right: Quantities) {
        for amount in right.amounts { left[amount.name] -= amount.scalar }
    }

    public static func + (left: Quantities, right: Quantities) -> Quantities {
        var sum = left
        sum += right
        return sum
    }

    public static func - (left: Quantities, right: Quantities) -> Quantities {
        var difference = left
        difference -= right
        return difference
    }

    public func contains(_ other: Quantities) -> Bool {
        other.amounts.allSatisfy { $0.scalar <= self[$0.name] }
    }
}

extension Quantities: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, Scalar)...) {
        for (name, scalar) in elements { add(scalar, of: name) }
    }
}

extension Quantities: CustomStringConvertible {
    public var description: String { amounts.map { "\($0.name):\($0.scalar)" }.joined(separator: ";") }
}

/// Upper bounds by resource name. A name that is not there has no bound; zero is a bound.
public struct QuantityLimits: Hashable, Sendable {
    /// Sorted by name.
    public private(set) var bounds: [Quantities.Amount] = []

    public init() {}

    public static let none = QuantityLimits()

    public var isEmpty: Bool { bounds.isEmpty }

    /// Nil: no bound.
    public subscript(_ name: String) -> Scalar? {
        get { bounds.first { $0.name == name }?.scalar }
        set {
            bounds.removeAll { $0.name == name }
            guard let newValue else { return }
            let index = bounds.firstIndex { $0.name > name } ?? bounds.count
            bounds.insert(Quantities.Amount(name: name, scalar: newValue), at: index)
        }
    }

    /// Whether `quantities` stay within every bound.
    public func allow(_ quantities: Quantities) -> Bool {
        bounds.allSatisfy { quantities[$0.name] <= $0.scalar }
    }
}

extension QuantityLimits: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, Scalar)...) {
        for (name, scalar) in elements { self[name] = scalar }
    }
}
