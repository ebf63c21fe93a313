public import Diagnostics

/// The name of a role: components joined by `/`, each below the one before: `eng/backend` is below `eng`.
/// `*` is the role of everybody's resources.
public struct RoleName: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: String

    /// Resources nobody reserved belong to it, and frameworks that name no role are in it.
    public static let anyone = RoleName(valid: "*")

    public static let bytesMax = 1_024
    /// Walks over the tree of roles go as deep as this.
    public static let componentsMax = 32

    /// - Throws: `Failure` `role.invalid`, naming the rule that was broken.
    public init(_ text: String) throws(Failure) {
        if let fault = Self.fault(in: text) {
            throw Failure(
                "role.invalid", doing: "use role", on: text, cause: fault,
                remedy: "join components with single '/'; each is not empty, '.', '..' or '*', starts without '-' "
                    + "and has no white space",
                field: "role")
        }
        self.text = text
    }

    private init(valid text: String) { self.text = text }

    private static func fault(in text: String) -> String? {
        if text == "*" || isPlain(text) { return nil }
        if text.isEmpty { return "it is empty" }
        if text.utf8.count > bytesMax { return "it has more than \(bytesMax) bytes" }
        if text.utf8.first == UInt8(ascii: "/") { return "it starts with '/'" }
        if text.utf8.last == UInt8(ascii: "/") { return "it ends with '/'" }
        let components = text.cut(at: "/", omittingEmptySubsequences: false)
        if components.count > componentsMax { return "it has more than \(componentsMax) components" }
        for component in components {
            switch component {
            case "": return "it has an empty component"
            case ".", "..", "*": return "'\(component)' cannot be a component"
            default: break
            }
            if component.utf8.first == UInt8(ascii: "-") { return "component '\(component)' starts with '-'" }
            if component.unicodeScalars.contains(where: isUnfit) {
                return "it contains white space or a control character"
            }
            guard component.standsAlone else {
                return "component '\(component)' begins or ends with a mark that belongs to what stands beside it"
            }
        }
        return nil
    }

    /// One component of letters, digits, `_` and, not at its beginning, `-`: nearly all are so.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, first != UInt8(ascii: "-"), text.utf8.count <= bytesMax else { return false }
        return text.utf8.allSatisfy { byte in
            (0x61...0x7a).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == 0x5f || byte == 0x2d
        }
    }

    private static func isUnfit(_ scalar: Unicode.Scalar) -> Bool {
        // Most names are ASCII, whose properties need no looking up.
        if scalar.isASCII { return scalar.value <= 0x20 || scalar.value == 0x7f }
        return scalar.properties.isWhitespace
    }

    /// From the top down: `eng`, `backend`.
    public var components: [Substring] { text.cut(at: "/") }

    /// The role above, nil at the top.
    public var parent: RoleName? {
        guard let slash = text.lastPosition(of: "/") else { return nil }
        return RoleName(valid: String(text[..<slash]))
    }

    /// The first component: the role that quota is given to.
    public var top: RoleName {
        guard let slash = text.position(of: "/") else { return self }
        return RoleName(valid: String(text[..<slash]))
    }

    public var isTop: Bool { !text.utf8.contains(UInt8(ascii: "/")) }

    /// Whether this role is `other` or somewhere below it. Below `*` there is nothing.
    public func isWithin(_ other: RoleName) -> Bool {
        let own = text.utf8
        let above = other.text.utf8
        if own.count == above.count { return self == other }
        guard own.count > above.count, own.starts(with: above) else { return false }
        return own[own.index(own.startIndex, offsetBy: above.count)] == UInt8(ascii: "/")
    }

    public func isStrictlyBelow(_ other: RoleName) -> Bool { self != other && isWithin(other) }

    /// By bytes, as the files, rules and other programs that tell names apart.
    public static func == (left: Self, right: Self) -> Bool { left.text.isSame(as: right.text) }
    public func hash(into hasher: inout Hasher) { hasher.combine(text) }
    public static func < (left: RoleName, right: RoleName) -> Bool { left.text < right.text }
    public var description: String { text }
}
