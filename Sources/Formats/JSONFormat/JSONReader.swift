/// RFC 8259, strict but for infinity where the limits allow it. NUL is refused in every string: names and environments
/// go to the kernel, which would read less than was checked.
public enum JSONReader {
    /// The whole document as a tree.
    ///
    /// - Throws: `JSONFault` with the byte and the members it was met in.
    @inlinable public static func read<Tree: JSONTree>(
        _ content: [UInt8], limits: JSONLimits, as tree: Tree.Type = Tree.self
    ) throws(JSONFault) -> Tree {
        try JSONTape(content, limits: limits).tree(at: 0)
    }
}

extension JSONTape {
    /// The value at `place` as a tree. Its recursion ends at the limits' depth.
    ///
    /// - Throws: `JSONFault` when the tree holds two names for one.
    @inlinable public func tree<Tree: JSONTree>(at place: Int) throws(JSONFault) -> Tree {
        switch kind(at: place) {
        case .object: try object(at: place)
        case .array: try array(at: place)
        case .string: .string(text(at: place))
        case .number: .number(text(at: place))
        case .yes: .bool(true)
        case .no: .bool(false)
        case .null: .null
        }
    }

    @inlinable func object<Tree: JSONTree>(at place: Int) throws(JSONFault) -> Tree {
        var members = Tree.noMembers
        let inside = inside(place)
        var at = inside.lowerBound
        while at < inside.upperBound {
            let name = text(at: at)
            guard Tree.add(try tree(at: at + 1), as: name, to: &members) else {
                throw JSONFault(duplicate: name, at: nil)
            }
            at = next(after: at + 1)
        }
        return .object(members)
    }

    @inlinable func array<Tree: JSONTree>(at place: Int) throws(JSONFault) -> Tree {
        var elements: [Tree] = []
        let inside = inside(place)
        var at = inside.lowerBound
        while at < inside.upperBound {
            elements.append(try tree(at: at))
            at = next(after: at)
        }
        return .array(elements)
    }
}

extension JSONFault {
    @usableFromInline init(duplicate name: String, at position: Int?) {
        self.init(.duplicateMember, "member '\(name)' is there twice", at: position)
    }
}
