import Diagnostics
public import OCIFormat

/// How the name a signer gave an image must fit the name it is run under: `signedIdentity` of
/// containers-policy.json(5).
public enum SignedIdentity: Equatable, Sendable {
    /// The same name and tag.
    case matchExact
    /// The same name and tag; for an image asked for by its digest, the same name.
    case matchRepoDigestOrExact
    /// The same name, whatever the tag. What signatures of `cosign sign` need: they hold no tag.
    case matchRepository
    case exactReference(ImageReference)
    case exactRepository(ImageReference)
    /// As `matchRepoDigestOrExact`, with `prefix` of the asked name replaced.
    case remapIdentity(prefix: String, signedPrefix: String)

    init(_ object: JSONObject) throws(Failure) {
        let code: Failure.Code = "image.policy-invalid"
        func only(_ names: Set<String>) throws(Failure) { try object.allow(names.union(["type"]), code) }
        func text(_ name: String) throws(Failure) -> String {
            guard let text = try object.string(name, bytes: 1_024), !text.isEmpty else { throw object.missing(name) }
            return text
        }
        switch try object.string("type", bytes: 64) {
        case "matchExact":
            try only([])
            self = .matchExact
        case "matchRepoDigestOrExact":
            try only([])
            self = .matchRepoDigestOrExact
        case "matchRepository":
            try only([])
            self = .matchRepository
        case "exactReference":
            try only(["dockerReference"])
            self = .exactReference(try ImageReference(parsing: try text("dockerReference")))
        case "exactRepository":
            try only(["dockerRepository"])
            self = .exactRepository(try ImageReference(parsing: try text("dockerRepository")))
        case "remapIdentity":
            try only(["prefix", "signedPrefix"])
            self = .remapIdentity(prefix: try text("prefix"), signedPrefix: try text("signedPrefix"))
        case let other:
            throw object.refusal(
                code, at: object.place("type"), cause: "'\(other ?? "")' is no kind of signedIdentity")
        }
    }

    /// Whether an image that its signer calls `signed` may be run as `asked`, nil for one without a name.
    public func accepts(_ signed: String, for asked: ImageReference?) -> Bool {
        guard let name = Name(signed) else { return false }
        switch self {
        case .matchExact: return asked.map { $0.tag != nil && Self.same(name, $0, tags: true) } ?? false
        case .matchRepoDigestOrExact: return asked.map { Self.sameOrPinned(name, $0) } ?? false
        case .matchRepository: return asked.map { Self.same(name, $0, tags: false) } ?? false
        case .exactReference(let reference): return Self.same(name, reference, tags: true)
        case .exactRepository(let reference): return Self.same(name, reference, tags: false)
        case .remapIdentity(let prefix, let signedPrefix):
            guard let asked, let mapped = Self.remapped(asked, prefix, signedPrefix) else { return false }
            return Self.sameOrPinned(name, mapped)
        }
    }

    /// A name in a signature: one without a tag stays without one, where a person who types it means `latest`.
    private struct Name {
        var reference: ImageReference
        var hasTag: Bool

        init?(_ text: String) {
            do throws(Failure) { reference = try ImageReference(parsing: text) } catch { return nil }
            let last = text.cut(at: "/").last ?? ""
            hasTag = reference.tag != nil && last.has(":")
        }
    }

    private static func same(_ name: Name, _ asked: ImageReference, tags: Bool) -> Bool {
        guard name.reference.name == asked.name else { return false }
        return !tags || name.hasTag && name.reference.tag == asked.tag
    }

    private static func sameOrPinned(_ name: Name, _ asked: ImageReference) -> Bool {
        same(name, asked, tags: asked.digest == nil || asked.tag != nil)
    }

    private static func remapped(_ asked: ImageReference, _ prefix: String, _ signedPrefix: String) -> ImageReference? {
        let text = asked.description
        guard
            text == prefix || text.begins(with: prefix + "/") || text.begins(with: prefix + ":")
                || text.begins(with: prefix + "@")
        else { return asked }
        do throws(Failure) {
            return try ImageReference(parsing: signedPrefix + text.dropFirst(prefix.count))
        } catch { return nil }
    }
}
