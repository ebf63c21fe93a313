/// A value that was asked for: what came back, or why nothing did. A rule that needs what is hidden answers unknown.
public enum Observed<Value: Codable & Equatable & Sendable>: Codable, Equatable, Sendable {
    case seen(Value)
    case hidden(String)

    public var value: Value? {
        guard case .seen(let value) = self else { return nil }
        return value
    }

    func ask(_ body: (Value) -> Answer) -> Answer {
        switch self {
        case .seen(let value): body(value)
        case .hidden(let why): .unknown(why)
        }
    }
}
