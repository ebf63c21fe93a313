/// A set of names, kept sorted so that equal sets are equal values and iterate alike on every run.
public struct ItemSet: Hashable, Sendable {
    public let items: [String]

    public static let empty = ItemSet([])

    public init(_ items: some Sequence<String>) {
        var sorted: [String] = []
        for item in items.sorted() where sorted.last != item { sorted.append(item) }
        self.items = sorted
    }

    private init(sorted: [String]) { items = sorted }

    public var isEmpty: Bool { items.isEmpty }
    public func contains(_ other: ItemSet) -> Bool { other.subtracting(self).isEmpty }
    public func union(_ other: ItemSet) -> ItemSet { ItemSet(items + other.items) }

    public func subtracting(_ other: ItemSet) -> ItemSet {
        var theirs = other.items[...]
        return ItemSet(
            sorted: items.filter { item in
                while let first = theirs.first, first < item { theirs.removeFirst() }
                return theirs.first != item
            })
    }
}

extension ItemSet: CustomStringConvertible {
    /// `{a,b}`.
    public var description: String { "{" + items.joined(separator: ",") + "}" }
}
