import Foundation

/// JSON as it came, looked into by name and place. What is not there is not there, whatever is asked of it.
struct Answer: CustomStringConvertible {
    private let value: Any?

    init(_ text: String) throws {
        value = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
    }

    private init(value: Any?) { self.value = value }

    subscript(name: String) -> Answer { Answer(value: (value as? [String: Any])?[name]) }
    subscript(index: Int) -> Answer {
        let list = value as? [Any] ?? []
        return Answer(value: list.indices.contains(index) ? list[index] : nil)
    }
    var text: String? { value as? String }
    var number: Double? { (value as? NSNumber)?.doubleValue }
    var bool: Bool? { value as? Bool }
    var all: [Answer] { (value as? [Any] ?? []).map { Answer(value: $0) } }
    var names: Set<String> { Set((value as? [String: Any] ?? [:]).keys) }
    var exists: Bool { value != nil }
    var description: String { value.map { "\($0)" } ?? "nothing" }
}
