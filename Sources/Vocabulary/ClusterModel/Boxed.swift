/// Keeps a value that is big or seldom there apart from the struct it belongs to, so that copies of the struct stay
/// cheap. Copies share the value; equal boxes are compared by identity first.
@propertyWrapper public struct Boxed<Value: Hashable & Sendable>: Hashable, Sendable {
    private final class Box: Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }
    private var box: Box?

    public init(wrappedValue: Value?) { box = wrappedValue.map(Box.init) }

    public var wrappedValue: Value? {
        get { box?.value }
        set { box = newValue.map(Box.init) }
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
