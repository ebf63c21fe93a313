import JSONFormat

/// A value of a call where it stands: in a tree, or still in its text.
enum WireItem {
    case tree(WireValue)
    case text(JSONTape, place: Int)

    /// In words, for who sent another.
    var kind: String {
        switch self {
        case .tree(let value): value.kind
        case .text(let tape, let place):
            switch tape.kind(at: place) {
            case .null: WireValue.null.kind
            case .yes, .no: WireValue.bool(true).kind
            case .number: WireValue.number("").kind
            case .string: WireValue.string("").kind
            case .array: WireValue.array([]).kind
            case .object: WireValue.object([:]).kind
            }
        }
    }

    var tree: WireValue {
        switch self {
        case .tree(let value): return value
        case .text(let tape, let place):
            switch tape.kind(at: place) {
            case .null: return .null
            case .yes, .no: return .bool(tape.kind(at: place) == .yes)
            case .number: return .number(tape.text(at: place))
            case .string: return .string(tape.text(at: place))
            case .array: return .array((elements ?? []).map(\.tree))
            case .object:
                var members: [String: WireValue] = [:]
                for (name, member) in tape.members(of: place) {
                    members[name] = WireItem.text(tape, place: member).tree
                }
                return .object(members)
            }
        }
    }

    var string: String? {
        switch self {
        case .tree(.string(let text)): text
        case .text(let tape, let place) where tape.kind(at: place) == .string: tape.text(at: place)
        default: nil
        }
    }

    /// A number as it is written.
    var digits: String? {
        switch self {
        case .tree(.number(let text)): text
        case .text(let tape, let place) where tape.kind(at: place) == .number: tape.text(at: place)
        default: nil
        }
    }

    /// A number, in quotes or not.
    var numeral: String? { digits ?? string }

    var flag: Bool? {
        switch self {
        case .tree(.bool(let flag)): return flag
        case .text(let tape, let place) where tape.kind(at: place) == .yes: return true
        case .text(let tape, let place) where tape.kind(at: place) == .no: return false
        default:
            switch string {
            case "true": return true
            case "false": return false
            default: return nil
            }
        }
    }

    func whole<Integer: FixedWidthInteger>(as type: Integer.Type) -> Integer? {
        guard let text = numeral else { return nil }
        return Integer(text) ?? WireObject.double(text).flatMap(Integer.init(exactly:))
    }

    /// Nil when it is no list.
    var elements: [WireItem]? {
        switch self {
        case .tree(.array(let elements)): return elements.map(WireItem.tree)
        case .text(let tape, let place) where tape.kind(at: place) == .array:
            var elements: [WireItem] = []
            let inside = tape.inside(place)
            var next = inside.lowerBound
            while next < inside.upperBound {
                elements.append(.text(tape, place: next))
                next = tape.next(after: next)
            }
            return elements
        default: return nil
        }
    }
}

extension JSONTape {
    /// Names and places of the members of the object at `place`, as they stand there.
    func members(of place: Int) -> [(name: String, place: Int)] {
        var members: [(name: String, place: Int)] = []
        let inside = inside(place)
        var next = inside.lowerBound
        while next < inside.upperBound {
            members.append((text(at: next), next + 1))
            next = self.next(after: next + 1)
        }
        return members
    }
}
