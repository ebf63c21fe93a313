public import Diagnostics

/// A bag of resources with exact arithmetic.
///
/// Resources of the same kind are merged, except volumes and whole disks, which stay apart. A shared resource is kept
/// once with the number of its copies. Equality ignores order; iteration follows the order in which kinds were first
/// added, so it is the same on every run. Nothing is ever negative: taking away more than there is leaves none, so ask
/// `contains` first. Ranges and sets are sets: adding a port twice adds it once.
public struct Resources: Sendable {
    @usableFromInline struct Entry: Sendable {
        @usableFromInline var resource: Resource
        /// Above one only for shared resources.
        @usableFromInline var copies: Int
    }
    @usableFromInline var entries: [Entry] = []

    public static let none = Resources()

    public init() {}

    /// The sum of `resources`; empty ones leave no trace. They are taken as they are: see `Resource.validate`.
    public init(_ resources: some Sequence<Resource>) {
        for resource in resources { add(resource) }
    }

    /// - Throws: `Failure` `resource.invalid` for the first resource that does not fit together.
    public init(validating resources: some Sequence<Resource>) throws(Failure) {
        for resource in resources {
            try resource.validate()
            add(resource)
        }
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// Whether both are the very same stored value, which says they are equal without looking inside.
    public func sharesStorage(with other: Resources) -> Bool {
        entries.withUnsafeBufferPointer { mine in
            other.entries.withUnsafeBufferPointer { theirs in
                mine.baseAddress == theirs.baseAddress && mine.count == theirs.count
            }
        }
    }

    // MARK: One resource

    /// Adds `copies` of `resource`; more than one copy means something for shared resources only.
    public mutating func add(_ resource: Resource, copies: Int = 1) {
        guard !resource.value.isEmpty, copies > 0 else { return }
        if let index = indexOfMergeable(with: resource) {
            if resource.isShared {
                entries[index].copies += copies
            } else {
                entries[index].resource.value.add(resource.value)
            }
        } else {
            entries.append(Entry(resource: resource, copies: resource.isShared ? copies : 1))
        }
    }

    /// Takes `copies` of `resource` away, as far as they are there.
    public mutating func subtract(_ resource: Resource, copies: Int = 1) {
        guard !resource.value.isEmpty, copies > 0, let index = indexOfSource(of: resource) else { return }
        if resource.isShared {
            entries[index].copies -= copies
            if entries[index].copies <= 0 { entries.remove(at: index) }
        } else if resource.isDivisible {
            entries[index].resource.value.subtract(resource.value)
            if entries[index].resource.value.isEmpty { entries.remove(at: index) }
        } else {
            entries.remove(at: index)
        }
    }

    public func contains(_ resource: Resource, copies: Int = 1) -> Bool {
        if resource.value.isEmpty { return true }
        if !resource.isDivisible, !resource.isShared {
            return entries.lazy.filter { $0.resource == resource }.count >= copies
        }
        guard let index = indexOfSource(of: resource) else { return false }
        if resource.isShared { return entries[index].copies >= copies }
        return entries[index].resource.value.contains(resource.value)
    }

    private func indexOfMergeable(with resource: Resource) -> Int? {
        guard resource.isShared || resource.isDivisible else { return nil }
        return indexOfSource(of: resource)
    }

    /// Where `resource` would be taken from: the entry of its kind, or for what goes whole the entry that equals it.
    private func indexOfSource(of resource: Resource) -> Int? {
        let mustBeEqual = !resource.isDivisible
        for index in entries.indices where entries[index].resource.isSameKind(as: resource) {
            if !mustBeEqual || entries[index].resource.value == resource.value { return index }
        }
        return nil
    }

    // MARK: Many

    public static func += (left: inout Resources, right: Resources) {
        if left.entries.isEmpty {
            left = right
            return
        }
        for entry in right.entries { left.add(entry.resource, copies: entry.copies) }
    }

    public static func -= (left: inout Resources, right: Resources) {
        for entry in right.entries { left.subtract(entry.resource, copies: entry.copies) }
    }

    public static func + (left: Resources, right: Resources) -> Resources {
        var sum = left
        sum += right
        return sum
    }

    public static func - (left: Resources, right: Resources) -> Resources {
        var difference = left
        difference -= right
        return difference
    }

    /// Whether `other` could be taken away in full.
    public func contains(_ other: Resources) -> Bool {
        if sharesStorage(with: other) { return true }
        for (index, entry) in other.entries.enumerated() {
            var wanted = entry.copies
            if !entry.resource.isShared, !entry.resource.isDivisible {
                // Equal volumes or whole disks are separate entries: all of them must be here.
                wanted += other.entries[..<index].lazy.filter { $0.resource == entry.resource }.count
            }
            if !contains(entry.resource, copies: wanted) { return false }
        }
        return true
    }

    /// How many copies of a shared resource there are; one for any other that is here.
    public func copies(of resource: Resource) -> Int {
        if resource.isShared { return indexOfSource(of: resource).map { entries[$0].copies } ?? 0 }
        return entries.lazy.filter { $0.resource == resource }.count
    }
}

extension Resources: Equatable {
    public static func == (left: Resources, right: Resources) -> Bool {
        left.entries.count == right.entries.count && left.contains(right) && right.contains(left)
    }
}

extension Resources: Sequence {
    /// Each kind once, a shared one too, however many copies there are.
    public func makeIterator() -> AnyIterator<Resource> {
        var rest = entries.makeIterator()
        return AnyIterator { rest.next()?.resource }
    }

    public var underestimatedCount: Int { entries.count }

    /// The same walk without an iterator on the heap; the allocator makes it very often.
    public func forEach(_ body: (Resource) -> Void) {
        for entry in entries { body(entry.resource) }
    }
}

extension Resources: CustomStringConvertible {
    /// `cpus:4;mem(eng):1024`.
    public var description: String {
        entries.map { $0.copies > 1 ? "\($0.resource)<\($0.copies)>" : "\($0.resource)" }.joined(separator: ";")
    }
}
