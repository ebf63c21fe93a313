/// What a document is made into. Each reader of documents has a tree of its own, because what they keep of a document
/// differs: the order of an image's members counts, a call's members are looked up.
public protocol JSONTree {
    associatedtype Members

    static var null: Self { get }
    static func bool(_ value: Bool) -> Self
    /// The number's text, as it stands in the document.
    static func number(_ text: String) -> Self
    static func string(_ text: String) -> Self
    static func array(_ elements: [Self]) -> Self
    static func object(_ members: Members) -> Self

    static var noMembers: Members { get }
    /// False, and nothing done, when the name is there already.
    static func add(_ value: Self, as name: String, to members: inout Members) -> Bool
}
