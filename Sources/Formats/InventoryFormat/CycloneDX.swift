import AuditFormat

extension SoftwareBill {
    var cycloneDX: AuditDocument {
        [
            "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "bomFormat": "CycloneDX",
            "specVersion": "1.5", "serialNumber": .string("urn:uuid:\(identifier)"), "version": 1,
            "metadata": [
                "tools": [
                    "components": [
                        ["type": "application", "name": "bulkhead-audit", "version": .string(toolVersion)]
                    ]
                ],
                "component": [
                    "type": "container", "bom-ref": .string("\(manifest)"), "name": .string(imageName),
                    "version": .string("\(manifest)"),
                    "hashes": [["alg": "SHA-256", "content": .string(manifest.hex)]],
                ],
            ],
            "components": .array(system + packages.map(component)),
            "dependencies": [
                [
                    "ref": .string("\(manifest)"),
                    "dependsOn": .array(packages.map { .string(location(of: $0)) }),
                ]
            ],
        ]
    }

    private var system: [AuditDocument] {
        guard let release, let id = release.id else { return [] }
        var members: [String: AuditDocument] = [
            "type": "operating-system", "bom-ref": .string("os:\(id)"), "name": .string(id),
        ]
        if let version = release.version { members["version"] = .string(version) }
        if let pretty = release.prettyName { members["description"] = .string(pretty) }
        return [.object(members)]
    }

    private func component(_ package: InstalledPackage) -> AuditDocument {
        let location = location(of: package)
        var members: [String: AuditDocument] = [
            "type": "library", "bom-ref": .string(location), "name": .string(package.name),
            "version": .string(package.version), "purl": .string(location),
        ]
        if let license = package.license { members["licenses"] = [["license": ["name": .string(license)]]] }
        return .object(members)
    }
}
