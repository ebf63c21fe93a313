/// Keeps a value apart from the struct it belongs to, where all copies of the struct share it: what is large and seldom
/// changes is then neither copied nor moved with it.
@propertyWrapper public struct Shared<Value: Sendable>: Sendable {
    private final class Box: Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }
    private var box: Box

    public init(wrappedValue: Value) { box = Box(wrappedValue) }

    public var wrappedValue: Value {
        get { box.value }
        set { box = Box(newValue) }
    }
}
