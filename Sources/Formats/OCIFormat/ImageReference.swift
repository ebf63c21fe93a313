public import Diagnostics

/// The name of an image: `[domain/]path[:tag][@digest]`, by Docker's rules and no looser.
///
/// A name without a domain means docker.io, and there a single component means `library/…`; a name with neither tag nor
/// digest means the tag `latest`. `description` is the full form, which is stored and compared; `familiar` is what
/// people type and are shown.
public struct ImageReference: Hashable, Sendable {
    /// `docker.io`, `localhost`, `registry.example:5000`.
    public let domain: String
    /// `library/busybox`.
    public let path: String
    public let tag: String?
    public let digest: Digest?

    public static let nameBytesMax = 255
    public static let tagBytesMax = 128

    /// - Throws: `image.reference-invalid` with what is wrong; `image.digest-*` for the part after `@`.
    public init(parsing text: String) throws(Failure) {
        func invalid(_ cause: String, remedy: String? = nil) -> Failure {
            let shown = text.utf8.count <= 300 ? text : String(text.prefix(297)) + "..."
            return Failure(
                "image.reference-invalid", doing: "use the image name", on: shown, cause: cause, remedy: remedy,
                field: "image")
        }
        guard !text.isEmpty else { throw invalid("it is empty", remedy: "name an image, for example busybox:latest") }
        guard text.utf8.count <= 1_024 else { throw invalid("it is longer than 1024 bytes") }
        var rest = Substring(text)
        if let at = rest.position(of: "@") {
            digest = try Digest(parsing: String(rest[rest.utf8.index(after: at)...]), field: "image")
            rest = rest[..<at]
        } else {
            digest = nil
        }
        if let colon = rest.lastPosition(of: ":"), !rest[colon...].has("/") {
            let tag = rest[rest.utf8.index(after: colon)...]
            guard ImageReference.isTag(tag.utf8) else {
                throw invalid(
                    "'\(tag.prefix(64))' is not a tag", remedy: "a tag has up to 128 letters, digits, '_', '.' and '-'")
            }
            self.tag = String(tag)
            rest = rest[..<colon]
        } else {
            tag = digest == nil ? "latest" : nil
        }
        guard rest.utf8.count <= Self.nameBytesMax else {
            throw invalid("the name is longer than \(Self.nameBytesMax) bytes")
        }
        var remainder = rest
        if let slash = rest.position(of: "/"), ImageReference.looksLikeDomain(rest[..<slash]) {
            domain = rest[..<slash] == "index.docker.io" ? "docker.io" : String(rest[..<slash])
            guard ImageReference.isDomain(rest[..<slash].utf8) else {
                throw invalid("'\(rest[..<slash])' is not a registry's host name")
            }
            remainder = rest[rest.utf8.index(after: slash)...]
        } else {
            domain = "docker.io"
        }
        let components = remainder.cut(at: "/", omittingEmptySubsequences: false)
        for component in components where !ImageReference.isPathComponent(component.utf8) {
            let hasCapitals = component.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
            throw invalid(
                component.isEmpty
                    ? "a part of the name is empty" : "'\(component.prefix(64))' is not allowed in a name",
                remedy: hasCapitals
                    ? "use lower-case letters"
                    : "use lower-case letters and digits, separated by '.', '_', '__' or '-'")
        }
        path = domain == "docker.io" && components.count == 1 ? "library/\(remainder)" : String(remainder)
        guard !ImageReference.isIdentifier(remainder.utf8) || components.count > 1 || domain != "docker.io" else {
            throw invalid("64 hexadecimal digits are an image's identifier, not a name")
        }
    }

    /// The full name with this tag or digest and no other.
    public init(domain: String, path: String, tag: String?, digest: Digest?) throws(Failure) {
        let ending = (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "")
        self = try ImageReference(parsing: "\(domain)/\(path)\(ending)")
    }

    /// Without tag and digest: `docker.io/library/busybox`.
    public var name: String { "\(domain)/\(path)" }

    /// As people write it: `busybox:latest`.
    public var familiar: String {
        var short = name
        for prefix in ["docker.io/library/", "docker.io/"] where name.begins(with: prefix) {
            let candidate = String(name.dropFirst(prefix.count))
            // What would be read back as another name keeps its prefix.
            let first = candidate.cut(at: "/", maxSplits: 1)[0]
            if candidate.has("/"), ImageReference.looksLikeDomain(first) { continue }
            short = candidate
            break
        }
        return short + ending
    }

    private var ending: String { (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "") }
}

extension ImageReference: CustomStringConvertible, Comparable {
    public var description: String { name + ending }

    public static func < (left: ImageReference, right: ImageReference) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }
}

// MARK: - Grammar

extension ImageReference {
    private static func looksLikeDomain(_ text: Substring) -> Bool {
        text == "localhost" || text.has(".") || text.has(":")
            || text.utf8.contains { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }

    /// `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`
    static func isTag(_ text: Substring.UTF8View) -> Bool {
        guard let first = text.first, text.count <= tagBytesMax, isWord(first) else { return false }
        return text.dropFirst().allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    /// Labels of letters, digits and inner hyphens joined by dots, and a port; or an IPv6 address in brackets.
    private static func isDomain(_ text: Substring.UTF8View) -> Bool {
        var host = Array(text)
        if let colon = host.lastIndex(of: UInt8(ascii: ":")), host.last != UInt8(ascii: "]") {
            let port = host[(colon + 1)...]
            guard (1...5).contains(port.count), port.allSatisfy(isDigit) else { return false }
            host = Array(host[..<colon])
        }
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
            let address = host.dropFirst().dropLast()
            return address.count >= 2 && address.allSatisfy { isHexadecimal($0) || $0 == UInt8(ascii: ":") }
        }
        return host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            guard let first = label.first, let last = label.last else { return false }
            return isAlphanumeric(first) && isAlphanumeric(last)
                && label.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
    }

    /// Runs of `[a-z0-9]` joined by one `.`, one or two `_`, or any number of `-`.
    private static func isPathComponent(_ text: Substring.UTF8View) -> Bool {
        var separator: [UInt8] = []
        var hasRun = false
        for byte in text {
            if isLowerOrDigit(byte) {
                guard separator.isEmpty || (hasRun && isSeparator(separator)) else { return false }
                separator = []
                hasRun = true
            } else {
                separator.append(byte)
            }
        }
        return hasRun && separator.isEmpty
    }

    private static func isSeparator(_ text: [UInt8]) -> Bool {
        text == [UInt8(ascii: ".")] || text == [UInt8(ascii: "_")] || text == Array("__".utf8)
            || text.allSatisfy { $0 == UInt8(ascii: "-") }
    }

    private static func isIdentifier(_ text: Substring.UTF8View) -> Bool {
        text.count == 64 && text.allSatisfy { isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }
    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerOrDigit(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
    private static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "_") }
    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}
