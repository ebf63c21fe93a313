import AuditFormat
import Diagnostics
public import OCIFormat

/// What is in an image, for a software bill of materials. The same image gives the same bytes: no time but the image's,
/// no random number.
public struct SoftwareBill: Sendable {
    public enum Format: String, Sendable, CaseIterable {
        /// CycloneDX 1.5, JSON.
        case cyclonedx
        /// SPDX 2.3, JSON.
        case spdx
    }

    public var imageName: String
    public var manifest: Digest
    /// As the image says, RFC 3339.
    public var created: String?
    public let release: OSRelease?
    /// Sorted, each once: one that a damaged database has twice with another license is still the same package, and
    /// both formats want each reference once.
    public let packages: [InstalledPackage]
    /// Of the program that writes it.
    public var toolVersion: String

    public init(
        imageName: String, manifest: Digest, created: String?, release: OSRelease?, packages: [InstalledPackage],
        toolVersion: String
    ) {
        self.imageName = imageName
        self.manifest = manifest
        self.created = created
        self.release = release
        let sorted = Set(packages).sorted { left, right in
            func key(_ package: InstalledPackage) -> [String] {
                [
                    package.kind.rawValue, package.name, package.version, package.architecture, package.license ?? "",
                    package.sourceName ?? "", package.sourceVersion ?? "",
                ]
            }
            return key(left).lexicographicallyPrecedes(key(right)) { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
        var known: Set<String> = []
        self.packages = sorted.filter { known.insert(Self.location(of: $0, release)).inserted }
        self.toolVersion = toolVersion
    }

    public func text(as format: Format) -> String {
        switch format {
        case .cyclonedx: Untrusted.inJSON(cycloneDX.pretty)
        case .spdx: Untrusted.inJSON(spdx.pretty)
        }
    }

    /// Where a package is known all over the world: a package URL.
    public func location(of package: InstalledPackage) -> String { Self.location(of: package, release) }

    private static func location(of package: InstalledPackage, _ release: OSRelease?) -> String {
        let usual = package.kind == .debian ? "debian" : "alpine"
        let distribution = release?.id ?? usual
        var text = "pkg:\(package.kind.rawValue)/\(distribution)/"
        text += quoted(package.name.lowercased()) + "@" + quoted(package.version)
        var more: [String] = []
        if !package.architecture.isEmpty { more.append("arch=" + quoted(package.architecture)) }
        if let version = release?.version { more.append("distro=\(distribution)-\(version)") }
        if let source = package.sourceName, source != package.name {
            let full = package.sourceVersion.map { "\(source)@\($0)" } ?? source
            more.append("upstream=" + quoted(full))
        }
        return more.isEmpty ? text : text + "?" + more.joined(separator: "&")
    }

    static func quoted(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let isPlain =
                (97...122).contains(byte | 0x20) || (48...57).contains(byte)
                || ".-_~:".utf8.contains(byte)
            if isPlain {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0" + digits : "%" + digits
            }
        }
        return result
    }

    /// Made from the image's digest (RFC 9562, version 8).
    var identifier: String {
        var bytes = Array(manifest.bytes.prefix(16))
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }
        return [hex[0..<4], hex[4..<6], hex[6..<8], hex[8..<10], hex[10..<16]].map { $0.joined() }
            .joined(separator: "-")
    }
}
