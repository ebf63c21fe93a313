/// A key with an optional value that a framework or an operator attaches; the cluster only carries it.
public struct Label: Hashable, Sendable {
    public var key: String
    public var value: String?
    public init(_ key: String, _ value: String? = nil) {
        self.key = key
        self.value = value
    }
}
