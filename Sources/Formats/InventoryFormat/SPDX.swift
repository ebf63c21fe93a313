import AuditFormat
import OCIFormat

extension SoftwareBill {
    private static let nothingSaid: AuditDocument = "NOASSERTION"

    var spdx: AuditDocument {
        let image: AuditDocument = [
            "SPDXID": "SPDXRef-Image", "name": .string(imageName), "versionInfo": .string("\(manifest)"),
            "downloadLocation": Self.nothingSaid, "filesAnalyzed": false, "primaryPackagePurpose": "CONTAINER",
            "licenseConcluded": Self.nothingSaid, "licenseDeclared": Self.nothingSaid,
            "copyrightText": Self.nothingSaid,
            "checksums": [["algorithm": "SHA256", "checksumValue": .string(manifest.hex)]],
        ]
        var relations: [AuditDocument] = [relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image")]
        relations += packages.map { relation("SPDXRef-Image", "CONTAINS", reference(to: $0)) }
        return [
            "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
            "name": .string(imageName),
            "documentNamespace": .string("https://spdx.org/spdxdocs/bulkhead-\(identifier)"),
            "creationInfo": [
                "created": .string(createdText),
                "creators": [.string("Tool: bulkhead-audit-\(toolVersion)")],
            ],
            "packages": .array([image] + packages.map(entry)), "relationships": .array(relations),
        ]
    }

    private func entry(_ package: InstalledPackage) -> AuditDocument {
        var members: [String: AuditDocument] = [
            "SPDXID": .string(reference(to: package)), "name": .string(package.name),
            "versionInfo": .string(package.version), "supplier": Self.nothingSaid,
            "downloadLocation": Self.nothingSaid, "filesAnalyzed": false, "licenseConcluded": Self.nothingSaid,
            "licenseDeclared": Self.nothingSaid, "copyrightText": Self.nothingSaid,
            "externalRefs": [
                [
                    "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                    "referenceLocator": .string(location(of: package)),
                ]
            ],
        ]
        if let license = package.license { members["licenseComments"] = .string("the package says: \(license)") }
        return .object(members)
    }

    private func relation(_ from: String, _ type: String, _ to: String) -> AuditDocument {
        ["spdxElementId": .string(from), "relationshipType": .string(type), "relatedSpdxElement": .string(to)]
    }

    /// Letters, digits, `.` and `-` only, and as many different ones as there are packages.
    private func reference(to package: InstalledPackage) -> String {
        let plain = package.name.utf8.prefix(64).map { byte in
            let isAllowed = (97...122).contains(byte | 0x20) || (48...57).contains(byte) || byte == UInt8(ascii: ".")
            return isAllowed ? byte : UInt8(ascii: "-")
        }
        let place = Digest(of: location(of: package).utf8).short
        return "SPDXRef-\(package.kind.rawValue)-\(String(decoding: plain, as: UTF8.self))-\(place)"
    }

    /// When the image was made, since the document says nothing else that time could change; the beginning of time for
    /// an image that does not say.
    private var createdText: String {
        guard let created, created.utf8.count >= 20, created.ends(with: "Z") else { return "1970-01-01T00:00:00Z" }
        let seconds = created.utf8.prefix(19)
        let pattern = Array("0000-00-00T00:00:00".utf8)
        let fits = zip(seconds, pattern).allSatisfy { byte, wanted in
            wanted == UInt8(ascii: "0") ? (48...57).contains(byte) : byte == wanted
        }
        return fits ? String(decoding: Array(seconds), as: UTF8.self) + "Z" : "1970-01-01T00:00:00Z"
    }
}
