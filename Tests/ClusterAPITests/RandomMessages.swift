@testable import ClusterAPI
import Determinism

/// Messages of the protocol with everything in them that the schema allows, the same for the same seed.
struct RandomMessages {
    let schema = ProtocolSchema.standard
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func value(_ name: String) throws -> WireValue {
        guard let message = schema.message(named: name) else { throw UnknownMessage(name: name) }
        return .object(members(message, depth: 0))
    }

    struct UnknownMessage: Error { let name: String }

    private mutating func members(_ message: ProtocolSchema.Message, depth: Int) -> [String: WireValue] {
        var members: [String: WireValue] = [:]
        for field in message.fields {
            // Deeper down only what must be there, so that it ends.
            guard field.cardinality == .required || random.below(depth < 4 ? 3 : 12) == 0 else { continue }
            guard field.cardinality == .required || depth < 8 else { continue }
            guard !field.alternatives.contains(where: { members[$0] != nil }) else { continue }
            switch field.cardinality {
            case .optional, .required: members[field.name] = value(field.kind, depth)
            case .repeated:
                members[field.name] = .array((0...random.below(2)).map { _ in value(field.kind, depth) })
            case .map:
                var entries: [String: WireValue] = [:]
                for _ in 0...random.below(2) { entries[text()] = value(field.kind, depth) }
                members[field.name] = .object(entries)
            }
        }
        return members
    }

    private mutating func value(_ kind: ProtocolSchema.Kind, _ depth: Int) -> WireValue {
        switch kind {
        case .double: number()
        case .int32: .number(Int32(truncatingIfNeeded: random.next()))
        case .int64: .number(Int64(bitPattern: random.next()))
        case .uint32: .number(UInt32(truncatingIfNeeded: random.next()))
        case .uint64: .number(random.next())
        case .bool: .bool(random.below(2) == 0)
        case .string: .string(text())
        case .bytes: .base64((0..<random.below(20)).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        case .enumeration(let index): .string(name(of: schema.enumerations[index]))
        case .message(let index): .object(members(schema.messages[index], depth: depth + 1))
        }
    }

    private mutating func name(of enumeration: ProtocolSchema.Enumeration) -> String {
        let names = enumeration.numbers.keys.sorted()
        return names[random.below(names.count)]
    }

    private mutating func number() -> WireValue {
        switch random.below(4) {
        case 0: return .number(Double(Int32(truncatingIfNeeded: random.next())))
        case 1: return .number(random.below(2) == 0 ? Double.infinity : -Double.infinity)
        default:
            let any = Double(bitPattern: random.next())
            return .number(any.isFinite ? any : 0.1)
        }
    }

    private mutating func text() -> String {
        let scalars: [Unicode.Scalar] = ["a", "Z", "-", "\"", "\\", "\n", "\u{1}", "é", "\u{2028}", "😀", "/"]
        return String(
            String.UnicodeScalarView((0..<random.below(6)).map { _ in scalars[random.below(scalars.count)] }))
    }
}
