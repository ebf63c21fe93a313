import Diagnostics

/// A package that a distribution's package manager says is in an image. All text is an image's: renderers escape it.
public struct InstalledPackage: Hashable, Sendable {
    public enum Kind: String, Sendable {
        /// Debian and its descendants, dpkg(1).
        case debian = "deb"
        /// Alpine, apk(8).
        case alpine = "apk"
    }

    public var kind: Kind
    public var name: String
    public var version: String
    public var architecture: String
    /// The source package it was built from, when that has another name or version.
    public var sourceName: String?
    public var sourceVersion: String?
    /// As the package manager has it; an expression for Alpine, nothing for Debian.
    public var license: String?

    public init(
        _ kind: Kind, name: String, version: String, architecture: String, sourceName: String? = nil,
        sourceVersion: String? = nil, license: String? = nil
    ) {
        self.kind = kind
        self.name = name
        self.version = version
        self.architecture = architecture
        self.sourceName = sourceName
        self.sourceVersion = sourceVersion
        self.license = license
    }
}

/// Bounds on databases of packages.
public enum InventoryLimits {
    /// Of one database file; Debian's with 3,000 packages has 5 MB.
    public static let fileBytes = 64 << 20
    public static let packages = 100_000
    /// Files in a directory of databases, as images without a package manager have them.
    public static let files = 20_000
    /// Of one value that is kept.
    static let valueBytes = 4 << 10
    /// Of os-release.
    public static let releaseBytes = 64 << 10
}

/// Blocks of `name: value` lines with an empty line between them: the form of both databases.
struct FieldBlocks {
    let file: String
    /// Between name and value.
    let separator: UInt8

    /// Calls `body` for each block with the values of the names in `wanted`. Lines that continue a value are left out:
    /// none of what is wanted has any.
    func forEach(
        of content: [UInt8], wanted: Set<String>, _ body: ([String: String]) throws(Failure) -> Void
    ) throws(Failure) {
        guard content.count <= InventoryLimits.fileBytes else {
            throw damaged("it has \(content.count) bytes", limit: "bytes \(InventoryLimits.fileBytes)")
        }
        var fields: [String: String] = [:]
        var isInside = false
        for line in content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard let first = line.first else {
                if isInside { try body(fields) }
                (fields, isInside) = ([:], false)
                continue
            }
            isInside = true
            if first == UInt8(ascii: " ") || first == UInt8(ascii: "\t") { continue }
            guard let colon = line.firstIndex(of: separator) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self)
            guard wanted.contains(name) else { continue }
            let value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard value.count <= InventoryLimits.valueBytes else {
                throw damaged("\(name) has \(value.count) bytes", limit: "bytes \(InventoryLimits.valueBytes)")
            }
            // Two of one name: whoever reads the other one would see another package.
            guard fields.updateValue(String(decoding: value, as: UTF8.self), forKey: name) == nil else {
                throw damaged("\(name) is there twice in one package")
            }
        }
        if isInside { try body(fields) }
    }

    func damaged(_ cause: String, limit: String? = nil) -> Failure {
        Failure(
            "inventory.damaged", doing: "read the image's packages from", on: file, cause: cause,
            remedy: "the image is damaged or hides something; build it again", field: file, limit: limit)
    }
}
