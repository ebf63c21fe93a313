public import Diagnostics

/// dpkg's database: `/var/lib/dpkg/status`, or a file of `/var/lib/dpkg/status.d`, see deb-status(5).
public enum DebianDatabase {
    private static let wanted: Set = ["Package", "Version", "Architecture", "Status", "Source"]

    /// What is installed. A package that was removed and has only its settings left is none.
    /// - Throws: `inventory.damaged`.
    public static func packages(parsing content: [UInt8], from file: String) throws(Failure) -> [InstalledPackage] {
        let blocks = FieldBlocks(file: file, separator: UInt8(ascii: ":"))
        var packages: [InstalledPackage] = []
        try blocks.forEach(of: content, wanted: wanted) { fields throws(Failure) in
            // Images without a package manager say nothing of the state.
            let isInstalled = fields["Status"].map { $0.cut(at: " ").last == "installed" } ?? true
            guard isInstalled else { return }
            guard let name = fields["Package"], let version = fields["Version"], !name.isEmpty, !version.isEmpty else {
                throw blocks.damaged("a package has no \(fields["Package"] == nil ? "name" : "version")")
            }
            let (sourceName, sourceVersion) = source(fields["Source"])
            packages.append(
                InstalledPackage(
                    .debian, name: name, version: version, architecture: fields["Architecture"] ?? "",
                    sourceName: sourceName, sourceVersion: sourceVersion))
            guard packages.count <= InventoryLimits.packages else {
                throw blocks.damaged("it has too many packages", limit: "packages \(InventoryLimits.packages)")
            }
        }
        return packages
    }

    /// `glibc`, or `glibc (2.36-9)`.
    private static func source(_ text: String?) -> (String?, String?) {
        guard let text, !text.isEmpty else { return (nil, nil) }
        let parts = text.cut(at: " ", maxSplits: 1)
        let version = parts.count > 1 ? parts[1].filter { $0 != "(" && $0 != ")" && $0 != " " } : ""
        return (parts.first.map(String.init), version.isEmpty ? nil : version)
    }
}

/// apk's database: `/lib/apk/db/installed`, a letter and a colon before each value.
public enum AlpineDatabase {
    private static let wanted: Set = ["P", "V", "A", "L", "o"]

    /// - Throws: `inventory.damaged`.
    public static func packages(parsing content: [UInt8], from file: String) throws(Failure) -> [InstalledPackage] {
        let blocks = FieldBlocks(file: file, separator: UInt8(ascii: ":"))
        var packages: [InstalledPackage] = []
        try blocks.forEach(of: content, wanted: wanted) { fields throws(Failure) in
            guard let name = fields["P"], let version = fields["V"], !name.isEmpty, !version.isEmpty else {
                throw blocks.damaged("a package has no \(fields["P"] == nil ? "name" : "version")")
            }
            packages.append(
                InstalledPackage(
                    .alpine, name: name, version: version, architecture: fields["A"] ?? "", sourceName: fields["o"],
                    license: fields["L"].flatMap { $0.isEmpty ? nil : $0 }))
            guard packages.count <= InventoryLimits.packages else {
                throw blocks.damaged("it has too many packages", limit: "packages \(InventoryLimits.packages)")
            }
        }
        return packages
    }
}

/// os-release(5) of an image.
public struct OSRelease: Hashable, Sendable {
    /// `debian`; what is not a word of lower-case letters, digits, `.`, `_` and `-` counts as not there.
    public var id: String?
    public var version: String?
    public var prettyName: String?

    public init(parsing content: [UInt8]) {
        for line in content.prefix(InventoryLimits.releaseBytes).split(separator: UInt8(ascii: "\n")) {
            let parts = line.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            var value = String(decoding: parts[1], as: UTF8.self)
            if let quote = value.first, quote == "\"" || quote == "'", value.last == quote, value.count >= 2 {
                value = String(value.dropFirst().dropLast())
            }
            switch String(decoding: parts[0], as: UTF8.self) {
            case "ID": id = Self.word(value)
            case "VERSION_ID": version = Self.word(value)
            case "PRETTY_NAME": prettyName = String(value.prefix(256))
            default: continue
            }
        }
    }

    private static func word(_ text: String) -> String? {
        let allowed = text.utf8.allSatisfy { byte in
            (97...122).contains(byte) || (48...57).contains(byte) || byte == UInt8(ascii: ".")
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
        }
        return allowed && (1...64).contains(text.utf8.count) ? text : nil
    }
}
