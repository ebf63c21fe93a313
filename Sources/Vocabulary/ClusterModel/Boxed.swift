/// Keeps a value that is big or seldom there apart from the struct it belongs to, so that copies of the struct stay
/// cheap. Copies share the value; equal boxes are compared by identity first.
///
/// Inlinable, because a box without a value is made for every record that is read or shown: where it is not known what
/// would be in it, that costs more than all else of the record.
@propertyWrapper @frozen public struct Boxed<Value: Hashable & Sendable>: Hashable, Sendable {
    @usableFromInline final class Box: Sendable {
        @usableFromInline let value: Value
        @inlinable init(_ value: Value) { self.value = value }
    }
    @usableFromInline var box: Box?

    @inlinable public init(wrappedValue: Value?) {
        if let wrappedValue { box = Box(wrappedValue) } else { box = nil }
    }

    @inlinable public var wrappedValue: Value? {
        get { box?.value }
        set { self = Boxed(wrappedValue: newValue) }
    }

    /// The box itself, to hand on without copying what is in it.
    public var projectedValue: Boxed {
        get { self }
        set { self = newValue }
    }

    public static func == (left: Boxed, right: Boxed) -> Bool {
        left.box === right.box || left.box?.value == right.box?.value
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(box?.value) }
}
