public import Diagnostics
import JSONFormat

/// linux.seccomp as it stands in the document: most of most documents, and what nearly everybody needs of it is whether
/// a filter was compiled from these very bytes before.
public struct SeccompSection: Equatable, Sendable {
    public let text: [UInt8]

    init(text: [UInt8]) { self.text = text }

    init(_ object: SpecObject) { text = SpecValue.object(object.members).utf8 }

    static let path = ["linux", "seccomp"]

    /// The section taken apart.
    ///
    /// - Throws: `Failure` `bundle.config-invalid`.
    public func members() throws(Failure) -> SpecObject {
        try SpecObject(parsing: text, document: "config.json", path: Self.path.joined(separator: "."))
    }
}

extension RuntimeConfiguration {
    /// A document that `init(parsing:)` accepted before, such as a container's copy: linux.seccomp is taken as it
    /// stands.
    ///
    /// - Throws: `Failure` `bundle.config-invalid` with the field.
    public init(checked bytes: [UInt8]) throws(Failure) {
        guard let place = JSONPlace.object(at: SeccompSection.path, in: bytes) else {
            try self.init(parsing: bytes)
            return
        }
        var rest = Array(bytes[..<place.lowerBound])
        rest.reserveCapacity(bytes.count)
        rest += Array("null".utf8) + bytes[place.upperBound...]
        try self.init(try SpecObject(parsing: rest, document: "config.json"))
        linux.seccomp = SeccompSection(text: Array(bytes[place]))
    }
}
